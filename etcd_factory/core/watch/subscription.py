"""What all watches share: a place on the client's watch stream, and a re-read of the range where history is gone."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from etcd_factory import model
from etcd_factory.core.bound import Scoped
from etcd_factory.core.call.hooks import around
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F, Sync, finish
from etcd_factory.core.op import Op, message
from etcd_factory.errors import (
    ClientClosedError,
    CompactedError,
    DeadlineExceededError,
    EtcdError,
    FutureRevisionError,
    copied,
)
from etcd_factory.model.ranges import in_namespace

from .own_streams import OwnStreams
from .state import WatchOutput
from .stream import State, WatchStream

if TYPE_CHECKING:
    from etcd_factory.wire.messages import Event, RangeResponse

log = logging.getLogger("etcd_factory.watch")

HISTORY_GONE = (CompactedError, FutureRevisionError)  # the next events are compacted, or the store was rolled back


class Subscription(Scoped[F], ABC):
    """A watch of a range. Subclasses say what to do with its events; none of these hooks may wait.

    With ``resync`` it reads its range again where the next events are gone, instead of ending. With ``own`` it has a
    stream and a connection of its own.

    In a forked child it is ``inherited``: its place on the stream is the parent's, and it never touches that. One that
    only reads begins again by ``renew()``, called by all that is read of it.
    """

    __slots__ = (
        *("_run", "_fields", "_resync", "_own", "_runtime", "_skip", "_stream", "_created", "_confirmed"),
        *("_over", "_error", "_background", "_failed", "inherited", "is_kept", "id", "begun", "__weakref__"),
    )

    _run: View

    def __init__(self, view: View, fields: Mapping[str, Any], *, resync: bool, own: bool = False) -> None:
        self._run, self._fields, self._resync, self._own = view, fields, resync, own
        self._runtime, self._skip = view.client.runtime, len(view.namespace)
        self._background = view.client.background
        self._stream = self._open_stream()
        self._created = self._runtime.promise()
        self._confirmed = self._over = self._failed = self.is_kept = self.inherited = False
        self._error: Exception | None = None
        self.id = self.begun = 0  # ``begun``: the store's revision when the server first confirmed it
        self._background.register(self)

    def _open_stream(self) -> WatchStream:
        """Return the client's stream, or one of its own."""
        return self._client_streams().open() if self._own else self._background.get(WatchStream)

    def _client_streams(self) -> OwnStreams:
        return self._background.get(OwnStreams)

    def move_apart(self) -> None:
        """Have a stream of its own, before it begins, if the transport allows it."""
        streams = self._client_streams()
        if streams.can_open:
            self._own, self._stream = True, streams.open()

    # --- hooks of subclasses

    @abstractmethod
    def on_events(self, events: Sequence[Event]) -> bool:
        """Take etcd's events of one or more whole revisions; returns False to end the watch."""

    def on_progress(self, revision: int, *, requested: bool = False) -> None:
        """All events up to this revision have been delivered; ``requested``: by ``request_progress``."""

    def on_state(self, state: State, error: Exception | None = None) -> None:
        """The watch is ``connecting``, ``connected``, or ``disconnected`` by an error."""

    def on_resync(self, reply: RangeResponse) -> None:
        """The whole range was read again; the events that follow come after it."""

    def on_end(self, error: Exception | None) -> None:
        """The watch has ended, by this error."""

    def survives(self, error: Exception | None) -> bool:
        """Return whether to resync after this error."""
        return self._resync and isinstance(error, HISTORY_GONE)

    # --- beginning and ending

    def keep(self) -> None:
        """Go on even if the user drops it: there are handlers."""
        self.is_kept = True
        self._stream.keep(self.id, self)

    @property
    def subject(self) -> object:
        """What stands for the watch in hooks."""
        return self

    async def open(self, start: int) -> None:
        """Begin at revision ``start``, 0 for now, and wait until the server has confirmed it; raises its refusal."""
        try:
            with around(self._run.client.hooks, model.activity.Watching(self.subject)):
                self.begin(start)
                await self._confirmation()
        except EtcdError as error:
            await self.end()
            own = copied(error)  # others may be waiting for the same stream
            own.operation = own.operation or f"watch {self._fields['key']!r}"
            raise own from error
        except BaseException:
            await self.end()
            raise

    async def _confirmation(self) -> None:
        """Wait until the server has confirmed the watch; raises its refusal, or why there is no stream."""
        timeout = self._run.timeout
        try:
            refused: Exception | None = await self._created.wait(timeout)
        except DeadlineExceededError:
            late = f"the server did not confirm the watch within {timeout:g} s"
            host = self._run.client.endpoint
            refused = self._error or self._stream.error or DeadlineExceededError(late, endpoint=host)
        if refused is not None:
            raise refused

    def begin(self, start: int) -> None:
        """Begin at revision ``start`` without waiting until the server has confirmed it."""
        key, end = in_namespace(self._run.namespace, self._fields["key"], self._fields["range_end"])
        fields = {**self._fields, "key": key, "range_end": end, "progress_notify": True}
        if self._resync:  # only who has seen both kinds of events knows which keys were deleted
            fields["filters"] = []
        self.id = self._stream.add(self, fields, start)
        if self._over:  # ended by another thread meanwhile
            self._runtime.spawn(self._stream.remove(self.id), "etcd_factory watch ended")
            self._confirm(None)  # the server never will, and whoever waits for it must end

    async def read(self, **fields: Any) -> RangeResponse:
        """Return etcd's response to a read of the range, at one revision; repeated if that is compacted meanwhile."""
        while True:
            with suppress(CompactedError):
                read = Op("get", {**self._range(), **fields}, message, paged=True)
                reply: RangeResponse = await self._run.execute(read)
                return reply

    def _range(self) -> Mapping[str, Any]:
        return {"key": self._fields["key"], "range_end": self._fields["range_end"]}

    async def end(self) -> None:
        """End the watch, even if the caller is cancelled; idempotent."""
        self._over = True
        if not self.inherited:
            await self._background.complete(partial(self._stream.remove, self.id), "etcd_factory watch ended")

    # --- what the stream delivers; nothing here waits

    def deliver(self, output: WatchOutput) -> bool:
        """Take an output of the watch; returns False to end it."""
        if output.kind == "events":
            return self.on_events(output.events)
        if output.kind == "progress":
            self.on_progress(output.revision, requested=output.requested)
        elif output.kind == "created":
            self.begun, self._error = self.begun or output.revision, None
            self.on_state("connected")  # first: it is connected for whoever waits for the confirmation
            self._confirm(None)
        elif output.kind == "closed":
            self._fail(ClientClosedError())
        elif self.survives(output.error):
            self._runtime.spawn(self._resync_range(), "etcd_factory resync")
        else:
            self._fail(output.error)
        return True

    def state(self, state: State, error: Exception | None = None) -> None:
        """The stream is ``connecting``, or ``disconnected`` by an error."""
        self._error = error or self._error
        self.on_state(state, error)

    def _fail(self, error: Exception | None) -> None:
        self._failed = True
        self.on_end(error)  # first: who waits for the confirmation ends the watch, and with it what handlers are told
        self._confirm(error)

    def _confirm(self, refused: Exception | None) -> None:
        if not self._confirmed:
            self._confirmed = True
            self._created.set(refused)

    # --- after a compaction or a rollback

    async def _resync_range(self) -> None:
        """Read the range again and resume after it; retried until it succeeds or the watch ends."""
        failures = 0
        while not self._over:
            try:
                return await self._read_and_resume()
            except ClientClosedError as error:
                return self._fail(error)
            except Exception as error:
                failures += 1
                log.debug("could not read a range for resync, retrying: %s", error)
                await self._runtime.sleep(self._run.client.backoff(failures))
        return None

    async def _read_and_resume(self) -> None:
        reply = await self.read()
        if not self._over:
            self.on_resync(reply)
            self.begin(reply.header.revision + 1)

    # --- in a forked child

    def forget(self) -> object:
        """Leave the watch to the parent."""
        left = self._created
        self._created, self._confirmed, self.inherited, self.id = self._runtime.promise(), False, True, 0
        return left

    def renew(self) -> None:
        """Begin again at its first use in a forked child: before this returns, in asyncio in the background.

        Raises the error of reading the range; the next use tries again.
        """
        if self._over or self._failed:
            return
        if self._run.face is Sync:
            finish(self._run.client.single_flight.run(("renew", id(self)), self._renew))
        else:
            self.renew_later()

    async def _renew(self) -> None:
        if not self.inherited:  # another thread has done it
            return
        self._stream = self._open_stream()
        await self._read_and_resume()
        self.inherited = False
        if self._over:  # ended by another thread meanwhile
            await self._stream.remove(self.id)
        with suppress(DeadlineExceededError):  # the stream retries
            await self._created.wait(self._run.timeout)

    def renew_later(self) -> None:
        """Begin again in the background, retried until it succeeds; in asyncio not outside of an event loop."""
        if self._background.runs_here:
            self._stream, self.inherited = self._open_stream(), False
            self._runtime.spawn(self._resync_range(), "etcd_factory resync")
