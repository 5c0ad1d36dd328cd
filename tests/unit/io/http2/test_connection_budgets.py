"""A server that breaks the rules, or never comes to an end: what it is told, and what the user reads."""

from itertools import cycle, islice

import pytest

from etcd_factory.io.http2.calls import Call
from etcd_factory.io.http2.flood import FRAMES, TIME
from etcd_factory.io.http2.frames import ErrorCode as Code
from tests.support.http2 import (
    END_HEADERS,
    HEADERS,
    OK,
    PADDED,
    PRIORITY,
    PUSH_PROMISE,
    Peer,
    block,
    continuation,
    data,
    frame,
    goaway,
    headers,
    message,
    ping,
    reset,
    settings,
    trailers,
    window,
)

TOO_MANY = "too many frames that carry nothing", Code.ENHANCE_YOUR_CALM
BLOCK = "a header block is too large", Code.ENHANCE_YOUR_CALM
SMALL = block([("x", "")])[1:]

FLOODS = {
    "SETTINGS": [settings()],
    "SETTINGS with ACK": [settings(flags=1)],
    "PING": [ping()],
    "PING with ACK": [ping(flags=1)],
    "RST_STREAM": [reset(3)],
    "WINDOW_UPDATE": [window(0, 1)],
    "WINDOW_UPDATE of a stream": [window(1, 1)],
    "PRIORITY": [frame(PRIORITY, 0, 1, bytes(5))],
    "GOAWAY": [goaway(3)],
    "unknown": [frame(0xFF)],
    "empty DATA": [data(payload=b"")],
    "padded empty DATA": [data(payload=b"", padding=9)],
    "mixed": [ping(), settings(), data(payload=b"")],
}

ENDS = {
    "CONTINUATION without end": ([frame(HEADERS, 0, 1, SMALL), *[continuation(1, b"", end=False)] * 64], *BLOCK),
    "CONTINUATION of a large block": (
        [frame(HEADERS, 0, 1, bytes(1 << 14)), *[continuation(1, bytes(1 << 14), end=False)] * 4],
        *BLOCK,
    ),
    "a large header": (
        [
            frame(HEADERS, 0, 1, b"\0\1x\x7f\xff\xff\3" + bytes((1 << 14) - 9)),
            *[continuation(1, b"~" * (1 << 14), end=False)] * 2,
            continuation(1, b"~" * (1 << 14)),
        ],
        "headers that cannot be decoded",  # it is longer than its block
        Code.COMPRESSION_ERROR,
    ),
    "many headers": ([headers(fields=[("x", "")] * 257)], "257 headers in one message", Code.ENHANCE_YOUR_CALM),
    "headers that grow": (
        [frame(HEADERS, END_HEADERS, 1, b"\x88" * 2000)],
        "headers of more than 65536 bytes",
        Code.ENHANCE_YOUR_CALM,
    ),
    "a window above 2^31-1": ([window(0, (1 << 31) - 1)], "a window is opened too far", Code.FLOW_CONTROL_ERROR),
    "a window opened by 0": ([window(0, 0)], "a window is opened by 0", Code.PROTOCOL_ERROR),
    "a frame that is too large": (
        [frame(0xFF, 0, 0, bytes((1 << 14) + 1))],
        "a frame is too large",
        Code.FRAME_SIZE_ERROR,
    ),
    "the length of a frame that is too large": (
        [b"\xff\xff\xff" + bytes(6)],
        "a frame is too large",
        Code.FRAME_SIZE_ERROR,
    ),
    "PUSH_PROMISE": ([frame(PUSH_PROMISE, 4, 1, bytes(4))], "a push, which was not allowed", Code.PROTOCOL_ERROR),
    "bad padding": ([frame(0, PADDED, 1, b"\x09x")], "a frame has more padding than content", Code.PROTOCOL_ERROR),
    "a stream that was never opened": (
        [headers(9)],
        "a frame of stream 9, which was never opened",
        Code.PROTOCOL_ERROR,
    ),
    "a stream of the server": ([headers(2)], "a frame of stream 2, which was never opened", Code.PROTOCOL_ERROR),
    "a stream that has ended": (
        [headers(), trailers(), data()],
        "a frame of stream 1, which has ended",
        Code.STREAM_CLOSED,
    ),
    "a header block that is interrupted": (
        [frame(HEADERS, 0, 1, SMALL), ping()],
        "a header block is interrupted",
        Code.PROTOCOL_ERROR,
    ),
    "CONTINUATION alone": ([continuation(1, SMALL)], "a CONTINUATION frame without HEADERS", Code.PROTOCOL_ERROR),
    "a setting": ([settings([(5, 1)])], "a setting MAX_FRAME_SIZE of 1", Code.PROTOCOL_ERROR),
    "a length": ([frame(6, 0, 0, bytes(7))], "a PING frame of the wrong length", Code.FRAME_SIZE_ERROR),
    "a stream": ([ping(stream=1)], "a PING frame of the wrong stream", Code.PROTOCOL_ERROR),
    "more than a window": (
        [headers(), *[data(payload=bytes(1 << 14))] * 257],
        "more was sent than the window allows",
        Code.FLOW_CONTROL_ERROR,
    ),
    **{
        f"a flood of {name}": ([headers(), *islice(cycle(sent), FRAMES + 1)], *TOO_MANY)
        for name, sent in FLOODS.items()
    },
}


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
def call(peer):
    """A watch that was answered, and a call of which the server knows that it has ended."""
    call, other = Call("host:1"), Call("host:1")
    call.refill = False
    peer.written(stream=call)
    peer.written(stream=other)
    peer.machine.reset(other)
    peer.hear()
    return call


