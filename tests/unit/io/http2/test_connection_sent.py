"""Whether a call was certainly not processed: ``sent`` is False then, and only then."""

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from etcd_factory.io.http2.calls import Call
from tests.support.http2 import OK, Peer, data, goaway, headers, message, parsed, reset, settings, trailers, window

LARGE = b"x" * 100_000  # more than the windows allow at first


@pytest.fixture
def peer():
    return Peer()


def begin(peer, data=b"question"):
    return peer.open(data, stream=Call("host:1"))


def written(peer, data=b"question"):
    return peer.written(data, stream=Call("host:1"))


def continued(peer):
    """A call that is queued in several parts."""
    call = peer.open(b"first", end=False, stream=Call("host:1"))
    peer.machine.send(call, b"second", end=True)
    return call


def waiting(peer, data=b"question"):
    """A call for which the server allows no stream yet."""
    peer.say(settings([(3, 0)]))
    peer.hear()
    return begin(peer, data)


def lose(peer, call):
    peer.machine.lost("the connection broke")


def close(peer, call):
    peer.machine.close("the client is closed")


def expire(peer, call):
    peer.machine.reset(call)
    call.expire(1)


def say(*sent):
    return lambda peer, call: peer.say(*sent)


NEVER_SENT = {
    "queued, and the connection is lost": (begin, lose),
    "queued, and the connection is closed": (begin, close),
    "queued, and its time is over": (begin, expire),
    "queued, and the server breaks HTTP/2": (begin, say(reset(2))),
    "queued in several parts, and the connection is closed": (continued, close),
    "waiting for a stream, and the connection is lost": (waiting, lose),
    "waiting for a stream, and the connection is closed": (waiting, close),
    "waiting for a stream, and its time is over": (waiting, expire),
    "waiting for a stream, and the server goes away": (waiting, say(goaway((1 << 31) - 1))),
    "written, and refused": (written, say(reset(code=7))),
    "written, and the server goes away before it": (written, say(goaway(0))),
    "queued, and the server goes away before it": (begin, say(goaway(0))),
    "large, partly written, and refused": (lambda peer: written(peer, LARGE), say(reset(code=7))),
    "large, partly written, and the server goes away before it": (lambda peer: written(peer, LARGE), say(goaway(0))),
    "the server goes away before it after announcing that": (written, say(goaway((1 << 31) - 1), goaway(0))),
    "large, queued, and the connection is closed": (lambda peer: begin(peer, LARGE), close),
}

MAYBE_APPLIED = {
    "written, and the connection is lost": (written, lose),
    "written, and the connection is closed": (written, close),
    "written, and its time is over": (written, expire),
    "written, and the server breaks HTTP/2": (written, say(reset(2))),
    "large, partly written, and the connection is lost": (lambda peer: written(peer, LARGE), lose),
    "queued in several parts, and its time is over": (continued, expire),
    "large, queued in parts, and its time is over": (lambda peer: begin(peer, LARGE), expire),
    **{
        f"written, and reset with {code}": (written, say(reset(code=code)))
        for code in (0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 99)
    },
    "answered in part, and refused": (written, say(headers(), reset(code=7))),
    "answered in part, and the server goes away before it": (written, say(headers(), goaway(0))),
    "its status is UNAVAILABLE": (written, say(trailers(fields=[*OK, ("grpc-status", "14")]))),
    "a proxy answers 502": (written, say(headers(fields=[(":status", "502")], end=True))),
    "its response is malformed": (written, say(headers(fields=[*OK, ("X", "1")]))),
    "its stream's window is opened by 0": (written, say(window(1, 0))),
    "the server goes away after it, and the connection is lost": (
        written,
        lambda peer, call: (peer.say(goaway(1)), peer.machine.lost("closed")),
    ),
}


@pytest.mark.parametrize(("start", "end"), NEVER_SENT.values(), ids=NEVER_SENT)
def test_certainly_not_processed(peer, start, end):
    call = start(peer)
    end(peer, call)
    assert call.is_done and not call.error.sent and call.is_refused


@pytest.mark.parametrize(("start", "end"), MAYBE_APPLIED.values(), ids=MAYBE_APPLIED)
def test_maybe_applied(peer, start, end):
    call = start(peer)
    end(peer, call)
    assert call.is_done and call.error.sent and not call.is_refused


