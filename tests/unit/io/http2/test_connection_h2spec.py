"""The cases of h2spec's client part (github.com/summerwind/h2spec, client/) by section and number, without a socket."""

import pytest
from hyperframe.frame import PingFrame

from etcd_factory.io.http2.frames import ErrorCode as Code
from tests.support.http2 import (
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    OK,
    PADDED,
    PRIORITY,
    RESERVED,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Peer,
    block,
    continuation,
    data,
    frame,
    goaway,
    headers,
    ping,
    reset,
    settings,
    window,
)

LARGE = b"x" * (1 << 14)
QUESTION = b"h2spec  "
DUMMY = block([("x-dummy", "0")])[1:]  # without the size of the table, which stands only at the beginning
OPEN = HEADERS, 0, 1, block(OK)  # a header block that goes on


def priority(stream, size=5):
    return frame(PRIORITY, 0, stream, bytes(size))


# What the server sends after its preface and one request; then the code of the connection's end
CONNECTION = {
    "4.2/3 HEADERS over the frame size": ([headers(fields=[("x", "~" * (1 << 14))])], Code.FRAME_SIZE_ERROR),
    "4.2/2 DATA over the frame size": ([headers(), data(payload=LARGE + b"x", end=True)], Code.FRAME_SIZE_ERROR),
    "4.3/1 an invalid header block": ([frame(HEADERS, END_HEADERS, 1, b"\x40\x01")], Code.COMPRESSION_ERROR),
    "5.1/1 idle: DATA": ([data(2, end=True)], Code.PROTOCOL_ERROR),
    "5.1/2 idle: RST_STREAM": ([reset(2)], Code.PROTOCOL_ERROR),
    "5.1/3 idle: WINDOW_UPDATE": ([window(2, 100)], Code.PROTOCOL_ERROR),
    "5.1/4 idle: CONTINUATION": ([continuation(2, DUMMY)], Code.PROTOCOL_ERROR),
    "5.1/5 closed: DATA after RST_STREAM": ([headers(), reset(), data(end=True)], Code.STREAM_CLOSED),
    "5.1/6 closed: HEADERS after RST_STREAM": ([headers(), reset(), headers(end=True)], Code.STREAM_CLOSED),
    "5.1/7 closed: CONTINUATION after RST_STREAM": ([headers(), reset(), continuation(1, DUMMY)], Code.PROTOCOL_ERROR),
    "5.1/8 closed: DATA": ([headers(end=True), data(end=True)], Code.STREAM_CLOSED),
    "5.1/9 closed: HEADERS": ([headers(end=True), headers(end=True)], Code.STREAM_CLOSED),
    "5.1/10 closed: CONTINUATION": ([headers(end=True), continuation(1, DUMMY)], Code.PROTOCOL_ERROR),
    "5.1.1/1 a stream that was never opened": ([headers(101)], Code.PROTOCOL_ERROR),
    "5.4.1/1 an invalid PING ends the connection": ([ping(stream=3)], Code.PROTOCOL_ERROR),
    "5.4.1/2 an invalid PING is answered by GOAWAY": ([ping(stream=3)], Code.PROTOCOL_ERROR),
    "6.1/1 DATA of stream 0": ([data(0)], Code.PROTOCOL_ERROR),
    "6.1/2 DATA of a stream that is not open": ([headers(end=True), data(end=True)], Code.STREAM_CLOSED),
    "6.1/3 DATA with too much padding": ([headers(), frame(DATA, PADDED, 1, b"\x05test")], Code.PROTOCOL_ERROR),
    "6.2/1 HEADERS interrupted by PRIORITY": ([frame(*OPEN), priority(1)], Code.PROTOCOL_ERROR),
    "6.2/2 HEADERS of stream 0": ([headers(0)], Code.PROTOCOL_ERROR),
    "6.2/3 HEADERS with too much padding": (
        [frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block(OK))],
        Code.PROTOCOL_ERROR,
    ),
    "6.3/1 PRIORITY of stream 0": ([priority(0)], Code.PROTOCOL_ERROR),
    "6.4/1 RST_STREAM of stream 0": ([reset(0)], Code.PROTOCOL_ERROR),
    "6.4/2 RST_STREAM of an idle stream": ([reset(2)], Code.PROTOCOL_ERROR),
    "6.4/3 RST_STREAM of the wrong length": ([headers(), frame(RST_STREAM, 0, 1, bytes(3))], Code.FRAME_SIZE_ERROR),
    "6.5/1 SETTINGS with ACK and payload": ([settings([(3, 1)], flags=1)], Code.FRAME_SIZE_ERROR),
    "6.5/2 SETTINGS of a stream": ([settings(stream=1)], Code.PROTOCOL_ERROR),
    "6.5/3 SETTINGS of the wrong length": ([frame(SETTINGS, 0, 0, bytes(3))], Code.FRAME_SIZE_ERROR),
    "6.5.2/1 INITIAL_WINDOW_SIZE above the maximum": ([settings([(4, 1 << 31)])], Code.FLOW_CONTROL_ERROR),
    "6.5.2/2 MAX_FRAME_SIZE below the initial value": ([settings([(5, (1 << 14) - 1)])], Code.PROTOCOL_ERROR),
    "6.5.2/3 MAX_FRAME_SIZE above the maximum": ([settings([(5, 1 << 24)])], Code.PROTOCOL_ERROR),
    "6.7/3 PING of a stream": ([ping(stream=1)], Code.PROTOCOL_ERROR),
    "6.7/4 PING of the wrong length": ([ping(bytes(6))], Code.FRAME_SIZE_ERROR),
    "6.8/1 GOAWAY of a stream": ([goaway(stream=1)], Code.PROTOCOL_ERROR),
    "6.9/1 WINDOW_UPDATE of 0": ([window(0, 0)], Code.PROTOCOL_ERROR),
    "6.9/3 WINDOW_UPDATE of the wrong length": ([frame(WINDOW_UPDATE, 0, 0, bytes(3))], Code.FRAME_SIZE_ERROR),
    "6.9.1/1 a window of the connection above 2^31-1": ([window(0, (1 << 31) - 1)] * 2, Code.FLOW_CONTROL_ERROR),
    "6.10/2 CONTINUATION followed by another frame": (
        [frame(*OPEN), continuation(1, DUMMY, end=False), data(end=True)],
        Code.PROTOCOL_ERROR,
    ),
    "6.10/3 CONTINUATION of stream 0": ([frame(*OPEN), continuation(0, DUMMY)], Code.PROTOCOL_ERROR),
    "6.10/4 CONTINUATION after END_HEADERS": ([headers(), continuation(1, DUMMY)], Code.PROTOCOL_ERROR),
    "6.10/5 CONTINUATION after one with END_HEADERS": (
        [frame(*OPEN), continuation(1, DUMMY), continuation(1, DUMMY)],
        Code.PROTOCOL_ERROR,
    ),
    "6.10/6 CONTINUATION after DATA": ([headers(), data(), continuation(1, DUMMY)], Code.PROTOCOL_ERROR),
    # not h2spec's, but of the same sections
    "6.1 DATA that is only a length of padding": ([headers(), frame(DATA, PADDED, 1)], Code.PROTOCOL_ERROR),
    "6.2 HEADERS too short for their priority": ([frame(HEADERS, 0x24, 1, bytes(4))], Code.FRAME_SIZE_ERROR),
    "6.5.2 ENABLE_PUSH of a server": ([settings([(2, 1)])], Code.PROTOCOL_ERROR),
    "6.6 PUSH_PROMISE": ([frame(5, END_HEADERS, 1, bytes(4) + block(OK))], Code.PROTOCOL_ERROR),
    "6.8 GOAWAY of the wrong length": ([frame(GOAWAY, 0, 0, bytes(7))], Code.FRAME_SIZE_ERROR),
    "6.9.2 INITIAL_WINDOW_SIZE that opens a window too far": (
        [window(1, (1 << 31) - 1 - (1 << 16)), settings([(4, 1 << 17)])],
        Code.FLOW_CONTROL_ERROR,
    ),
}