@pytest.mark.parametrize(("sent", "words", "code"), ENDS.values(), ids=ENDS)
def test_the_connection_ends(peer, call, sent, words, code):
    assert call in peer.say(*sent)
    [*_, last] = peer.hear()
    assert (last.name, last.error_code, last.additional_data.decode()) == (
        "GOAWAY",
        code,
        f"the server broke HTTP/2: {words}",
    )
    assert call.is_done and peer.machine.is_closed


@pytest.mark.parametrize("name", FLOODS)
def test_as_many_are_allowed_with_something_useful_between(peer, call, name):
    peer.say(headers())
    for _ in range(3):
        peer.say(*islice(cycle(FLOODS[name]), FRAMES))
        peer.say(data(payload=message()))
    assert not peer.machine.is_closed and not call.is_done


@pytest.mark.parametrize("name", FLOODS)
def test_as_many_are_allowed_in_a_longer_time(peer, call, name):
    """A watch may be idle for days, and hear only pings and the answers to ours."""
    peer.say(headers())
    for one in islice(cycle(FLOODS[name]), FRAMES + 2):
        peer.clock.now += 2 * TIME / FRAMES
        peer.say(one)
    assert not peer.machine.is_closed and not call.is_done


def test_windows_that_let_something_out_are_useful(peer):
    """A server may open them by little while it takes a large request."""
    peer.written(b"x" * (65_535 + 2 * FRAMES))
    peer.say(window(1, 2 * FRAMES))
    for _ in range(2 * FRAMES):
        peer.say(window(0, 1))
    assert not peer.machine.is_closed


def test_what_is_kept_for_a_server_that_sends_settings_is_bounded(peer):
    peer.say(settings([(4, number) for number in range(2730)]))
    assert [one.name for one in peer.hear()] == ["SETTINGS"]


def test_informational_responses_without_end(peer, call):
    peer.say(*[headers(fields=[(":status", "103")])] * 101)
    assert call.error.message == "too many informational responses" and not peer.machine.is_closed


def test_unknown_frames_are_ignored(peer, call):
    peer.say(headers(), frame(0x0A, 0xFF, 1, b"altsvc"), frame(0xFF, 0, 0, bytes(1 << 14)), data(payload=message()))
    assert list(call.messages) == [b"answer"]


def test_a_response_of_the_largest_size_allowed(peer, call):
    fields = [*OK, *[("x", "z" * 200)] * 250]
    sent = block(fields)
    parts = [sent[at : at + 1400] for at in range(0, len(sent), 1400)]
    assert len(parts) <= 64
    peer.say(frame(HEADERS, 0, 1, parts[0]), *[continuation(1, part, end=False) for part in parts[1:-1]])
    peer.say(continuation(1, parts[-1]), data(payload=message()))
    assert list(call.messages) == [b"answer"]
