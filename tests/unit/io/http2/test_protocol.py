"""A connection of an event loop: how it writes, waits, keeps the time and ends."""

from __future__ import annotations

import asyncio
import select
import socket
from math import inf
from time import monotonic

import pytest

from etcd_factory.errors import ClientClosedError, ConnectionFailedError, DeadlineExceededError
from etcd_factory.io.http2 import keepalive
from etcd_factory.io.http2.calls import Blocks, framed
from etcd_factory.io.http2.protocol import AsyncioCall, H2Protocol, input_of
from etcd_factory.options import Keepalive
from tests.support.h2_server import BOUND, Wire
from tests.support.http2 import REQUEST, goaway, window

aside = asyncio.to_thread
SHORT = 0.1  # seconds, of what is not answered
LARGE = 1 << 22  # bytes, more than a socket's buffers take
OWNER, OTHER = object(), object()


@pytest.fixture
async def join():
    """A function that returns a protocol and the server's end of its connection."""
    opened = []

    async def make(*given, options=Keepalive(10, 5)):  # noqa: B008
        near, far = socket.socketpair()
        near.setblocking(False)
        loop = asyncio.get_running_loop()
        protocol, wire = H2Protocol(loop, Blocks("http", "etcd", "test"), options, "etcd:2379"), Wire(far)
        await loop.create_connection(lambda: protocol, sock=near)
        opened.append((protocol, wire))
        wire.establish(*given)
        assert await protocol.until(BOUND, lambda: protocol.machine.is_established)
        return protocol, wire

    yield make
    for protocol, wire in opened:
        protocol.close("the test is over")
        wire.close()
        await protocol.wait_closed()


def begin(protocol, *, seconds=BOUND, content=b"question", owner=OWNER, is_stream=False):
    start = monotonic()
    call = AsyncioCall("etcd:2379", owner, start, start + seconds)
    call.refill = not is_stream
    protocol.start(call, REQUEST, framed(content), not is_stream)
    return call


async def finish(protocol, call):
    await protocol.news(call)
    if call.error is not None:
        raise call.error
    return call.messages[0]


class Written:
    """Counts what is written in the place of a protocol's transport."""

    def __init__(self, protocol):
        self._inner, self.writes = protocol._transport, []
        protocol._transport = self

    def write(self, data):
        self.writes.append(data)
        self._inner.write(data)

    def __getattr__(self, name):
        return getattr(self._inner, name)


# --- writing


async def test_what_is_sent_in_one_turn_of_the_loop_leaves_together(join):
    protocol, wire = await join()
    await aside(wire.until, "SETTINGS")
    written = Written(protocol)
    calls = [begin(protocol) for _ in range(10)]
    assert len(written.writes) == 1  # the first one at once
    for stream in await aside(wire.requests, 10):
        wire.answer(stream)
    await asyncio.gather(*(finish(protocol, call) for call in calls))
    assert len(written.writes) <= 3


async def test_while_the_socket_is_full_nothing_more_is_given_to_it(join):
    protocol, wire = await join((4, (1 << 31) - 1))
    wire.say(window(0, 1 << 30))
    assert await protocol.until(BOUND, lambda: protocol.machine._flow.window > LARGE)
    large = begin(protocol, content=bytes(LARGE))
    assert protocol.is_paused
    written, small = Written(protocol), begin(protocol)
    await asyncio.sleep(0)
    assert (written.writes, small.is_written) == ([], False)
    for stream in await aside(wire.requests, 2):
        wire.answer(stream, str(stream).encode())
    assert [await finish(protocol, call) for call in (large, small)] == [b"1", b"3"]
    assert not protocol.is_paused


async def test_a_call_that_ends_before_it_is_written_never_leaves(join):
    protocol, wire = await join()
    first, second = begin(protocol), begin(protocol)
    protocol.cancel(second)
    assert await aside(wire.request) == first.id
    wire.answer(first.id)
    await finish(protocol, first)
    third = begin(protocol)
    assert await aside(wire.request) == third.id != second.id


async def test_cancelling_a_call_that_was_sent_resets_its_stream(join):
    protocol, wire = await join()
    call = begin(protocol)
    stream = await aside(wire.request)
    protocol.cancel(call)
    assert (await aside(wire.until, "RST_STREAM")).stream_id == stream
    wire.answer(stream)  # it may come late
    other = begin(protocol)
    wire.answer(await aside(wire.request))
    await finish(protocol, other)


# --- time


async def test_many_calls_take_one_timer_of_the_loop(join, monkeypatch):
    protocol, wire = await join()
    loop, timers = asyncio.get_running_loop(), []
    real = loop.call_at
    monkeypatch.setattr(loop, "call_at", lambda when, *args, **kw: timers.append(when) or real(when, *args, **kw))
    calls = [begin(protocol, seconds=BOUND) for _ in range(100)]
    assert len(timers) <= 1
    nearest = begin(protocol, seconds=SHORT)
    assert timers[-1] == nearest.deadline
    with pytest.raises(DeadlineExceededError):
        await finish(protocol, nearest)
    for stream in await aside(wire.requests, 100):
        await aside(wire.answer, stream)
    await asyncio.gather(*(finish(protocol, call) for call in calls))
    assert len(timers) <= 5