STREAM = {
    "6.3/2 PRIORITY of the wrong length": ([headers(), priority(1, 4)], Code.FRAME_SIZE_ERROR),
    "6.9/2 WINDOW_UPDATE of 0 of a stream": ([headers(), window(1, 0)], Code.PROTOCOL_ERROR),
    "6.9.1/2 a window of a stream above 2^31-1": (
        [headers(), *[window(1, (1 << 31) - 1)] * 2],
        Code.FLOW_CONTROL_ERROR,
    ),
    # not h2spec's client part, but its server's, and as true for a client
    "8.1.2/1 a header in upper case": ([headers(fields=[*OK, ("X-TEST", "ok")])], Code.PROTOCOL_ERROR),
    "8.1.2.1/1 an unknown pseudo-header": ([headers(fields=[*OK[:1], (":test", "ok")])], Code.PROTOCOL_ERROR),
    "8.1.2.1/2 a pseudo-header of requests": ([headers(fields=[*OK[:1], (":path", "/")])], Code.PROTOCOL_ERROR),
    "8.1.2.1/4 a pseudo-header after others": ([headers(fields=[*OK[::-1]])], Code.PROTOCOL_ERROR),
    "8.1.2.2/1 a header of connections": ([headers(fields=[*OK, ("connection", "close")])], Code.PROTOCOL_ERROR),
    "8.1.2.3 a pseudo-header twice": ([headers(fields=[*OK[:1], *OK])], Code.PROTOCOL_ERROR),
}

