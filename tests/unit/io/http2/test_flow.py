import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from etcd_factory.io.http2.flow import CONNECTION_WINDOW, HALF_STREAM, STREAM_WINDOW
from tests.support.http2 import Peer, Recorder, data, headers, settings, window

FIRST = 65_535  # bytes of a window, until it is changed
FRAME = 1 << 14


def content(number, size):
    """Bytes of which each part can be told from others."""
    return (bytes([number]) + bytes(range(256)) * (size // 256 + 1))[:size]


def sent(peer, stream=None):
    """The DATA frames of a stream, or of all."""
    return [one for one in peer.hear() if one.name == "DATA" and stream in (None, one.stream_id)]


def sizes(peer, stream=None):
    return [len(one.data) for one in sent(peer, stream)]


# --- out


def test_no_more_is_sent_than_the_windows_allow():
    peer = Peer()
    peer.open(content(1, 100_000))
    assert sizes(peer) == [FRAME, FRAME, FRAME, FRAME - 1]
    peer.say(window(1, 50_000))
    assert sizes(peer) == []
    peer.say(window(0, 10))
    assert sizes(peer) == [10]
    peer.say(window(0, 50_000))
    [*_, last] = found = sent(peer)
    assert sum(len(one.data) for one in found) == 100_000 - FIRST - 10 and last.flags == {"END_STREAM"}


def test_streams_take_turns_also_between_openings():
    peer = Peer()
    for number in (1, 2, 3):
        peer.open(content(number, 100_000))
    assert {one.stream_id for one in sent(peer)} == {1}
    peer.say(*[window(number, 100_000) for number in (1, 3, 5)])
    turns = []
    for _ in range(6):
        peer.say(window(0, FRAME))
        turns += [one.stream_id for one in sent(peer)]
    assert sorted(turns[:3]) == sorted(turns[3:]) == [1, 3, 5]


def test_a_change_of_the_initial_window_counts_for_open_streams_too():
    peer = Peer((4, 10))
    peer.open(content(1, 30))
    assert sizes(peer) == [10]
    peer.say(settings([(4, 15)]))
    assert sizes(peer) == [5]
    peer.say(settings([(4, 5)]))  # the window is -10 now
    peer.say(window(1, 10))
    assert sizes(peer) == []
    peer.say(window(1, 1))
    assert sizes(peer) == [1]
    peer.written(b"12345678")
    peer.say(window(3, 3))
    assert sizes(peer, 3) == [3]


def test_larger_frames_are_sent_if_the_peer_accepts_them():
    peer = Peer((5, 1 << 15), (4, 1 << 20))
    peer.open(content(1, 40_000))
    assert sizes(peer) == [1 << 15, 40_000 - (1 << 15)]


def test_an_end_without_data_needs_no_window():
    peer = Peer()
    stream = peer.written(b"x" * FIRST, end=False)
    peer.machine.send(stream, b"", end=True)
    [last] = sent(peer)
    assert (last.data, last.flags) == (b"", {"END_STREAM"})


def test_what_a_reset_stream_had_to_send_is_dropped():
    peer = Peer()
    stream = peer.written(b"x" * 100_000)
    peer.machine.reset(stream)
    peer.say(window(0, 100_000), window(1, 100_000))
    assert sizes(peer) == []


def test_a_withdrawn_request_gives_its_window_to_others():
    peer = Peer()
    first = peer.open(b"1" * 10_000)
    peer.open(b"2" * FIRST)
    peer.machine.reset(first)
    assert sum(sizes(peer)) == FIRST


ACTIONS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 2), st.integers(0, 60_000), st.booleans()),
    st.tuples(st.just("connection"), st.integers(1, 70_000)),
    st.tuples(st.just("stream"), st.integers(0, 2), st.integers(1, 70_000)),
    st.tuples(st.just("initial"), st.integers(0, 100_000)),
    st.tuples(st.just("frames"), st.integers(FRAME, 3 * FRAME)),
    st.tuples(st.just("reset"), st.integers(0, 2)),
)


class Model:
    """What RFC 9113 lets a client send: windows as the server sees them, and what waits."""

    def __init__(self):
        self.peer = Peer()
        self.streams = [self.peer.written(b"", end=False) for _ in range(3)]
        self.connection, self.initial, self.frame = FIRST, FIRST, FRAME
        self.windows, self.waiting = [FIRST] * 3, [b"", b"", b""]
        self.ended = [False] * 3  # by the client

    def do(self, action, *given):
        getattr(self, action)(*given)
        self.check()

    def send(self, number, size, end):
        if not self.ended[number]:
            self.peer.machine.send(self.streams[number], content(number, size), end)
            self.waiting[number] += content(number, size)
            self.ended[number] = end

    def connection_opened(self, size):
        self.peer.say(window(0, size))
        self.connection += size

    def stream(self, number, size):
        self.peer.say(window(1 + 2 * number, size))
        self.windows[number] += size

    def initial_set(self, size):
        self.peer.say(settings([(4, size)]))
        self.windows = [one + size - self.initial for one in self.windows]
        self.initial = size

    def frames(self, size):
        self.peer.say(settings([(5, size)]))
        self.frame = size

    def reset(self, number):
        self.peer.machine.reset(self.streams[number])
        self.waiting[number], self.ended[number] = b"", True

    def check(self):
        for one in sent(self.peer):
            number, size = one.stream_id // 2, len(one.data)
            assert size <= self.frame and size <= max(0, self.connection) and size <= max(0, self.windows[number])
            assert self.waiting[number].startswith(one.data)
            self.waiting[number] = self.waiting[number][size:]
            assert ("END_STREAM" in one.flags) is (self.ended[number] and not self.waiting[number])
            self.connection -= size
            self.windows[number] -= size
        for left, waiting in zip(self.windows, self.waiting, strict=True):
            assert not waiting or left <= 0 or self.connection <= 0, "more could have been sent"