async def test_a_call_ends_at_its_deadline_and_the_server_is_told(join):
    protocol, wire = await join()
    call = begin(protocol, seconds=SHORT)
    with pytest.raises(DeadlineExceededError) as caught:
        await finish(protocol, call)
    assert caught.value.sent
    assert (await aside(wire.until, "RST_STREAM")).stream_id == call.id


async def test_a_stream_has_no_deadline_but_its_connection_is_asked(join, monkeypatch):
    monkeypatch.setattr(keepalive, "INTERVAL", 0.0)
    protocol, wire = await join(options=Keepalive(SHORT, BOUND))
    call = begin(protocol, seconds=inf, is_stream=True)
    await aside(wire.pong)
    wire.answer(call.id, b"news")
    assert await finish(protocol, call) == b"news"


async def test_a_server_that_gives_no_sign_of_life_is_left(join, monkeypatch):
    monkeypatch.setattr(keepalive, "INTERVAL", 0.0)
    protocol, wire = await join(options=Keepalive(SHORT, SHORT))
    call = begin(protocol, seconds=inf, is_stream=True)
    with pytest.raises(ConnectionFailedError, match="did not answer a PING within"):
        await finish(protocol, call)
    assert "PING" in await aside(wire.rest)


async def test_a_server_answers_in_time_or_not(join):
    protocol, wire = await join()
    asking = asyncio.ensure_future(protocol.answers(BOUND))
    await aside(wire.pong)
    assert await asking
    assert not await protocol.answers(SHORT)


async def test_streams_of_a_doubted_connection_end_and_calls_do_not(join, monkeypatch):
    monkeypatch.setattr(keepalive, "DOUBT", SHORT)
    protocol, wire = await join()
    stream, call = begin(protocol, seconds=inf, is_stream=True), begin(protocol)
    protocol.doubt(monotonic())
    with pytest.raises(ConnectionFailedError, match="the server is silent"):
        await finish(protocol, stream)
    assert not protocol.machine.is_usable
    await aside(wire.until, "PING")
    wire.answer(call.id, b"late")
    assert await finish(protocol, call) == b"late"
    await aside(wire.rest)


# --- ends


@pytest.mark.parametrize("has_poll", [True, False])
async def test_a_look_takes_what_has_arrived(join, monkeypatch, has_poll):
    if not has_poll:
        monkeypatch.delattr(select, "poll")
    protocol, wire = await join()
    wire.say(goaway(0))
    await protocol.look()
    assert protocol.machine.is_usable is not has_poll
    assert "HEADERS" not in await aside(wire.rest)


async def test_a_system_without_poll_cannot_look(monkeypatch):
    monkeypatch.delattr(select, "poll")
    near, far = socket.socketpair()
    with near, far:
        assert input_of(near) is None


async def test_a_broken_connection_ends_all_its_calls(join):
    protocol, wire = await join()
    calls = [begin(protocol, owner=owner) for owner in (OWNER, OTHER)]
    await aside(wire.requests, 2)
    wire.close()
    errors = await asyncio.gather(*(finish(protocol, call) for call in calls), return_exceptions=True)
    assert [(type(error), error.sent) for error in errors] == [(ConnectionFailedError, True)] * 2
    late = begin(protocol)
    with pytest.raises(ConnectionFailedError) as caught:
        await finish(protocol, late)
    assert caught.value.sent is False


async def test_closing_a_client_ends_its_calls_only(join):
    protocol, wire = await join()
    mine, other = begin(protocol), begin(protocol, owner=OTHER)
    await aside(wire.requests, 2)
    protocol.end_calls(OWNER)
    with pytest.raises(ClientClosedError):
        await finish(protocol, mine)
    assert (await aside(wire.until, "RST_STREAM")).stream_id == mine.id
    wire.answer(other.id, b"other")
    assert await finish(protocol, other) == b"other"


async def test_a_retired_connection_ends_with_its_last_call(join):
    protocol, wire = await join()
    call = begin(protocol)
    stream = await aside(wire.request)
    protocol.retire()
    wire.answer(stream, b"last")
    assert await finish(protocol, call) == b"last"
    assert "HEADERS" not in await aside(wire.rest)


async def test_closing_tells_the_peer_and_closes_the_socket(join):
    protocol, wire = await join()
    call = begin(protocol)
    protocol.close("over")
    with pytest.raises(ConnectionFailedError):
        await finish(protocol, call)
    await protocol.wait_closed()
    assert protocol._transport is None
    assert (await aside(wire.rest))[-1] == "GOAWAY"


async def test_closing_does_not_wait_for_a_peer_that_reads_nothing(join, monkeypatch):
    monkeypatch.setattr("etcd_factory.io.http2.protocol.CLOSE_TIMEOUT", SHORT)
    protocol, wire = await join((4, (1 << 31) - 1))
    wire.say(window(0, 1 << 30))
    assert await protocol.until(BOUND, lambda: protocol.machine._flow.window > LARGE)
    begin(protocol, content=bytes(LARGE))
    protocol.close("over")
    await protocol.wait_closed()
    assert protocol._transport is None
