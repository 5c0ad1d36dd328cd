"""Whatever a server sends, and however its bytes are cut: the same events, no other errors than ours, no hanging."""

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from etcd_factory.errors import EtcdError
from etcd_factory.io.http2.calls import Call
from etcd_factory.io.http2.frames import ErrorCode
from tests.support.http2 import (
    OK,
    PADDED,
    Peer,
    block,
    continuation,
    data,
    frame,
    goaway,
    headers,
    message,
    parsed,
    ping,
    reset,
    settings,
    trailers,
    window,
)

LARGE = b"x" * 70_000


def outcome(sent, parts):
    """All that can be seen of a connection that gets these bytes in these parts."""
    peer = Peer(established=False)
    streams = [peer.open(size) for size in (b"question", LARGE, b"")]
    peer.machine.take()
    told = [stream for part in parts for stream in peer.machine.receive(part)]
    assert b"".join(parts) == sent
    state = peer.machine.is_closed, peer.machine.is_usable, peer.machine.is_established, peer.machine.reason
    return [one.events for one in streams], [one in told for one in streams], peer.machine.take(), state


def bytewise(sent):
    return [sent[at : at + 1] for at in range(len(sent))]


EXCHANGE = [
    settings([(3, 100), (4, 1 << 20)]),
    ping(),
    headers(1),
    data(1, message(b"first") + message(b"second")[:7], padding=5),
    window(0, 1 << 20),
    frame(1, 0, 3, block(OK)[:4]),
    continuation(3, block(OK)[4:], end=False),
    continuation(3, b""),
    data(1, message(b"second")[7:]),
    frame(0xFA, 0xFF, 1, b"unknown"),
    trailers(1),
    reset(3, 2),
    goaway(3, 0, b"bye"),
]

ENDINGS = {
    "well": b"",
    "a broken rule": ping(stream=1) + headers(9),
    "a frame that is too large": b"\xff\xff\xff\0\0\0\0\0\1 and so on",
    "headers that cannot be decoded": frame(1, 4, 3, b"\xbe") + ping(),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_an_exchange_cut_at_every_offset_and_byte_by_byte(ending):
    sent = b"".join(EXCHANGE) + ending
    expected = outcome(sent, [sent])
    assert any(expected[1])
    for at in range(len(sent) + 1):
        assert outcome(sent, [sent[:at], sent[at:]]) == expected
    assert outcome(sent, bytewise(sent)) == expected


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n",
        b"\x15\x03\x01\0\x02\x02\x46",
        b"220 mail.test ESMTP",
    ],
    ids=["HTTP/1.1", "TLS", "SMTP"],
)
def test_another_protocol_cut_at_every_offset_and_byte_by_byte(sent):
    expected = outcome(sent, [sent])
    assert expected[3][0]
    for at in range(len(sent) + 1):
        assert outcome(sent, [sent[:at], sent[at:]]) == expected
    assert outcome(sent, bytewise(sent)) == expected


STREAMS = st.sampled_from([0, 1, 1, 3, 3, 5, 7, 2, (1 << 31) - 1, (1 << 31) | 1])
FRAMES = st.one_of(
    st.sampled_from([*EXCHANGE, *ENDINGS.values()]),
    st.builds(
        headers, STREAMS, st.sampled_from([OK, OK[:1], (("x", "1"),), (("grpc-status", "0"),)]), end=st.booleans()
    ),
    st.builds(data, STREAMS, st.binary(max_size=20), end=st.booleans(), padding=st.none() | st.integers(0, 255)),
    st.builds(window, STREAMS, st.integers(0, 1 << 17)),
    st.builds(reset, STREAMS, st.integers(0, 20)),
    st.builds(goaway, st.integers(0, 9), st.integers(0, 20), st.binary(max_size=9)),
    st.builds(settings, st.lists(st.tuples(st.integers(1, 7), st.integers(0, 1 << 17)), max_size=3)),
    st.builds(continuation, STREAMS, st.binary(max_size=9), end=st.booleans()),
    st.builds(frame, st.integers(0, 12), st.integers(0, 255), STREAMS, st.binary(max_size=40)),
)


@with_settings(deadline=None)
@given(st.lists(FRAMES, max_size=12), st.lists(st.integers(0, 1000), max_size=6))
def test_any_frames_cut_anywhere(frames, cuts):
    sent = settings() + b"".join(frames)
    cuts = sorted(at % (len(sent) + 1) for at in cuts)
    parts = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert outcome(sent, parts) == outcome(sent, [sent]) == outcome(sent, bytewise(sent))


def check(sent):
    """Let calls hear these bytes; they end in our errors only."""
    peer = Peer()
    calls = [peer.open(size, stream=Call("host:1")) for size in (b"question", LARGE, b"")]
    calls[1].refill = False
    written = peer.machine.take()
    peer.say(sent)
    written += peer.machine.take()
    for one in parsed(written):
        if one.name == "GOAWAY":
            assert peer.machine.is_closed and ErrorCode(one.error_code)
    peer.machine.lost("the connection broke")
    for call in calls:
        assert call.is_done and (call.error is None or isinstance(call.error, EtcdError))
    assert not peer.machine.is_busy and peer.machine.take() == b""


@with_settings(deadline=None)
@given(st.lists(FRAMES, max_size=20))
def test_random_frames(frames):
    check(b"".join(frames))


@with_settings(deadline=None)
@given(
    st.lists(st.builds(frame, st.integers(0, 255), st.integers(0, 255), STREAMS, st.binary(max_size=100)), max_size=20)
)
def test_wilder_frames(frames):
    check(b"".join(frames))


@with_settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(sent):
    check(sent)
    peer = Peer(established=False)
    peer.say(sent)


@with_settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from([0, 1, PADDED]))
def test_random_header_blocks(sent, flags):
    check(frame(1, 4 | flags, 1, sent))


@with_settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 300), max_size=8), st.binary(max_size=9))
def test_messages_cut_anywhere(messages, cuts, rest):
    """Several in a frame, and several frames for one; what follows the last one is a message cut short."""
    sent = b"".join(map(message, messages))
    cuts = sorted(at % (len(sent) + 1) for at in cuts)
    peer = Peer()
    call = peer.written(stream=Call("host:1"))
    peer.say(headers())
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        peer.say(data(payload=sent[start:end]))
    assert list(call.messages) == messages and call.error is None
    peer.say(data(payload=message(b"x" * 10)[: len(rest)]), trailers())
    assert (call.error is not None) is bool(rest)
