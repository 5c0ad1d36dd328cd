"""Scripted streams, on threads and on asyncio."""

import asyncio
import threading

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import ConnectionFailedError
from etcd_factory.testing import StreamScript
from etcd_factory.testing.scripted_stream import END
from etcd_factory.wire import messages

BOUND = 10  # seconds that nothing here takes


def renewed(ttl, lease=1):
    return messages.LeaseKeepAliveResponse(ID=lease, TTL=ttl)


def renewal(lease=1):
    return messages.LeaseKeepAliveRequest(ID=lease)


class Threads:
    """A receiver that blocks a thread."""

    async def receive(self, stream):
        return await asyncio.to_thread(lambda: finish(stream.receive()))

    async def push(self, script, *parts):
        await asyncio.to_thread(script.push, *parts)


class Tasks:
    """A receiver that is a task; parts are pushed by another thread."""

    async def receive(self, stream):
        return await stream.receive()

    push = Threads.push


@pytest.fixture(params=[Threads, Tasks])
def side(request):
    return request.param()


def opened(script, *sent):
    stream = script.open([], has_request=False)
    for message in sent:
        stream.send(message)
    return stream


async def waiting(side, stream):
    """A receiver that waits: nothing is there to be received."""
    task = asyncio.ensure_future(side.receive(stream))
    while stream._waiter is None:  # noqa: ASYNC110  # set when it begins to look
        await asyncio.sleep(0)
    return task


async def test_parts_arrive_in_order_and_then_the_stream_ends(side):
    stream = opened(StreamScript(renewed(1), renewed(2), END), renewal())
    assert [await side.receive(stream) for _ in range(3)] == [renewed(1), renewed(2), None]
    assert await side.receive(stream) is None


async def test_an_exception_breaks_the_stream(side):
    stream = opened(StreamScript(ConnectionFailedError("broke")), renewal())
    with pytest.raises(ConnectionFailedError, match="broke"):
        await side.receive(stream)
    assert await side.receive(stream) is None


async def test_a_broken_stream_resumes_the_script_when_it_is_opened_again(side):
    script = StreamScript(renewed(1), END, renewed(2))
    first = opened(script, renewal())
    assert [await side.receive(first), await side.receive(first)] == [renewed(1), None]
    assert script.left == (renewed(2),)
    assert await side.receive(opened(script, renewal())) == renewed(2)


async def test_each_message_of_the_client_gets_a_reply(side):
    stream = opened(StreamScript(reply=lambda request: renewed(9, request.ID)), renewal(3), renewal(4))
    assert [await side.receive(stream), await side.receive(stream)] == [renewed(9, 3), renewed(9, 4)]


@pytest.mark.parametrize(
    ("reply", "received"),
    [
        (lambda request: [renewed(1), renewed(2)], [renewed(1), renewed(2)]),
        (lambda request: None, [renewed(0)]),
        (lambda request: END, [None]),
    ],
)
async def test_a_reply_may_be_several_messages_none_or_the_end(side, reply, received):
    stream = opened(StreamScript(renewed(0), reply=reply), renewal())
    assert [await side.receive(stream) for _ in received] == received


async def test_an_error_in_a_reply_function_breaks_the_stream(side):
    stream = opened(StreamScript(reply=lambda request: 1 / 0), renewal())
    with pytest.raises(ZeroDivisionError):
        await side.receive(stream)


async def test_the_server_sends_nothing_before_the_client_does(side):
    stream = StreamScript(renewed(1)).open([], has_request=False)
    receiver = await waiting(side, stream)
    assert not receiver.done()
    stream.send(renewal())
    assert await asyncio.wait_for(receiver, BOUND) == renewed(1)


async def test_a_stream_with_one_request_begins_at_once(side):
    assert await side.receive(StreamScript(renewed(1)).open([], has_request=True)) == renewed(1)


async def test_pushed_parts_wake_the_receiver(side):
    script = StreamScript()
    receiver = await waiting(side, opened(script, renewal()))
    await side.push(script, renewed(1))
    assert await asyncio.wait_for(receiver, BOUND) == renewed(1)


async def test_parts_pushed_before_the_stream_is_opened_are_sent_then(side):
    script = StreamScript()
    script.push(renewed(1), renewed(2))
    stream = opened(script, renewal())
    assert [await side.receive(stream), await side.receive(stream)] == [renewed(1), renewed(2)]


async def test_close_ends_the_wait(side):
    stream = opened(StreamScript(), renewal())
    receiver = await waiting(side, stream)
    await stream.close()
    assert await asyncio.wait_for(receiver, BOUND) is None


async def test_abort_raises_its_error_in_the_receiver(side):
    stream = opened(StreamScript(), renewal())
    receiver = await waiting(side, stream)
    stream.abort(ConnectionFailedError("aborted"))
    with pytest.raises(ConnectionFailedError, match="aborted"):
        await asyncio.wait_for(receiver, BOUND)


async def test_a_received_message_is_a_copy(side):
    part = renewed(1)
    script = StreamScript(part)
    received = await side.receive(opened(script, renewal()))
    received.TTL = 5
    assert part.TTL == 1


def test_what_the_client_sends_is_recorded():
    sent = []
    stream = StreamScript().open(sent, has_request=False)
    stream.send(renewal(3))
    assert sent == [renewal(3)]


def test_sending_never_waits_for_a_receiver():
    before = {*threading.enumerate()}  # some of tests before this one
    stream = opened(StreamScript(reply=lambda request: renewed(1)))
    for _ in range(1000):
        stream.send(renewal())
    assert not {*threading.enumerate()} - before
    assert finish(stream.receive()) == renewed(1)


@pytest.mark.parametrize("part", [None, "message", 3, lambda request: None])
def test_a_part_that_is_none_is_an_error(part):
    with pytest.raises(TypeError, match="a part of a stream is a message, an exception or END"):
        StreamScript(part)
    with pytest.raises(TypeError, match="a part of a stream is"):
        StreamScript().push(part)


def test_a_script_shows_the_parts_that_are_left():
    assert repr(StreamScript(renewed(1), END)) == "<StreamScript: LeaseKeepAliveResponse, END>"
    assert repr(StreamScript()) == "<StreamScript: no parts left>"


async def test_a_stream_of_a_loop_that_has_ended_is_not_woken():
    script = StreamScript()

    async def leave():
        receiver = await waiting(Tasks(), opened(script, renewal()))
        receiver.cancel()

    await asyncio.to_thread(lambda: asyncio.run(leave()))
    script.push(renewed(1))
    assert script.left == (renewed(1),)
