"""Taking messages of a stream for a task that waits for a mailbox: who gets which."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.errors import InternalError
from etcd_factory.io.http2.asyncio import AsyncioTransport
from etcd_factory.io.http2.exchange import TOGETHER
from etcd_factory.io.runtime.asyncio import Mailbox
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods
from tests.support.h2_server import BOUND
from tests.support.http2 import GOOD, data, headers, message, trailers
from tests.support.seats import MINE, OTHERS, prepare_mine

TICK = 0.01
MANY = 701  # messages, each seventh for the task of the stream, and so the last


class Watch:
    """A stream, the server's end of it, a task that receives from it, a mailbox, and what was kept for who waits."""

    def __init__(self, stream, wire, id):  # noqa: A002
        self.stream, self.wire, self.id, self.call = stream, wire, id, stream._call
        self.kept, self.box = [], Mailbox(10)

    @classmethod
    async def open(cls, server, transport):
        opening = asyncio.ensure_future(transport.stream(server.url, methods.WATCH, (), messages.WatchRequest()))
        wire = (await asyncio.to_thread(server.wire)).establish()
        stream, id = await opening, await asyncio.to_thread(wire.request)  # noqa: A001
        wire.say(headers(id))
        return cls(stream, wire, id)

    def say(self, *ids):
        """Send a message of each watch, all at once."""
        parts = [messages.WatchResponse(watch_id=one).SerializeToString() for one in ids]
        self.wire.say(*[data(self.id, message(part)) for part in parts])

    async def receive(self):
        """Receive in another task, which waits by now; returns it."""
        receiving = asyncio.ensure_future(self.stream.receive())
        await asyncio.sleep(0)
        assert self.call.is_awaited or self.call.messages or receiving.done()
        return receiving

    async def sit(self, timeout=BOUND):
        """Wait for the mailbox, and what is kept meanwhile; returns an item, and whether something was kept."""
        seat = self.stream.seat(prepare_mine(self.kept, lambda reply: MINE))
        return await self.box.get(timeout, seat), seat.is_filled


@pytest.fixture
async def watch(serve):
    server, transport = serve(), AsyncioTransport(ClientOptions.of({}))
    yield await Watch.open(server, transport)
    await transport.close()


async def test_a_message_is_kept_for_who_waits_and_wakes_no_other_task(watch):
    receiving = await watch.receive()
    watch.say(MINE)
    assert await watch.sit() == (None, True)
    assert (watch.kept, receiving.done(), watch.call.is_awaited) == ([MINE], False, True)
    watch.say(OTHERS)
    assert (await receiving).watch_id == OTHERS


async def test_messages_that_came_together_are_kept_together(watch):
    receiving = await watch.receive()
    watch.say(MINE, MINE, OTHERS)
    assert await watch.sit() == (None, True)
    assert watch.kept == [MINE, MINE]
    assert (await receiving).watch_id == OTHERS


async def test_of_very_many_some_are_kept_and_the_next_ones_by_who_comes_next(watch):
    receiving = await watch.receive()
    watch.say(*[MINE] * (TOGETHER + 2))
    counts = [(await watch.sit(), len(watch.kept))[1] for _ in range(2)]
    assert counts == [TOGETHER, TOGETHER + 2]
    watch.say(OTHERS)
    assert (await receiving).watch_id == OTHERS


async def test_those_that_nobody_comes_back_for_wake_the_task_of_the_stream(watch):
    receiving = await watch.receive()
    watch.say(*[MINE] * (TOGETHER + 1))
    await watch.sit()
    assert (await receiving).watch_id == MINE
    assert not watch.call.is_done


async def test_a_message_for_others_is_for_the_task_of_the_stream_and_so_are_those_after_it(watch):
    receiving, sitting = await watch.receive(), asyncio.ensure_future(watch.sit())
    watch.say(OTHERS, MINE)
    assert (await receiving).watch_id == OTHERS
    receiving = await watch.receive()
    assert (await receiving).watch_id == MINE
    receiving = await watch.receive()
    watch.say(MINE)
    assert (await receiving).watch_id == MINE
    watch.box.put("item")
    assert await sitting == ("item", False)


async def test_an_item_of_the_mailbox_ends_it(watch):
    receiving = await watch.receive()
    watch.box.put("item")
    assert await watch.sit() == ("item", False)
    sitting = asyncio.ensure_future(watch.sit())
    await asyncio.sleep(0)
    watch.box.put("another")
    assert await sitting == ("another", False)
    receiving.cancel()


@pytest.mark.parametrize("timeout", [0.0, TICK])
async def test_it_ends_at_its_timeout_and_takes_nothing_after_it(watch, timeout):
    receiving = await watch.receive()
    assert await watch.sit(timeout) == (None, False)
    watch.say(MINE)
    assert (await receiving).watch_id == MINE


async def test_a_cancelled_task_takes_nothing_after_it(watch):
    receiving, sitting = await watch.receive(), asyncio.ensure_future(watch.sit())
    await asyncio.sleep(0)
    sitting.cancel()
    await asyncio.wait([sitting])
    watch.say(MINE)
    assert (await receiving).watch_id == MINE


async def test_only_one_sits_at_a_time(watch):
    receiving = await watch.receive()
    first, second = (asyncio.ensure_future(watch.sit(timeout)) for timeout in (BOUND, TICK))
    assert await second == (None, False)
    watch.say(MINE)
    assert await first == (None, True)
    receiving.cancel()


async def test_nobody_takes_what_comes_while_the_task_of_the_stream_is_busy(watch):
    watch.say(MINE)
    assert await watch.sit(TICK) == (None, False)
    assert (await watch.stream.receive()).watch_id == MINE


async def test_the_end_of_the_stream_is_for_its_task(watch):
    receiving, sitting = await watch.receive(), asyncio.ensure_future(watch.sit())
    watch.wire.say(trailers(watch.id, GOOD))
    assert await receiving is None
    watch.box.close()
    assert await sitting == (None, False)


async def test_a_malformed_message_is_an_error_for_the_task_of_the_stream(watch):
    receiving, sitting = await watch.receive(), asyncio.ensure_future(watch.sit())
    watch.wire.say(data(watch.id, message(b"\xff")))
    with pytest.raises(InternalError):
        await receiving
    watch.box.close()
    await sitting


async def test_all_messages_come_in_order_whoever_takes_them(watch):
    seen = watch.kept
    ids = [MINE if number % 7 else OTHERS for number in range(MANY)]
    parts = [messages.WatchResponse(watch_id=id, header={"revision": at}) for at, id in enumerate(ids)]  # noqa: A001

    async def receive():
        while len(seen) < MANY:
            seen.append((await watch.stream.receive()).header.revision)

    prepare = prepare_mine(seen, lambda reply: reply.header.revision)
    receiving = asyncio.ensure_future(receive())
    frames = [data(watch.id, message(part.SerializeToString())) for part in parts]
    speaking = asyncio.ensure_future(asyncio.to_thread(lambda: [watch.wire.say(frame) for frame in frames]))
    while not receiving.done():
        await watch.box.get(TICK, watch.stream.seat(prepare))
    await speaking
    assert seen == [*range(MANY)]
