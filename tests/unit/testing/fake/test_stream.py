"""One stream between a client and a fake."""

import asyncio
import threading

import pytest

from etcd_factory import errors
from etcd_factory.core.face import Async, Sync, finish
from etcd_factory.testing import FakeEtcd
from etcd_factory.testing.fake.stream import FakeStream, ignore

LONG = 30  # seconds that nothing here takes


@pytest.fixture
def fake():
    return FakeEtcd()


@pytest.fixture
def open_stream(fake):
    """Opens a stream that answers each message by its text twice."""

    def create(face=Sync):
        stream = FakeStream(fake, face, lambda stream: None)
        stream.answer = lambda message: stream.push(message * 2)
        return stream

    return create


def test_messages_are_answered_in_order(open_stream):
    stream = open_stream()
    stream.send("a")
    stream.send("b")
    assert [finish(stream.receive()) for _ in range(2)] == ["aa", "bb"]


def test_a_waiting_thread_is_woken(open_stream):
    stream = open_stream()
    threading.Timer(0.01, stream.send, ["a"]).start()
    assert finish(stream.receive()) == "aa"


async def test_a_waiting_task_is_woken(open_stream):
    stream = open_stream(Async)
    waiting = asyncio.ensure_future(stream.receive())
    await asyncio.sleep(0)
    await asyncio.to_thread(stream.send, "a")
    assert await asyncio.wait_for(waiting, LONG) == "aa"


def test_closing_ends_it_and_cleans_up(fake):
    ended, cleaned = [], []
    stream = FakeStream(fake, Sync, ended.append)
    stream.cleanup = lambda: cleaned.append(True)
    stream.push("unread")
    finish(stream.close())
    assert (finish(stream.receive()), ended, cleaned) == (None, [stream], [True])


def test_an_error_breaks_it_after_what_was_sent_before(open_stream):
    stream = open_stream()
    stream.send("a")
    stream.end(errors.ConnectionFailedError("broke"))
    assert finish(stream.receive()) == "aa"
    with pytest.raises(errors.ConnectionFailedError):
        finish(stream.receive())
    stream.send("b")
    with pytest.raises(errors.ConnectionFailedError):
        finish(stream.receive())


def test_an_error_of_the_answer_breaks_it(open_stream):
    stream = open_stream()

    def refuse(message):
        raise errors.PermissionDeniedError

    stream.answer = refuse
    stream.send("a")
    with pytest.raises(errors.PermissionDeniedError):
        finish(stream.receive())


def test_nothing_arrives_while_the_fake_is_paused(fake, open_stream):
    stream = open_stream()
    stream.send("a")
    fake.pause()
    stream.send("b")
    threading.Timer(0.01, lambda: (fake.resume(), stream.deliver())).start()
    assert [finish(stream.receive()) for _ in range(2)] == ["aa", "bb"]


def test_what_nobody_answers_is_ignored(fake):
    stream = FakeStream(fake, Sync, lambda stream: None)
    assert stream.answer is ignore
    stream.send("a")
