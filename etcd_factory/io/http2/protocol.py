"""An HTTP/2 connection on asyncio. Nothing has a task of its own: bytes that arrive wake the tasks that wait."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Iterable
from math import inf
from time import monotonic
from typing import Any, cast

from etcd_factory.options import Keepalive

from .calls import Blocks, Call
from .connection import Connection
from .keepalive import Liveness, Look

BUFFER = 1 << 16  # bytes read at once
TURNS = 5  # of the event loop, until it has read what is there, and TLS has passed on the end of the connection
CLOSE_TIMEOUT = 1.0  # seconds that sending the last bytes may take


class AsyncioCall(Call):
    """A call, and the task that waits for news of it."""

    __slots__ = ("deadline", "owner", "start", "waiter")

    def __init__(self, endpoint: str, owner: object, start: float, deadline: float) -> None:
        super().__init__(endpoint)
        self.owner, self.start, self.deadline = owner, start, deadline
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Wake the task."""
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class H2Protocol(asyncio.BufferedProtocol):
    """One connection in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, blocks: Blocks, keepalive: Keepalive, endpoint: str) -> None:
        self._loop, self.blocks, self.endpoint = loop, blocks, endpoint
        self.machine = Connection()
        self.liveness = Liveness(keepalive, monotonic())
        self.error: Exception | None = None  # what ended it
        self._transport: asyncio.Transport | None = None
        self._input: select.poll | None = None
        self._buffer = memoryview(bytearray(BUFFER))
        self._is_flushing = self._is_paused = False
        self._due, self._timer = inf, cast("asyncio.TimerHandle | None", None)
        self._watchers: set[asyncio.Future[None]] = set()

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with the preface."""
        self._transport = cast("asyncio.Transport", transport)
        self._input = input_of(transport.get_extra_info("socket"))
        self.flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes."""
        machine = self.machine
        self.liveness.hear(monotonic())
        for call in machine.receive(bytes(self._buffer[:nbytes])):
            self._news(call)
        if machine.has_output:
            self._flush_soon()  # with what the tasks send that were woken
        if self._watchers:
            self._notify()
        if not machine.is_usable:
            self._wind_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all calls."""
        self.error = self.error or exc
        self._end(f"the connection broke: {exc}" if exc else "the server closed the connection")

    def pause_writing(self) -> None:
        """Keep what is to be sent until the socket accepts more."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on sending."""
        self._is_paused = False
        self.flush()
        self._notify()

    # --- the transport's side

    def start(self, call: AsyncioCall, block: bytes, data: bytes, end: bool) -> None:
        """Begin a call. What is sent in one turn of the loop goes out together; a single call at once."""
        machine = self.machine
        machine.request(call, block, data, end)
        if call.deadline < self._due or self._timer is None:
            self._schedule(min(call.deadline, self.liveness.due(busy=True)))
        if not self._is_flushing:
            if len(machine.streams) == 1:
                self.flush()
            else:
                self._flush_soon()

    def send(self, call: AsyncioCall, data: bytes, end: bool = False) -> None:
        """Send more of a call."""
        self.machine.send(call, data, end)
        self._flush_soon()

    def cancel(self, call: AsyncioCall) -> None:
        """End a call here."""
        self.machine.reset(call)
        self._flush_soon()
        if not self.machine.is_usable:
            self._wind_up()

    def taken(self, call: AsyncioCall, size: int) -> None:
        """So much of a stream was read: the server may send more."""
        self.machine.taken(call, size)
        if self.machine.has_output:
            self._flush_soon()

    async def news(self, call: AsyncioCall) -> None:
        """Wait for news of a call; one that was refused has them already."""
        if call.is_done:
            return
        call.waiter = self._loop.create_future()
        try:
            await call.waiter
        finally:
            call.waiter = None

    def soon(self, callback: Callable[[], object]) -> None:
        """Call it in the next turn of the loop, if there is one."""
        if not self._loop.is_closed():
            self._loop.call_soon(callback)

    async def until(self, timeout: float, condition: Any) -> bool:
        """Return whether a condition holds within so many seconds; it is looked at when something arrives."""
        await self._watch(timeout, lambda: condition() or self.machine.is_closed)
        return bool(condition())

    async def _watch(self, timeout: float, condition: Any) -> None:
        """Wait until a condition holds, or the time is over."""
        deadline = monotonic() + timeout
        while not condition():
            watcher = self._loop.create_future()
            self._watchers.add(watcher)
            timer = self._loop.call_at(deadline, wake, watcher)
            try:
                await watcher
            finally:
                timer.cancel()
                self._watchers.discard(watcher)
            if monotonic() >= deadline:
                break

    async def answers(self, timeout: float) -> bool:
        """Return whether the server answers a PING within so many seconds."""
        self.liveness.ask(monotonic())
        self.machine.ping()
        self._flush_soon()
        return await self.until(timeout, lambda: not self.machine.is_asked)

    def doubt(self, since: float) -> None:
        """Look soon whether the server is alive, if nothing was heard since then."""
        if self.liveness.suspect(since, monotonic()):
            self.machine.ping()
            self._schedule(min(self._due, self.liveness.due(busy=True)))
            self._flush_soon()

    async def look(self) -> None:
        """Let the event loop take what has arrived: the server may have closed the connection."""
        if self._input is not None and self._input.poll(0):
            for _ in range(TURNS):
                await asyncio.sleep(0)

    @property
    def is_paused(self) -> bool:
        """Whether the socket accepts no more for the moment."""
        return self._is_paused

    def retire(self) -> None:
        """Accept no more calls; those under way go on."""
        self.machine.is_draining = True
        self.liveness.distrust()
        self._wind_up()

    def close(self, message: str) -> None:
        """End all calls and the connection."""
        for call in self.machine.close(message):
            self._news(call)
        self._wind_up()

    def end_calls(self, owner: object) -> None:
        """End the calls of a client that is closed."""
        calls: Iterable[Any] = list(self.machine.pending())
        for call in calls:
            if call.owner is owner:
                self.machine.reset(call)
                call.close()
                call.wake()
        self._flush_soon()

    async def wait_closed(self) -> None:
        """Wait until the last bytes are sent and the socket is closed, for a bounded time."""
        await self._watch(CLOSE_TIMEOUT, lambda: self._transport is None)
        if self._transport is not None:
            self._transport.abort()
            await self._watch(CLOSE_TIMEOUT, lambda: self._transport is None)

    # --- inside

    def _news(self, call: Any) -> None:
        if call.is_done and call.is_open:  # the call is over, the stream is not
            self.machine.reset(call)
        call.wake()

    def _notify(self) -> None:
        for watcher in self._watchers:
            wake(watcher)

    def flush(self) -> None:
        """Send what there is."""
        self._is_flushing = False
        if self._is_paused or self._transport is None:
            return
        data = self.machine.take()
        if data:
            self._transport.write(data)

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self.flush)

    def _wind_up(self) -> None:
        """Close the socket of a connection that is over, or will be used no more."""
        self.liveness.distrust()
        if self.machine.is_closed or not self.machine.is_busy:
            self.flush()
            if self._transport is not None:
                self._transport.close()

    def _end(self, message: str) -> None:
        self._transport = None
        self.liveness.distrust()
        for call in self.machine.lost(message):
            self._news(call)
        if self._timer is not None:
            self._timer.cancel()
        self._notify()

    # --- time

    def _schedule(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due, self._timer = due, self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        """End the calls whose time is over, and look whether the server is alive."""
        self._due, self._timer, now = inf, None, monotonic()
        nearest = self._expire(now)
        busy = self.machine.is_busy
        try:
            look = self.liveness.check(now, busy=busy)
        except TimeoutError as error:
            self.error = error
            if self._transport is not None:
                self._transport.abort()
            return self._end(str(error))
        if look is Look.PING:
            self.machine.ping()
        elif look is Look.END_STREAMS:
            self._end_streams()
        nearest = min(nearest, self.liveness.due(busy=busy))
        if nearest < inf:
            self._schedule(nearest)
        return self.flush()

    def _end_streams(self) -> None:
        """Nothing is heard any more: calls may wait, but streams resume on another connection."""
        self.machine.is_draining = True
        calls: Iterable[Any] = list(self.machine.pending())
        for call in calls:
            if not call.refill:
                self.machine.reset(call)
                call.leave()
                call.wake()

    def _expire(self, now: float) -> float:
        """End the calls whose time is over; returns when that of another one is."""
        calls: Iterable[Any] = list(self.machine.pending())
        for call in calls:
            if call.deadline <= now:
                if self.liveness.suspect(call.start, now):
                    self.machine.ping()
                self.machine.reset(call)
                call.expire(call.deadline - call.start)
                call.wake()
        return min((call.deadline for call in calls if call.deadline > now), default=inf)


def input_of(sock: Any) -> select.poll | None:
    """Return what tells whether a socket has unread bytes; None where the system cannot."""
    if not hasattr(select, "poll"):
        return None
    made = select.poll()
    made.register(sock.fileno(), select.POLLIN)
    return made


def wake(future: asyncio.Future[None]) -> None:
    """Wake whoever waits for a future."""
    if not future.done():
        future.set_result(None)
