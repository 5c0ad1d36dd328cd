"""The deadline of each message of a stream."""

from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory.core.call.stall import StallTimeout
from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages, methods

HOST = "http://a:1"
TICK = 0.01  # seconds
BOUND = 10  # seconds that nothing here takes


def part(data):
    return messages.SnapshotResponse(blob=data)


@pytest.fixture
async def stalling(runtime, run):
    """A function that opens a stream of these parts, each of which must come within ``limit`` seconds."""
    opened = []

    async def make(*parts, limit=BOUND):
        transport = ScriptedTransport({"Snapshot": StreamScript(*parts)})
        stream = await transport.stream(HOST, methods.SNAPSHOT, (), messages.SnapshotRequest())
        opened.append(StallTimeout(runtime, stream, limit, "a:1"))
        return opened[-1]

    yield make
    for one in opened:
        await run(one.close())


async def test_messages_and_the_end_pass(run, stalling):
    stream = await stalling(part(b"a"), part(b"b"), replies.END)
    assert [(await run(stream.receive())).blob for _ in range(2)] == [b"a", b"b"]
    assert await run(stream.receive()) is None


async def test_an_error_of_the_stream_passes(run, stalling):
    stream = await stalling(ConnectionFailedError("broke"))
    with pytest.raises(ConnectionFailedError, match="broke"):
        await run(stream.receive())


async def test_a_message_that_does_not_come_in_time_is_a_deadline_error(run, stalling):
    stream = await stalling(limit=TICK)
    with pytest.raises(DeadlineExceededError, match=r"no message for 0\.01 s") as caught:
        await run(stream.receive())
    assert caught.value.endpoint == "a:1"


async def test_the_time_between_two_reads_does_not_count(clock, monkeypatch):
    """A reader that is slow, because a disk is, is not cut off."""
    looked = threading.Semaphore(0)

    def signal():
        one = type(clock).signal()
        wait = one.wait

        async def announced(timeout=None):
            looked.release()
            return await wait(timeout)

        one.wait = announced
        return one

    monkeypatch.setattr(clock, "signal", signal, raising=False)
    transport = ScriptedTransport({"Snapshot": StreamScript(part(b"a"), part(b"b"))})
    opened = await transport.stream(HOST, methods.SNAPSHOT, (), messages.SnapshotRequest())
    stream = StallTimeout(clock, opened, TICK, "a:1")
    await stream.receive()
    clock.time += 100
    for _ in range(3):  # it has looked since then
        assert await asyncio.to_thread(looked.acquire, timeout=BOUND)
    assert (await stream.receive()).blob == b"b"
    await stream.close()


async def test_closing_ends_the_stream_and_its_task(run, stalling):
    stream = await stalling()
    receiving = run(stream.receive())
    await asyncio.sleep(0)
    await asyncio.wait_for(run(stream.close()), BOUND)
    assert await asyncio.wait_for(receiving, BOUND) is None
