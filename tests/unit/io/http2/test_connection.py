import pytest
from hpack import Decoder

from etcd_factory.io.http2.connection import RESERVE
from etcd_factory.io.http2.frames import LAST_STREAM
from etcd_factory.io.http2.stream import FORGOTTEN
from tests.support.http2 import (
    GOOD,
    OK,
    PREFACE,
    REQUEST,
    Peer,
    Recorder,
    block,
    data,
    goaway,
    headers,
    ping,
    reset,
    settings,
    trailers,
    window,
)

FOREIGN = "the first frame is not SETTINGS: this is not etcd, or a proxy is in the way"


@pytest.fixture
def peer():
    return Peer()


def names(peer):
    return [one.name for one in peer.hear()]


# --- beginning


def test_it_begins_with_the_preface_and_settings():
    peer = Peer(established=False)
    assert [one.name for one in peer.opening] == ["SETTINGS", "WINDOW_UPDATE"]
    assert not peer.machine.is_established and peer.machine.is_usable


def test_it_is_established_by_the_peers_settings():
    peer = Peer(established=False)
    peer.say(settings([(3, 100)]))
    assert peer.machine.is_established


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "it answers in HTTP/1: HTTP/1.1 400 Bad Request"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "it answers in TLS; write https://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", FOREIGN),
        (bytes(100), FOREIGN),
        (goaway(0, 11, b"too_many_pings"), FOREIGN),
    ],
    ids=["HTTP/1.1", "TLS", "SSH", "zeros", "GOAWAY"],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_another_protocol_on_the_port(answer, reason, at_once):
    peer = Peer(established=False)
    peer.say(*[answer] if at_once else [])
    for byte in b"" if at_once else answer:
        peer.say(bytes([byte]))
    assert peer.machine.reason == f"the server broke HTTP/2: {reason}"
    assert peer.ended == 1


# --- requests


def test_a_request_is_headers_and_data(peer):
    stream = peer.open(b"question")
    assert peer.machine.has_output and not stream.is_written
    first, second = peer.hear()
    assert (first.name, first.stream_id, first.flags, first.data) == ("HEADERS", 1, {"END_HEADERS"}, REQUEST)
    assert (second.name, second.stream_id, second.flags, second.data) == ("DATA", 1, {"END_STREAM"}, b"question")
    assert stream.is_written and not peer.machine.has_output


def test_a_request_may_go_on(peer):
    stream = peer.open(b"first", end=False)
    peer.machine.send(stream, b"second")
    peer.machine.send(stream, b"last", end=True)
    found = [(one.data, bool(one.flags)) for one in peer.hear() if one.name == "DATA"]
    assert found == [(b"first", False), (b"second", False), (b"last", True)]


def test_a_request_without_data(peer):
    peer.open(b"", end=False)
    assert names(peer) == ["HEADERS"]
    peer.open(b"", end=True)
    first, second = peer.hear()
    assert (first.name, first.flags, second.name, second.flags) == ("HEADERS", {"END_HEADERS"}, "DATA", {"END_STREAM"})


def test_large_headers_are_sent_in_parts(peer):
    sent = block([("token", "~" * 30_000)])
    peer.machine.request(Recorder(), sent, b"question", True)
    found = peer.hear()
    assert [one.name for one in found] == ["HEADERS", "CONTINUATION", "CONTINUATION", "DATA"]
    assert dict(Decoder().decode(b"".join(one.data for one in found[:3])))["token"] == "~" * 30_000


def test_a_stream_that_has_ended_sends_nothing(peer):
    stream = peer.written(end=False)
    peer.say(headers(), trailers())
    peer.hear()
    peer.machine.send(stream, b"more")
    peer.machine.reset(stream)
    assert names(peer) == []


def test_streams_are_numbered(peer):
    assert [peer.open().id for _ in range(3)] == [1, 3, 5]


# --- limits of streams


def test_requests_above_the_limit_wait_in_turn():
    peer = Peer((3, 2))
    streams = [peer.open() for _ in range(5)]
    assert [one.is_open for one in streams] == [True, True, False, False, False]
    assert list(peer.machine.pending()) == streams and peer.machine.is_busy
    peer.say(headers(3), trailers(3))
    assert [one.id for one in streams] == [1, 3, 5, 0, 0]
    peer.say(reset(1), reset(5))
    assert [one.id for one in streams] == [1, 3, 5, 7, 9]


