"""Messages of a stream, whatever carries them."""

from types import SimpleNamespace

import pytest

from etcd_factory.errors import ConnectionFailedError
from etcd_factory.io.http2 import exchange
from etcd_factory.io.http2.calls import PREFIX_SIZE, Call, framed
from etcd_factory.io.http2.exchange import Exchange
from etcd_factory.wire import messages, methods

ASKED = messages.WatchRequest()
TOLD = messages.WatchResponse(watch_id=7)


class Carrier:
    """Records what it is asked to do."""

    def __init__(self):
        self.liveness, self.done = SimpleNamespace(heard=0.0), []

    def __getattr__(self, name):
        return lambda *arguments: self.done.append((name, *arguments))


@pytest.fixture
def clock(monkeypatch):
    """The time; tests move it."""
    now = [100.0]
    monkeypatch.setattr(exchange, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def stream(clock):
    carrier, call = Carrier(), Call("etcd:2379")
    return SimpleNamespace(carrier=carrier, call=call, own=Exchange(carrier, call, methods.WATCH, "http://etcd:2379"))


def test_a_message_is_sent_in_its_frame(stream):
    stream.own.send(ASKED)
    assert stream.carrier.done == [("send", stream.call, framed(ASKED.SerializeToString()))]


def test_messages_are_taken_in_order_and_given_back_to_the_window(stream):
    data = TOLD.SerializeToString()
    stream.call.messages.extend([data, b""])
    assert stream.own.take() == TOLD
    assert stream.own.take() == messages.WatchResponse()
    assert stream.carrier.done == [("taken", stream.call, PREFIX_SIZE + len(data)), ("taken", stream.call, PREFIX_SIZE)]


def test_the_end_comes_after_the_messages(stream):
    stream.call.messages.append(b"")
    stream.call.fail(ConnectionFailedError("it broke"))
    assert stream.own.take() is not None
    with pytest.raises(ConnectionFailedError, match="it broke"):
        stream.own.take()


def test_a_stream_that_the_server_ended_has_no_more(stream):
    stream.call.is_done = True
    assert stream.own.take() is None


@pytest.mark.parametrize(("waited", "doubted"), [(0.6, True), (0.4, False)])
def test_the_connection_of_a_stream_that_heard_nothing_for_a_while_is_doubted_at_its_end(
    stream, clock, waited, doubted
):
    stream.own.send(ASKED)
    clock[0] += waited
    stream.own.end()
    assert [name for name, *_ in stream.carrier.done] == ["send", *["doubt"] * doubted, "cancel"]


def test_the_silence_begins_with_the_first_message_after_something_was_heard(stream, clock):
    stream.own.send(ASKED)
    clock[0] += 1
    stream.own.send(ASKED)  # still nothing
    stream.own.end()
    assert ("doubt", 100.0) in stream.carrier.done


def test_one_that_asked_nothing_says_nothing_about_its_connection(stream, clock):
    clock[0] += 60
    stream.own.end()
    assert stream.carrier.done == [("cancel", stream.call)]
