"""Header blocks; the bytes are those of RFC 7541, appendix C, where there are any."""

import pytest
from hpack import Decoder

from etcd_factory.io.http2 import headers
from etcd_factory.io.http2.frames import ErrorCode, ProtocolError, StreamError
from tests.support.http2 import GOOD, OK, block


@pytest.fixture
def decoder():
    return headers.HeaderDecoder()


# --- out


@pytest.mark.parametrize(
    ("value", "bits", "encoded"),
    [
        (10, 5, "0a"),
        (1337, 5, "1f9a0a"),
        (42, 8, "2a"),
        (30, 5, "1e"),
        (31, 5, "1f00"),
        (158, 5, "1f7f"),
        (159, 5, "1f8001"),
    ],
    ids=["C.1.1", "C.1.2", "C.1.3", "below the prefix", "the prefix", "one byte more", "two bytes more"],
)
def test_integers(value, bits, encoded):
    assert headers.integer(value, bits).hex() == encoded


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (headers.literal(4, "/sample/path"), "040c 2f73 616d 706c 652f 7061 7468"),
        (headers.literal("password", "secret", secret=True), "1008 7061 7373 776f 7264 0673 6563 7265 74"),
        (headers.POST, "83"),
        (headers.SCHEMES["http"], "86"),
        (headers.SCHEMES["https"], "87"),
        (headers.literal(1, "www.example.com"), "010f 7777 772e 6578 616d 706c 652e 636f 6d"),
        (headers.literal(58, "x"), "0f2b 0178"),
        (headers.literal(4, "x" * 127), "047f 00" + "78" * 127),
        (headers.TABLE_SIZE_0, "20"),
    ],
    ids=[
        "C.2.2 without indexing",
        "C.2.3 never indexed",
        "C.2.4 indexed",
        "C.2.4 indexed: http",
        "C.2.4 indexed: https",
        "C.3.1 the authority",
        "an index above the prefix",
        "a length above the prefix",
        "6.3 the table's size",
    ],
)
def test_representations(encoded, expected):
    assert encoded.hex() == expected.replace(" ", "")


def test_a_request_is_what_grpc_asks_for():
    sent = headers.request_block("https", "etcd:2379", "/etcdserverpb.KV/Range")
    sent += headers.literal("grpc-timeout", "5S") + headers.client_block("agent/1")
    decoder = Decoder()
    decoder.max_allowed_table_size = 0  # a peer that allows no table: its size must be said
    assert decoder.decode(sent) == [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/etcdserverpb.KV/Range"),
        (":authority", "etcd:2379"),
        ("grpc-timeout", "5S"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "agent/1"),
    ]
    assert decoder.header_table_size == 0


@pytest.mark.parametrize("value", ["a\nb", "a\0", "é", "\x7f"])
def test_a_value_that_no_header_can_have(value):
    with pytest.raises(ValueError, match="only printable ASCII"):
        headers.literal("token", value)


# --- in


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", [("custom-key", "custom-header")]),
        ("040c 2f73 616d 706c 652f 7061 7468", [(":path", "/sample/path")]),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", [("password", "secret")]),
        ("82", [(":method", "GET")]),
        (
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32"
            "3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            [
                (":status", "302"),
                ("cache-control", "private"),
                ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
                ("location", "https://www.example.com"),
            ],
        ),
        (
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad"
            "1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            [
                (":status", "302"),
                ("cache-control", "private"),
                ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
                ("location", "https://www.example.com"),
            ],
        ),
    ],
    ids=["C.2.1", "C.2.2", "C.2.3", "C.2.4", "C.5.1", "C.6.1 Huffman"],
)
def test_decoding(decoder, encoded, expected):
    assert decoder._decode(bytes.fromhex(encoded)) == expected


@pytest.mark.parametrize(
    "encoded",
    ["4803 3330 37c1 c0bf", "4883 640e ffc1 c0bf", "80", "3fe1 1f", "4082", "40", "0085 ffff ffff ff00"],
    ids=["C.5.2 a table", "C.6.2 a table", "index 0", "a larger table", "cut", "empty", "Huffman"],
)
def test_what_cannot_be_decoded_without_a_table(decoder, encoded):
    with pytest.raises(ProtocolError, match="headers that cannot be decoded") as caught:
        decoder.decode(bytes.fromhex(encoded))
    assert caught.value.code == ErrorCode.COMPRESSION_ERROR


def test_nothing_is_indexed(decoder):
    encoded = bytes.fromhex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572")
    decoder.decode(encoded)
    with pytest.raises(ProtocolError):
        decoder.decode(b"\xbe")


def test_a_response(decoder):
    found = decoder.decode(block([*OK, ("server", "envoy"), ("x-other", "1")]))
    assert (found.status, found.content_type, found.server) == ("200", "application/grpc", "envoy")
    assert found.is_response


def test_trailers(decoder):
    found = decoder.decode(block([*GOOD, ("grpc-message", "all%20is well")]))
    assert (found.status, found.grpc_status, found.grpc_message) == ("", "0", "all%20is well")
    assert not found.is_response


@pytest.mark.parametrize(
    ("content_type", "is_response"),
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("application/grpc;charset=utf-8", True),
        ("Application/GRPC", True),
        ("application/grpc-web", False),
        ("application/grpc-web+proto", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_which_responses_are_grpc(content_type, is_response):
    assert headers.Fields("200", content_type).is_response is is_response
    assert not headers.Fields("502", content_type).is_response


def test_a_block_that_was_seen_is_not_decoded_again(decoder):
    sent = block(OK)
    assert decoder.decode(sent) is decoder.decode(sent) is decoder.known(sent)


def test_a_large_block_is_not_remembered(decoder):
    sent = block([*GOOD, ("grpc-message", "~" * headers.SMALL)])
    assert decoder.decode(sent) is not decoder.decode(sent)


def test_only_so_many_blocks_are_remembered(decoder):
    for number in range(headers.REMEMBERED + 1):
        decoder.decode(block([*GOOD, ("grpc-message", str(number))]))
    assert len(decoder._known) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([("x", "")] * (headers.MOST + 1), "257 headers in one message"),
        ([("x", "")] * 2000, "headers of more than 65536 bytes"),
        ([("x", "~" * (1 << 16))], "headers of more than 65536 bytes"),
    ],
)
def test_bounds(decoder, fields, words):
    with pytest.raises(ProtocolError, match=words) as caught:
        decoder.decode(block(fields))
    assert caught.value.code == ErrorCode.ENHANCE_YOUR_CALM


def test_the_largest_number_of_headers(decoder):
    assert decoder.decode(block([*OK, *[("x", "")] * (headers.MOST - 2)])).is_response


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X-Upper", "1", "not allowed in HTTP/2"),
        ("a b", "1", "not allowed in HTTP/2"),
        ("", "1", "not allowed in HTTP/2"),
        ("a:b", "1", "not allowed in HTTP/2"),
        ("transfer-encoding", "chunked", "not allowed in HTTP/2"),
        ("x", "1\r\nevil: 2", "contains a line break or NUL"),
        ("x", "1\0", "contains a line break or NUL"),
        (":path", "/", "':path' is not allowed there"),
        (":status", "200", "':status' is not allowed there"),
    ],
)
def test_headers_that_are_not_allowed(decoder, name, value, words):
    with pytest.raises(StreamError, match=words) as caught:
        decoder.decode(block([*OK, (name, value)]))
    assert caught.value.code == ErrorCode.PROTOCOL_ERROR


def test_bytes_that_are_no_text_are_kept(decoder):
    assert decoder.decode(block([(b"grpc-message", b"\xff\xfe")])).grpc_message == "ÿþ"
