import pytest

from etcd_factory.io.http2 import payloads
from etcd_factory.io.http2.frames import ErrorCode, ProtocolError, StreamError
from tests.support.http2 import PADDED, PRIORITIZED, settings

CALM = ErrorCode.ENHANCE_YOUR_CALM


def values(*pairs):
    return payloads.settings(0, 0, settings(pairs)[9:])


def test_the_last_value_of_a_setting_counts():
    assert values((3, 1), (4, 9), (3, 2)) == {3: 2, 4: 9}
    assert values() == {}
    assert payloads.settings(1, 0, b"") is None


@pytest.mark.parametrize(
    ("number", "value", "code"),
    [
        (2, 0, None),
        (2, 1, ErrorCode.PROTOCOL_ERROR),
        (4, (1 << 31) - 1, None),
        (4, 1 << 31, ErrorCode.FLOW_CONTROL_ERROR),
        (5, (1 << 14) - 1, ErrorCode.PROTOCOL_ERROR),
        (5, 1 << 14, None),
        (5, (1 << 24) - 1, None),
        (5, 1 << 24, ErrorCode.PROTOCOL_ERROR),
        (99, (1 << 32) - 1, None),
    ],
)
@pytest.mark.parametrize("after", [(), ((2, 0), (4, 1), (5, 1 << 14))], ids=["last", "repeated"])
def test_bounds_of_settings(number, value, code, after):
    if code is None:
        assert values((number, value))[number] == value
        return
    with pytest.raises(ProtocolError, match=f"a setting [A-Z_]+ of {value}") as caught:
        values((number, value), *after)
    assert caught.value.code == code


@pytest.mark.parametrize(("payload", "content"), [(b"\0", b""), (b"\0ab", b"ab"), (b"\2abcd", b"ab"), (b"\2cd", b"")])
def test_padding_is_taken_off(payload, content):
    assert payloads.unpadded(payload) == content


@pytest.mark.parametrize("payload", [b"", b"\1", b"\3ab"])
def test_more_padding_than_content(payload):
    with pytest.raises(ProtocolError, match="more padding than content"):
        payloads.unpadded(payload)


@pytest.mark.parametrize(
    ("payload", "last", "why"),
    [
        (b"\0\0\0\5\0\0\0\0", 5, "NO_ERROR"),
        (b"\x80\0\0\5\0\0\0\x0btoo_many_pings", 5, "too_many_pings"),
        (b"\0\0\0\0\0\0\0\x0b\xff", 0, "\N{REPLACEMENT CHARACTER}"),
        (b"\0\0\0\0\0\0\0\x63" + b"x" * 1000, 0, "x" * payloads.SHOWN),
        (b"\0\0\0\0\0\0\0\x63", 0, "error code 99"),
    ],
)
def test_goaway(payload, last, why):
    assert payloads.goaway(0, payload) == (last, why)


def test_the_reserved_bit_of_a_window_is_ignored():
    assert payloads.window_update(b"\x80\0\0\7") == 7


def test_a_priority_of_the_wrong_length_ends_only_its_stream():
    payloads.priority(1, bytes(5))
    with pytest.raises(StreamError) as caught:
        payloads.priority(1, bytes(6))
    assert caught.value.code == ErrorCode.FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    ("flags", "payload"),
    [(0, b"abc"), (PADDED, b"\2abc--"), (PRIORITIZED, b"12345abc"), (PADDED | PRIORITIZED, b"\x0112345abc-")],
)
def test_a_header_block_is_joined(flags, payload):
    block = payloads.HeaderBlock(flags, 1, payload)
    block.add(b"def")
    assert block.join() == b"abcdef"


def test_a_header_block_has_a_bounded_size():
    block = payloads.HeaderBlock(0, 1, bytes(1 << 14))
    for _ in range(3):
        block.add(bytes(1 << 14))
    with pytest.raises(ProtocolError, match="a header block is too large") as caught:
        block.add(b"x")
    assert caught.value.code == CALM


def test_a_header_block_has_a_bounded_number_of_frames():
    block = payloads.HeaderBlock(0, 1, b"")
    for _ in range(payloads.BLOCK_FRAMES - 1):
        block.add(b"")
    with pytest.raises(ProtocolError, match="a header block is too large") as caught:
        block.add(b"")
    assert caught.value.code == CALM