@with_settings(deadline=None)
@given(st.lists(ACTIONS, max_size=30))
def test_never_more_than_allowed_and_never_less_than_possible(actions):
    model, names = Model(), {"connection": "connection_opened", "initial": "initial_set"}
    for action, *given_ in actions:
        model.do(names.get(action, action), *given_)


# --- in


def windows(peer):
    return [(one.stream_id, one.window_increment) for one in peer.hear() if one.name == "WINDOW_UPDATE"]


def deliver(peer, size, stream=1):
    """Send so many bytes."""
    for at in range(0, size, FRAME):
        peer.say(data(stream, bytes(min(FRAME, size - at))))


def test_windows_are_opened_again_at_half():
    peer = Peer()
    peer.written()
    peer.say(headers())
    deliver(peer, HALF_STREAM)
    assert windows(peer) == []
    deliver(peer, 1)
    assert windows(peer) == [(1, HALF_STREAM + 1)]


def test_the_connections_window_is_opened_whoever_got_the_bytes():
    peer = Peer()
    for number in range(1, 9, 2):
        stream = peer.written()
        stream.refill = False
        peer.say(headers(number))
        deliver(peer, STREAM_WINDOW // 2, number)
    assert windows(peer) == []
    peer.machine.reset(stream)
    deliver(peer, 1, 7)
    assert windows(peer) == [(0, CONNECTION_WINDOW // 2 + 1)]


def test_what_nobody_reads_keeps_its_streams_window_closed():
    peer = Peer()
    stream = peer.written()
    stream.refill = False
    peer.say(headers())
    deliver(peer, STREAM_WINDOW)
    assert windows(peer) == []
    peer.machine.taken(stream, HALF_STREAM - 1)
    assert windows(peer) == []
    peer.machine.taken(stream, 1)
    assert windows(peer) == [(1, HALF_STREAM)]


def test_padding_is_read_at_once():
    peer = Peer()
    stream = peer.written()
    stream.refill = False
    peer.say(headers())
    for _ in range(HALF_STREAM // 256):
        peer.say(data(payload=b"", padding=255))
    assert windows(peer) == [(1, HALF_STREAM)]
    assert stream.read_window == STREAM_WINDOW


def test_an_ended_stream_gets_no_window():
    peer = Peer()
    peer.written()
    peer.say(headers())
    deliver(peer, HALF_STREAM)
    peer.say(data(end=True))
    assert windows(peer) == []


@pytest.mark.parametrize("refill", [True, False])
@pytest.mark.parametrize("end", [True, False])
def test_more_than_the_window_ends_the_connection(refill, end):
    peer = Peer()
    stream = peer.written()
    stream.refill = False
    peer.say(headers())
    deliver(peer, STREAM_WINDOW)
    stream.refill = refill
    peer.say(data(payload=b"x", end=end))
    assert peer.machine.reason == "the server broke HTTP/2: more was sent than the window allows"
    assert peer.ended == 3


class Watch(Recorder):
    """Its user takes whole messages only."""

    refill = False

    def __init__(self, length):
        super().__init__()
        self.length = self.wanted = length

    def on_data(self, data, end):
        self.wanted -= len(data)
        return False


@pytest.mark.parametrize("length", [1, HALF_STREAM, STREAM_WINDOW, STREAM_WINDOW + 1, 5 * STREAM_WINDOW])
def test_a_message_of_any_size_arrives(length):
    """Nobody can take a part of it: a window that waits for that would never open."""
    peer, stream = Peer(), Watch(length)
    peer.written(stream=stream)
    peer.say(headers())
    allowed = STREAM_WINDOW
    for _ in range(3):
        for at in range(0, length, FRAME):
            size = min(FRAME, length - at)
            assert size <= allowed
            peer.say(data(payload=bytes(size)))
            allowed += sum(size for number, size in windows(peer) if number == 1) - size
        peer.machine.taken(stream, length)
        allowed += sum(size for number, size in windows(peer) if number == 1)
        stream.wanted = length
    assert HALF_STREAM < allowed <= STREAM_WINDOW and stream.read_window == allowed
