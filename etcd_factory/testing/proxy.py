"""A TCP proxy in front of one endpoint, which does to connections what networks do to them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from attrs import frozen
from typing_extensions import Self

from .ports import HOST, free_ports
from .proxy_link import Link

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

BOUND_S = 10.0
CLASHES = 5
# How much of what clients sent is kept to be waited for.
KEPT = 1 << 20


@frozen
class Fault:
    """Which bytes of clients and of the target go on."""

    requests: bool = True
    replies: bool = True


WELL = Fault()
MUTE = Fault(replies=False)
HALF_OPEN = Fault(requests=False, replies=False)


class FaultProxy:
    """Passes bytes between clients and ``target`` (``host:port``) until it is told to do worse.

    >>> with FaultProxy(server.endpoint) as proxy:  # doctest: +SKIP
    ...     client = ETCDService({"hosts": proxy.endpoint})
    ...     proxy.cut()

    Each fault holds from the moment that its method returns, for open connections and new ones, until ``heal()`` or
    another fault. It works in a thread of its own, from ``start()`` to ``close()``.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        # Each way, in seconds; ``delay()`` sets it.
        self.pause = 0.0
        (self._port,) = free_ports(1)
        self._fault = WELL
        self._links: set[Link] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._passed, self._passing = bytearray(), threading.Condition()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint} to {self.target}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        """Where clients reach it: ``127.0.0.1:port``; settled once it is started."""
        return f"{HOST}:{self._port}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The one endpoint, as the ``hosts`` of a client."""
        return (self.endpoint,)

    @property
    def connections(self) -> int:
        """How many connections of clients are open."""
        return sum(link.near.is_open for link in tuple(self._links))

    def start(self) -> Self:
        """Accept connections; nothing if it does."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="etcd proxy", daemon=True)
            self._thread.start()
            try:
                self._run(self._settle())
            except OSError:
                self.close()
                raise
        return self

    def close(self) -> None:
        """Break all connections and end the thread; nothing if that has been done."""
        if self._loop is None or self._thread is None:
            return
        self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(BOUND_S)
        self._loop.close()
        self._loop = self._thread = None

    def delay(self, seconds: float) -> None:
        """Hold everything up for so long, each way; 0 is not at all."""
        self._run(self._slow(seconds))

    def cut(self) -> None:
        """Break all connections with a reset, and refuse new ones."""
        self._run(self._refuse())

    def reset(self) -> None:
        """Break all connections with a reset; new ones fare as the present fault says."""
        self._run(self._break())

    def half_open(self) -> None:
        """Accept connections and bytes, and swallow them: nobody is told anything, not even of an end."""
        self._run(self._become(HALF_OPEN))

    def drop_replies(self) -> None:
        """Let requests through and swallow what the target answers; ``reset()`` or ``cut()`` then ends it."""
        self._run(self._become(MUTE))

    def heal(self) -> None:
        """Be well again. Connections that bytes were taken from are broken: what followed would make no sense."""
        self._run(self._become(WELL))

    def wait_for_request(self, part: bytes = b"", timeout: float = 30.0) -> None:
        """Wait until bytes of clients, with ``part`` among them, were passed on since it was last told what to do.

        gRPC sends what it is given as it is, so the key of a put will do. ``TimeoutError`` when the time is over.
        """
        with self._passing:
            if not self._passing.wait_for(lambda: bool(self._passed) and part in self._passed, timeout):
                raise TimeoutError(f"no request with {part!r} within {timeout:g} s at {self!r}")

    def opened(self, link: Link) -> None:
        """For links: a client has connected."""
        self._links.add(link)
        if self._server is None:  # it was accepted just before the cut
            link.reset()
        elif self._fault is HALF_OPEN:
            link.is_holed = True
        else:
            host, _, port = self.target.rpartition(":")
            link.dial(host, int(port))

    def passes(self, link: Link, data: bytes, *, is_request: bool) -> bool:  # noqa: ARG002
        """For links: whether bytes go on."""
        if not is_request:
            return self._fault.replies
        if self._fault.requests:
            self._note(data)
        return self._fault.requests

    def ended(self, link: Link) -> None:
        """For links: both ends are closed."""
        self._links.discard(link)

    def _note(self, data: bytes) -> None:
        with self._passing:
            self._passed += data
            del self._passed[:-KEPT]
            self._passing.notify_all()

    def _run(self, body: Coroutine[Any, Any, None]) -> None:
        """Run it in the proxy's thread, to its end."""
        if self._loop is None:
            body.close()
            raise RuntimeError(f"{self!r} is not started: call start(), or use it in a with statement")
        asyncio.run_coroutine_threadsafe(body, self._loop).result(BOUND_S)

    def _forget(self) -> None:
        with self._passing:
            self._passed.clear()

    async def _slow(self, seconds: float) -> None:
        self._forget()
        self.pause = seconds

    async def _become(self, fault: Fault) -> None:
        self._forget()
        self._fault = fault
        if fault is WELL:
            self.pause = 0.0
            self._reset(link for link in self._links if link.is_holed)
        if self._server is None:
            await self._listen()

    async def _break(self) -> None:
        self._forget()
        self._reset(self._links)

    async def _refuse(self) -> None:
        if self._server:
            self._server.close()
        self._server = None
        await self._break()

    def _reset(self, links: Iterable[Link]) -> None:
        for link in tuple(links):
            link.reset()

    async def _settle(self) -> None:
        """Listen, on another port if somebody has taken the one chosen."""
        for left in reversed(range(CLASHES)):
            try:
                await self._listen()
                break
            except OSError:
                if not left:
                    raise
                (self._port,) = free_ports(1)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self).near, HOST, self._port)

    async def _leave(self) -> None:
        await self._refuse()
        while self._links or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # a few turns of the loop
            await asyncio.sleep(0)
