import pytest
from hpack import Decoder

from etcd_factory import errors
from etcd_factory.errors import Code
from etcd_factory.io.http2 import calls
from etcd_factory.io.http2.calls import Blocks, Call, timeout_text
from etcd_factory.wire import methods
from tests.support.http2 import GOOD, OK, Peer, data, headers, message, reset, trailers

HOST = "10.0.0.1:2379"


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
def call(peer):
    """A call that was sent."""
    return peer.written(stream=Call(HOST))


def status(number, text=None):
    return [("grpc-status", str(number)), *([("grpc-message", text)] if text is not None else [])]


def outcome(call):
    return call.error and (call.error.code, call.error.message)


# --- messages


@pytest.mark.parametrize(
    "parts",
    [
        [message(b"answer")],
        [message(b"answer")[:3], message(b"answer")[3:]],
        [message(b"answer")[:5], message(b"answer")[5:]],
        [message(b"answer")[:7], message(b"answer")[7:]],
        [bytes([byte]) for byte in message(b"answer")],
        [b"", message(b"answer"), b""],
    ],
    ids=["whole", "in the prefix", "after the prefix", "in the message", "byte by byte", "empty frames"],
)
def test_a_message_is_cut_anywhere(peer, call, parts):
    peer.say(headers(), *[data(payload=part) for part in parts], trailers())
    assert list(call.messages) == [b"answer"] and call.is_done and call.error is None


@pytest.mark.parametrize("cut", range(26))
def test_several_messages_in_a_frame(peer, call, cut):
    sent = message(b"first") + message(b"") + message(b"second")
    peer.say(headers(), data(payload=sent[:cut]), data(payload=sent[cut:]), trailers())
    assert list(call.messages) == [b"first", b"", b"second"] and call.error is None


def test_a_large_message(peer, call):
    sent = message(bytes(range(256)) * (1 << 14))
    peer.say(headers())
    for at in range(0, len(sent), 1 << 14):
        peer.say(data(payload=sent[at : at + (1 << 14)]))
    peer.say(trailers())
    assert [len(one) for one in call.messages] == [1 << 22] and call.error is None


def test_a_unary_call_has_news_once_it_has_ended(peer, call):
    assert peer.say(headers(), data(payload=message())) == []
    assert peer.say(trailers()) == [call]


def test_a_stream_has_news_with_each_message(peer, call):
    call.refill = False
    assert peer.say(headers(), data(payload=message()[:-1])) == []
    assert peer.say(data(payload=message()[-1:])) == [call]
    assert peer.say(data(payload=message())) == [call]
    assert len(call.messages) == 2 and not call.is_done


@pytest.mark.parametrize(
    ("encoding", "words"),
    [([("grpc-encoding", "gzip")], "compressed with gzip"), ([], "compressed with something")],
)
def test_a_compressed_message_is_refused(peer, call, encoding, words):
    assert peer.say(headers(fields=[*OK, *encoding]), data(payload=message(compressed=1))) == [call]
    assert outcome(call) == (Code.INTERNAL, f"the server sent a message {words}, which was not requested")


@pytest.mark.parametrize("size", [1, 4, 5, 8])
def test_a_message_that_is_cut_short(peer, call, size):
    peer.say(headers(), data(payload=message()[:size]), trailers())
    assert outcome(call) == (Code.INTERNAL, "the server cut a message short")


def test_a_status_counts_more_than_a_message_cut_short(peer, call):
    peer.say(headers(), data(payload=message()[:7]), trailers(fields=status(5, "gone")))
    assert outcome(call) == (Code.NOT_FOUND, "gone")


def test_what_a_message_lacks_is_known_for_its_window(peer, call):
    peer.say(headers(), data(payload=message(b"x" * 100)[:45]))
    assert call.wanted == 60
    peer.say(data(payload=b"x" * 60 + message(b"y" * 9)[:6]))
    assert call.wanted == 8
    peer.say(data(payload=b"y" * 8))
    assert call.wanted == 0


# --- statuses

NUMBERS = [
    *("CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
]


@pytest.mark.parametrize(("number", "code"), [*enumerate(NUMBERS, 1)])
@pytest.mark.parametrize("early", [True, False], ids=["trailers only", "after headers"])
def test_grpc_statuses(peer, call, number, code, early):
    begin = [] if early else [headers()]
    peer.say(*begin, trailers(fields=[*(OK if early else ()), *status(number, "why")]))
    assert outcome(call) == (code, "why") and call.is_done and not call.is_open
    assert call.error.endpoint == HOST and call.error.sent


@pytest.mark.parametrize("number", ["17", "-1", "00", "x", "²", "9" * 10_000, " 0"])
def test_a_status_that_grpc_does_not_know(peer, call, number):
    peer.say(headers(), trailers(fields=[(b"grpc-status", number.encode("latin-1")), ("grpc-message", "why")]))
    assert outcome(call) == (Code.UNKNOWN, "why")


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("etcdserver: key not found", "etcdserver: key not found"),
        ("%C3%BC%0a%25", "ü\n%"),
        ("100% of 5%zz%", "100% of 5%zz%"),
        ("%FF%41", "\N{REPLACEMENT CHARACTER}A"),
        ("", ""),
        ("a+b", "a+b"),
    ],
)
def test_grpc_messages_are_percent_decoded(peer, call, sent, text):
    peer.say(headers(), trailers(fields=status(2, sent)))
    assert call.error.message == text