def test_a_new_limit_counts_at_once(peer):
    first = peer.open()
    peer.say(settings([(3, 0)]))
    second, third = peer.open(), peer.open()
    assert first.is_open and not second.is_open
    peer.say(headers(), trailers())
    assert not second.is_open
    peer.say(settings([(3, 1)]))
    assert second.is_open and not third.is_open
    peer.say(settings([(3, 2)]))
    assert third.is_open


def test_a_waiting_request_gathers_what_is_sent():
    peer = Peer((3, 0))
    stream = peer.open(b"first", end=False)
    peer.machine.send(stream, b" second", end=True)
    peer.say(settings([(3, 1)]))
    [*_, last] = peer.hear()
    assert (last.data, last.flags) == (b"first second", {"END_STREAM"})


def test_a_waiting_request_can_be_cancelled():
    peer = Peer((3, 0))
    first, second = peer.open(b"1"), peer.open(b"2")
    peer.machine.reset(first)
    peer.say(settings([(3, 1)]))
    assert [one.data for one in peer.hear() if one.name == "DATA"] == [b"2"]
    assert second.is_open and not first.is_open


def test_nobody_overtakes_a_waiting_request():
    peer = Peer((3, 1))
    first, second, third = peer.open(), peer.open(), peer.open()
    peer.say(settings([(3, 2)]))
    fourth = peer.open()
    assert [one.id for one in (first, second, third, fourth)] == [1, 3, 0, 0]
    peer.machine.reset(second)
    peer.machine.reset(first)
    assert [one.id for one in (third, fourth)] == [5, 7]


def test_requests_that_wait_go_on_although_no_new_ones_are_accepted():
    peer = Peer((3, 1))
    first, second = peer.open(), peer.open()
    peer.machine.is_draining = True
    assert not peer.machine.is_usable
    peer.machine.reset(first)
    assert second.is_open


def test_stream_ids_run_out(peer):
    peer.machine._next_id = LAST_STREAM - RESERVE - 2
    peer.open()
    assert not peer.machine.is_usable
    assert peer.open().is_open
    peer.machine._next_id = LAST_STREAM
    assert peer.open().id == LAST_STREAM
    assert peer.open().events == [("lost", "the connection has no stream left", True)]
    assert peer.machine.streams[LAST_STREAM].is_open and not peer.machine.is_closed


def test_requests_that_wait_keep_waiting_when_ids_run_out():
    """Their time ends then; the connection is replaced long before."""
    peer = Peer((3, 1))
    peer.machine._next_id = LAST_STREAM - 2
    streams = [peer.open() for _ in range(3)]
    for stream in streams[:2]:
        peer.machine.reset(stream)
    assert [one.id for one in streams] == [LAST_STREAM - 2, LAST_STREAM, 0]
    assert list(peer.machine.pending()) == streams[2:] and streams[2].events == []


# --- responses


def test_a_response(peer):
    stream = peer.written()
    assert peer.say(headers(), data(payload=b"answer"), trailers()) == [stream] * 3
    [(_, first, _), (_, content, end), (_, last, ends)] = stream.events
    assert (first.status, content, end, last.grpc_status, ends) == ("200", b"answer", False, "0", True)
    assert not stream.is_open and not peer.machine.is_busy and names(peer) == []


def test_a_stream_may_end_with_data(peer):
    stream = peer.written()
    peer.say(headers(), data(payload=b"answer", end=True))
    assert stream.events[1:] == [("data", b"answer", True)]
    assert not stream.is_open and not peer.machine.is_busy and names(peer) == []


def test_responses_are_interleaved(peer):
    first, second = peer.written(), peer.written()
    peer.say(headers(3), headers(1), data(3, b"3"), data(1, b"1"), trailers(1), trailers(3))
    assert [event[1] for event in first.events if event[0] == "data"] == [b"1"]
    assert [event[1] for event in second.events if event[0] == "data"] == [b"3"]


def test_news_are_told_once(peer):
    stream = peer.written()
    assert peer.say(headers()) == [stream]
    assert peer.say() == []


def test_a_response_before_the_request_has_ended_resets_the_stream(peer):
    """gRPC's "Early Server Closure": the server may not know that the client sends no more."""
    stream = peer.written(end=False)
    peer.say(headers(), trailers())
    [one] = peer.hear()
    assert (one.name, one.error_code, stream.is_open) == ("RST_STREAM", 0, False)