FINE = {
    "1/1 the server's preface": [],
    "4.1/1 an unknown type": [frame(0xFF, 0, 0, bytes(8))],
    "4.1/2 undefined flags": [ping(b"ignored ", flags=0x16)],
    "4.1/3 the reserved bit": [ping(b"ignored ", flags=0x16, stream=RESERVED)],
    "4.2/1 DATA of the frame size": [headers(), data(payload=LARGE, end=True)],
    "5.5/1 an unknown extension": [frame(0xFF, 0, 0, bytes(8))],
    "6.5.2/4 an unknown setting": [settings([(0xFF, 1)])],
    "6.7/2 PING with ACK": [ping(b"invalid ", flags=1)],
    "6.10/1 several CONTINUATION frames": [frame(*OPEN), continuation(1, DUMMY, end=False), continuation(1, DUMMY)],
    # not h2spec's
    "4.1 the reserved bit of HEADERS": [headers(1 | RESERVED), data(1 | RESERVED, end=True)],
    "4.1 the reserved bit of CONTINUATION": [frame(*OPEN), continuation(1 | RESERVED, DUMMY)],
    "5.1 closed: WINDOW_UPDATE and RST_STREAM may come late": [headers(end=True), window(1, 1), reset(1, 0)],
    "5.1 closed: PRIORITY": [headers(end=True), priority(1)],
    "5.1 idle: PRIORITY": [priority(99), priority(2)],
    "6.1 padding": [headers(), data(padding=255, end=True)],
    "6.2 padding and priority": [frame(HEADERS, 0x2D, 1, b"\x02" + bytes(5) + block(OK) + bytes(2))],
    "6.5.2 all settings": [settings([(1, 0), (2, 0), (3, 0), (4, 0), (5, 1 << 14), (6, 0), (6, 1)])],
    "6.8 GOAWAY twice": [goaway((1 << 31) - 1), goaway(1, words=b"bye")],
}


@pytest.fixture
def peer():
    peer = Peer()
    peer.written()
    return peer


@pytest.mark.parametrize(("sent", "code"), CONNECTION.values(), ids=CONNECTION)
def test_ends_the_connection(peer, sent, code):
    peer.say(*sent)
    assert peer.ended == code


@pytest.mark.parametrize(("sent", "code"), STREAM.values(), ids=STREAM)
def test_ends_the_stream_only(peer, sent, code):
    peer.say(*sent)
    assert [(one.stream_id, one.error_code) for one in peer.hear() if one.name == "RST_STREAM"] == [(1, code)]
    assert peer.written().is_open and not peer.machine.is_closed


@pytest.mark.parametrize("sent", FINE.values(), ids=FINE)
def test_is_accepted(peer, sent):
    peer.say(*sent, ping(QUESTION))
    assert not peer.machine.is_closed
    [*_, answer] = [one for one in peer.hear() if isinstance(one, PingFrame)]
    assert (answer.flags, answer.opaque_data) == ({"ACK"}, QUESTION)


def test_6_5_3_1_settings_are_acknowledged(peer):
    peer.say(settings([(3, 100)]))
    assert [(one.name, one.flags) for one in peer.hear()] == [("SETTINGS", {"ACK"})]


def test_6_7_1_a_ping_is_answered_with_its_payload(peer):
    peer.say(ping(QUESTION))
    assert [(one.flags, one.opaque_data) for one in peer.hear()] == [({"ACK"}, QUESTION)]


def test_6_7_2_an_answer_that_was_not_asked_for_is_ignored(peer):
    peer.machine.ping()
    peer.say(ping(b"invalid ", flags=1))
    assert peer.machine.is_asked
    [asked] = peer.hear()
    peer.say(ping(asked.opaque_data, flags=1))
    assert not peer.machine.is_asked and peer.hear() == []


@pytest.mark.parametrize(
    "first", [ping(), headers(), settings(flags=1), frame(0xFF)], ids=["PING", "HEADERS", "ACK", "?"]
)
def test_3_4_the_first_frame_is_settings(first):
    peer = Peer(established=False)
    peer.say(first)
    assert peer.ended == Code.PROTOCOL_ERROR


def test_there_is_a_case_of_each_section():
    cases = [name.split()[0] for name in [*CONNECTION, *STREAM, *FINE] if "/" in name.split()[0]]
    assert len(cases) == len(set(cases))
    assert (
        len([case for case in cases if not case.startswith("8.")]) == 57 - 2
    )  # 6.5.3/1 and 6.7/1 are tests of their own