def test_a_grpc_message_in_utf8(peer, call):
    peer.say(headers(), trailers(fields=[(b"grpc-status", b"2"), (b"grpc-message", "grün".encode())]))
    assert call.error.message == "grün"


def test_a_status_without_a_response_that_is_fine(peer, call):
    peer.say(trailers(fields=[*OK, *GOOD]))
    assert call.is_done and call.error is None and not call.messages


# --- answers that are none of gRPC's (grpc/doc/http-grpc-status-mapping.md)

HTTP = {
    "400": Code.INTERNAL,
    "401": Code.UNAUTHENTICATED,
    "403": Code.PERMISSION_DENIED,
    "404": Code.UNIMPLEMENTED,
    "429": Code.UNAVAILABLE,
    "431": Code.INTERNAL,
    "502": Code.UNAVAILABLE,
    "503": Code.UNAVAILABLE,
    "504": Code.UNAVAILABLE,
    "200": Code.UNKNOWN,
    "204": Code.UNKNOWN,
    "301": Code.UNKNOWN,
    "500": Code.UNKNOWN,
}


@pytest.mark.parametrize(("number", "code"), HTTP.items())
@pytest.mark.parametrize("end", [True, False])
def test_http_statuses(peer, call, number, code, end):
    fields = [(":status", number), ("content-type", "text/html"), ("server", "nginx")]
    assert peer.say(headers(fields=fields, end=end)) == [call]
    words = f"the host answered HTTP {number} with content type 'text/html' (nginx): "
    assert outcome(call) == (code, words + "it is not etcd, or a proxy that does not pass gRPC on")


def test_what_a_proxy_sends_after_its_status_is_ignored(peer, call):
    peer.say(headers(fields=[(":status", "502")]))
    before = call.error
    assert peer.say(data(payload=b"<html>"), data(payload=b"</html>", end=True)) == []
    assert call.error is before and "content type 'unknown'" in before.message


def test_a_grpc_status_counts_more_than_http(peer, call):
    peer.say(trailers(fields=[(":status", "503"), *status(8, "full")]))
    assert outcome(call) == (Code.RESOURCE_EXHAUSTED, "full")


def test_grpc_for_browsers_is_refused(peer, call):
    peer.say(headers(fields=[(":status", "200"), ("content-type", "application/grpc-web+proto")]))
    assert call.error.code == Code.UNKNOWN and "'application/grpc-web+proto'" in call.error.message


def test_informational_responses_come_before_the_real_one(peer, call):
    early = headers(fields=[(":status", "103"), ("link", "</x>")])
    assert peer.say(*[early] * calls.INFORMATIONAL, headers(), data(payload=message())) == []
    assert peer.say(trailers()) == [call] and call.error is None


def test_informational_responses_without_end(peer, call):
    assert peer.say(*[headers(fields=[(":status", "100")])] * (calls.INFORMATIONAL + 1)) == [call]
    assert outcome(call) == (Code.INTERNAL, "too many informational responses")


NO_STATUS = "the server ended the call without a status"
MIDDLE = "the server sent headers in the middle of the response"


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        ([data()], Code.INTERNAL, "the server sent data before headers"),
        ([headers(fields=GOOD, end=True)], Code.INTERNAL, "the server sent headers without an HTTP status"),
        ([headers(end=True)], Code.UNKNOWN, NO_STATUS),
        ([headers(), headers(fields=[("x", "1")], end=True)], Code.INTERNAL, NO_STATUS),
        ([headers(), headers(fields=[*OK, *GOOD], end=True)], Code.INTERNAL, NO_STATUS),
        ([headers(), headers(fields=GOOD)], Code.INTERNAL, MIDDLE),
        ([headers(), data(payload=message(), end=True)], Code.INTERNAL, "the server ended the stream without a status"),
        ([headers(fields=[(":status", "100")], end=True)], Code.UNKNOWN, "the host answered HTTP 100 with"),
    ],
    ids=["data", "no HTTP status", "no status", "no status in trailers", "two responses", "middle", "end", "1xx ends"],
)
def test_responses_that_are_malformed(peer, call, sent, code, words):
    assert peer.say(*sent) == [call]
    assert call.error.code == code and call.error.message.startswith(words)


# --- ends (grpc/doc/PROTOCOL-HTTP2.md, "Errors")