@pytest.mark.parametrize("name", [name for name in NEVER_SENT if "written" not in name])
def test_what_was_not_sent_never_will_be(peer, name):
    start, end = NEVER_SENT[name]
    call = start(peer)
    end(peer, call)
    assert not call.is_open and {one.name for one in peer.hear()} <= {"GOAWAY"}
    if not peer.machine.is_closed:
        peer.say(settings([(3, 100)]))
        assert {one.name for one in peer.hear()} <= {"SETTINGS"}


def test_a_cancelled_call_that_was_not_written_is_withdrawn(peer):
    first, second = begin(peer), begin(peer)
    peer.machine.reset(first)
    assert [(one.name, one.stream_id) for one in peer.hear()] == [("HEADERS", 3), ("DATA", 3)]
    assert second.is_written and not first.is_written
    peer.say(headers(3), data(3, message()), trailers(3))
    assert second.is_done and second.error is None


def test_a_cancelled_call_that_was_written_is_reset(peer):
    call = written(peer)
    peer.machine.reset(call)
    [one] = peer.hear()
    assert (one.name, one.stream_id, one.error_code) == ("RST_STREAM", 1, 8)


def test_a_connection_that_has_ended_refuses_calls_at_once(peer):
    peer.machine.lost("the connection broke")
    call = begin(peer)
    assert call.is_refused and call.error.message == "the connection broke" and not list(peer.machine.pending())


def test_a_connection_of_a_server_that_goes_away_refuses_calls_at_once(peer):
    peer.say(goaway((1 << 31) - 1, words=b"max_age"))
    call = begin(peer)
    assert call.is_refused and call.error.message == "the server closes the connection: max_age"
    assert not peer.machine.is_usable and not peer.machine.is_closed


def test_calls_up_to_the_last_one_of_goaway_go_on(peer):
    calls = [written(peer) for _ in range(3)]
    assert peer.say(goaway(3)) == calls[2:]
    for call in calls[:2]:
        peer.say(headers(call.id), data(call.id, message()), trailers(call.id))
        assert call.is_done and call.error is None
    assert peer.say(headers(5), trailers(5)) == []  # late
    assert not peer.machine.is_closed and not peer.machine.is_busy


ACTIONS = st.one_of(
    st.tuples(st.just("begin"), st.sampled_from([b"question", LARGE])),
    st.tuples(st.just("write")),
    st.tuples(st.sampled_from(["expire", "answer", "refuse", "cut"]), st.integers(0, 5)),
    st.tuples(st.just("goaway"), st.integers(0, 12)),
    st.tuples(st.just("limit"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["lose", "close", "break"])),
)


class History:
    """A machine, and what its server has got and processed: all that was written and that it did not refuse."""

    def __init__(self):
        self.peer, self.calls = Peer(), []
        self.got, self.refused = set(), set()

    def write(self):
        self.got |= {one.stream_id for one in parsed(self.peer.machine.take()) if one.name == "HEADERS"}

    def begin(self, size):
        self.calls.append(begin(self.peer, size))

    def some(self, number):
        """An open call, if there is one."""
        return [call for call in self.calls if not call.is_done][number:][:1]

    def expire(self, number):
        for call in self.some(number):
            expire(self.peer, call)

    def answer(self, number):
        for call in self.some(number):
            if call.id in self.got:
                self.peer.say(trailers(call.id, [*OK, ("grpc-status", "14")]))

    def refuse(self, number):
        for call in self.some(number):
            if call.id in self.got:
                self.refused.add(call.id)
                self.peer.say(reset(call.id, 7))

    def cut(self, number):
        for call in self.some(number):
            if call.id in self.got:
                self.peer.say(reset(call.id, 2))

    def goaway(self, last):
        self.refused |= {call.id for call in self.calls if call.id > last and not call.is_done}
        self.peer.say(goaway(last))

    def limit(self, number):
        self.peer.say(settings([(3, number)]))

    def lose(self):
        self.peer.machine.lost("the connection broke")

    def close(self):
        self.peer.machine.close("closed")

    def broken(self):
        self.peer.say(reset(2))


@with_settings(deadline=None)
@given(st.lists(ACTIONS, max_size=20))
def test_sent_is_false_only_for_calls_that_the_server_has_not_processed(actions):
    history = History()
    for action, *given_ in actions:
        getattr(history, {"break": "broken"}.get(action, action))(*given_)
    history.lose()
    history.write()
    for call in history.calls:
        assert call.is_done and (call.error.sent or call.id not in history.got - history.refused)
