"""Changes as they come: server-sent events, whose id is the revision, so that a stream that broke goes on after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from etcd_factory.core.face import Async
from etcd_factory.core.watch.builder import Watch
from etcd_factory.errors import EtcdFactoryError
from etcd_factory.model import Event

from .scene import Scene, key_of
from .values import cut, encoded

PREVIEW = 200  # bytes of a value
TOGETHER = 500  # changes of one message
WAITING = 100  # messages; then the watch waits, and etcd-factory ends it if too many events do

Messages = asyncio.Queue["str | None"]


async def watch(scene: Scene, request: Request) -> Response:
    """Stream the changes of a key, or of all keys with a ``prefix``: from now on, or after ``Last-Event-ID``."""
    etcd, key, prefix = scene.client(request), key_of(request), key_of(request, "prefix")
    last = request.headers.get("last-event-id", "")
    # a key in the range, which the user may read
    seen = int(last) if last.isdecimal() else (await etcd.get(key or prefix or b"\0").exec()).revision
    chosen = etcd.watch().key(key) if key else etcd.watch().prefix(prefix)
    watching = chosen.previous().start_revision(seen + 1)
    return StreamingResponse(stream(watching, seen), media_type="text/event-stream")


async def stream(watching: Watch[Async], seen: int) -> AsyncGenerator[str, None]:
    """Yield the messages of a watch, until it ends."""
    queue: Messages = asyncio.Queue(WAITING)
    yield message("open", {"revision": seen}, seen)
    try:
        async with followed(watching, queue).create():
            while (found := await queue.get()) is not None:
                yield found
    except EtcdFactoryError as error:  # the answer has begun
        yield failure(error)


def followed(watching: Watch[Async], queue: Messages) -> Watch[Async]:
    """Put what happens to a watch into a queue as messages, at its end None."""

    async def changes(events: Sequence[Event]) -> None:
        for one in messages(events):
            await queue.put(one)

    async def disconnected(error: Exception) -> None:
        await queue.put(message("disconnected", {"error": str(error)}))

    async def connected() -> None:
        await queue.put(message("connected", {}))

    async def failed(error: Exception) -> None:
        await queue.put(failure(error))
        await queue.put(None)

    async def ended() -> None:
        await queue.put(None)

    handlers = {"data": changes, "disconnected": disconnected, "connected": connected, "error": failed, "end": ended}
    for event, handler in handlers.items():
        watching = watching.on(event, handler)  # type: ignore[arg-type]
    return watching


def failure(error: Exception) -> str:
    """Return the message of what ended a watch."""
    return message("failed", {"error": str(error), "kind": type(error).__name__})


def messages(events: Sequence[Event]) -> Iterator[str]:
    """Yield events, which are all of their revisions, as messages of some; only the last one has the id."""
    for first in range(0, len(events), TOGETHER):
        some = events[first : first + TOGETHER]
        yield message("changes", [*map(described, some)], events[-1].revision if some[-1] is events[-1] else None)


def described(event: Event) -> dict[str, object]:
    """Return a change as JSON has it."""
    put = event.type == "put"
    return {
        "type": event.type,
        "key": encoded(event.kv.key),
        "revision": event.revision,
        "value": cut(event.kv.value, PREVIEW) if put else None,
        "previous": cut(event.previous.value, PREVIEW) if event.previous else None,
    }


def message(kind: str, data: object, id: int | None = None) -> str:  # noqa: A002
    """Return a server-sent event."""
    lines: Iterable[str] = (f"event: {kind}", f"data: {json.dumps(data)}", *([] if id is None else [f"id: {id}"]))
    return "\n".join(lines) + "\n\n"