RESETS = {
    0: (Code.INTERNAL, "NO_ERROR"),
    1: (Code.INTERNAL, "PROTOCOL_ERROR"),
    2: (Code.INTERNAL, "INTERNAL_ERROR"),
    3: (Code.INTERNAL, "FLOW_CONTROL_ERROR"),
    4: (Code.INTERNAL, "SETTINGS_TIMEOUT"),
    5: (Code.INTERNAL, "STREAM_CLOSED"),
    6: (Code.INTERNAL, "FRAME_SIZE_ERROR"),
    7: (Code.UNAVAILABLE, "REFUSED_STREAM"),
    8: (Code.CANCELLED, "CANCEL"),
    9: (Code.INTERNAL, "COMPRESSION_ERROR"),
    10: (Code.INTERNAL, "CONNECT_ERROR"),
    11: (Code.RESOURCE_EXHAUSTED, "ENHANCE_YOUR_CALM"),
    12: (Code.PERMISSION_DENIED, "INADEQUATE_SECURITY"),
    13: (Code.INTERNAL, "HTTP_1_1_REQUIRED"),
    14: (Code.UNKNOWN, "error code 14"),
    (1 << 32) - 1: (Code.UNKNOWN, "error code 4294967295"),
}


@pytest.mark.parametrize("number", RESETS)
def test_reset_codes(peer, call, number):
    code, name = RESETS[number]
    assert peer.say(reset(code=number)) == [call]
    assert outcome(call) == (code, f"the server reset the stream: {name}")
    assert call.is_refused is (name == "REFUSED_STREAM")


def test_a_stream_whose_rules_were_broken(peer, call):
    assert peer.say(headers(fields=[*OK, ("X", "1")])) == [call]
    assert outcome(call) == (Code.INTERNAL, "the server broke HTTP/2: the header 'X' is not allowed in HTTP/2")


def test_a_lost_connection(peer, call):
    assert peer.machine.lost("the connection broke: reset by peer") == [call]
    assert isinstance(call.error, errors.ConnectionFailedError)
    assert (call.error.message, call.error.endpoint) == ("the connection broke: reset by peer", HOST)


def test_the_end_of_its_time(call):
    assert call.expire(2.5)
    assert isinstance(call.error, errors.DeadlineExceededError) and call.error.message == "no response within 2.5 s"


@pytest.mark.parametrize("is_written", [True, False])
def test_a_silent_connection(peer, is_written):
    call = peer.open(stream=Call(HOST))
    call.is_written = is_written
    assert call.leave() and isinstance(call.error, errors.ConnectionFailedError)
    assert (call.error.message, call.error.sent) == ("the server is silent", is_written)


def test_the_end_of_its_client(call):
    assert call.close() and isinstance(call.error, errors.ClientClosedError) and not call.is_refused


@pytest.mark.parametrize(
    "later",
    [
        lambda call: call.expire(1),
        lambda call: call.close(),
        lambda call: call.on_reset(7),
        lambda call: call.on_lost("lost", refused=True),
        lambda call: call.on_broken("broken"),
        lambda call: call.on_data(message(), end=True),
        lambda call: call.on_headers(calls.Fields(grpc_status="5"), end=True),
        lambda call: call.on_headers(calls.Fields(grpc_status="0"), end=True),
    ],
    ids=["expire", "close", "reset", "lost", "broken", "data", "error", "success"],
)
@pytest.mark.parametrize("first", [trailers(fields=GOOD), trailers(fields=status(9))], ids=["good", "failed"])
def test_a_call_ends_once(peer, call, first, later):
    peer.say(headers(), first)
    before = call.error
    assert not later(call)
    assert call.is_done and call.error is before and (before is None or before.sent)


# --- requests


def sent_headers(block):
    decoder = Decoder()
    decoder.max_allowed_table_size = 0
    return decoder.decode(block)


@pytest.fixture
def blocks():
    return Blocks("http", HOST, "agent")


def test_the_headers_of_a_request(blocks):
    """The timeout comes after the pseudo-headers, metadata last; no proxy may index a token."""
    found = sent_headers(blocks.get(methods.RANGE, 5.0, (("token", "secret"), ("hasleader", "true"))))
    assert found == [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/etcdserverpb.KV/Range"),
        (":authority", HOST),
        ("grpc-timeout", "5000m"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "agent"),
        ("token", "secret"),
        ("hasleader", "true"),
    ]
    assert [one.indexable for one in found[-2:]] == [False, False]


def test_headers_without_a_timeout(blocks):
    assert "grpc-timeout" not in dict(sent_headers(blocks.get(methods.WATCH, None, ())))


def test_headers_are_prepared_once(blocks):
    assert blocks.get(methods.RANGE, 5.0, ()) is blocks.get(methods.RANGE, 5.0, ())
    assert blocks.get(methods.RANGE, 5.0, ()) != blocks.get(methods.RANGE, 5.0, (("token", "x"),))
    assert blocks.get(methods.RANGE, 5.0, ()) != blocks.get(methods.PUT, 5.0, ())


def test_only_so_many_headers_are_kept(blocks):
    for number in range(calls.BLOCKS + 1):
        blocks.get(methods.RANGE, float(number), ())
    assert len(blocks._prepared) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "5000m"),
        (0.0001, "1m"),
        (0, "1m"),
        (-1, "1m"),
        (1.0001, "1001m"),
        (99_999.999, "99999999m"),
        (100_000, "100000S"),
        (100_000.5, "100001S"),
        (1e12, "99999999S"),
        (float("inf"), "99999999S"),
    ],
)
def test_timeouts_have_at_most_8_digits(seconds, text):
    assert timeout_text(seconds) == text