def test_so_does_one_before_all_was_sent(peer):
    peer.written(b"x" * 100_000)
    peer.say(headers(), trailers())
    assert [one.error_code for one in peer.hear()] == [0]
    peer.say(window(0, 100_000))
    assert names(peer) == []


def test_the_server_resets_a_stream(peer):
    stream = peer.written()
    assert peer.say(reset(code=2)) == [stream]
    assert stream.events == [("reset", 2)] and not stream.is_open and names(peer) == []


def test_frames_of_a_stream_that_was_reset_here_are_ignored(peer):
    stream = peer.written()
    peer.machine.reset(stream)
    assert names(peer) == ["RST_STREAM"]
    assert peer.say(headers(), data(), window(1, 1), reset(), headers(fields=[("X", "1")]), trailers()) == []
    assert stream.events == [] and not peer.machine.is_closed


def test_so_are_those_of_very_many(peer):
    """A server that was slow answers all of them after their deadlines."""
    streams = [peer.written() for _ in range(2 * FORGOTTEN)]
    for stream in streams:
        peer.machine.reset(stream)
    for stream in streams:
        peer.say(headers(stream.id), trailers(stream.id))
    assert not peer.machine.is_closed


def test_headers_in_parts(peer):
    stream = peer.written()
    sent = block([*OK, *GOOD])
    frames = [bytes([0, 0, 1, 9, 0, 0, 0, 0, 1, byte]) for byte in sent[1:-1]]
    first, last = bytes([0, 0, 1, 1, 1, 0, 0, 0, 1, sent[0]]), bytes([0, 0, 1, 9, 4, 0, 0, 0, 1, sent[-1]])
    assert peer.say(first, *frames) == []
    assert peer.say(last) == [stream]
    [(_, fields, end)] = stream.events
    assert (fields.status, fields.grpc_status, end) == ("200", "0", True)


# --- the connection


def test_it_is_asked_for_a_sign_of_life(peer):
    peer.machine.ping()
    peer.machine.ping()
    [one] = peer.hear()
    assert one.name == "PING" and not one.flags and peer.machine.is_asked
    peer.say(ping(one.opaque_data, flags=1))
    assert not peer.machine.is_asked


def test_a_server_that_goes_away_twice(peer):
    streams = [peer.written() for _ in range(3)]
    assert peer.say(goaway(LAST_STREAM, words=b"soon")) == []
    assert peer.say(goaway(1, words=b"now")) == streams[1:]
    assert [one.events for one in streams[1:]] == [[("lost", "the server closes the connection: now", True)]] * 2
    assert streams[0].is_open and not peer.machine.is_usable


def test_a_lost_connection_says_what_the_server_said(peer):
    stream = peer.written()
    peer.say(goaway(1, 11, b"too_many_pings"))
    peer.machine.lost("the connection broke")
    assert stream.events == [("lost", "the server closes the connection: too_many_pings", False)]


def test_closing(peer):
    stream = peer.written()
    assert peer.machine.close("the client is closed") == [stream]
    [one] = peer.hear()
    assert (one.name, one.error_code, one.additional_data) == ("GOAWAY", 0, b"the client is closed")
    assert peer.machine.close("again") == [] and names(peer) == []
    assert peer.machine.reason == "the client is closed"


@pytest.mark.parametrize("end", ["close", "lost"])
def test_the_peer_is_told_although_another_thread_ends_it_too(peer, end):
    peer.machine.close("the client is closed")
    assert getattr(peer.machine, end)("again") == []
    assert names(peer) == ["GOAWAY"]


def test_a_reason_of_any_length(peer):
    peer.machine.close("ü" * 1000)
    [one] = peer.hear()
    assert len(one.additional_data) == 128


def test_nothing_is_sent_on_a_connection_that_was_lost(peer):
    peer.open()
    peer.machine.ping()
    peer.machine.lost("the connection broke")
    assert not peer.machine.has_output and peer.machine.close("closed") == [] and names(peer) == []


def test_a_connection_that_never_began_ends_without_a_word():
    peer = Peer(established=False)
    peer.machine._out.parts.append(PREFACE)  # as if it had not been taken
    other = type(peer.machine)()
    other.close("not established")
    assert other.take() == b""


def test_a_closed_connection_takes_nothing(peer):
    peer.written()
    peer.machine.close("closed")
    assert peer.say(headers(), ping()) == []
    assert names(peer) == ["GOAWAY"]
