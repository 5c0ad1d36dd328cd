import pytest

from etcd_factory.io.http2 import frames
from tests.support.http2 import frame, parsed


def only(sent):
    [one] = parsed(sent)
    return one


def test_a_frame_has_its_length_kind_flags_and_stream():
    assert frames.frame(frames.PING, frames.ACK, 0, b"12345678") == frame(6, 1, 0, b"12345678")
    assert frames.frame(0xFA, 0xFF, frames.LAST_STREAM) == frame(0xFA, 0xFF, (1 << 31) - 1)


def test_settings():
    assert only(frames.settings({1: 0, 4: 1 << 22})).settings == {1: 0, 4: 1 << 22}
    assert only(frames.SETTINGS_ACK).flags == {"ACK"}


def test_window_update():
    one = only(frames.window_update(3, frames.LARGEST_WINDOW))
    assert (one.stream_id, one.window_increment) == (3, (1 << 31) - 1)


def test_reset():
    one = only(frames.reset(5, frames.ErrorCode.CANCEL))
    assert (one.stream_id, one.error_code) == (5, 8)


def test_goaway():
    one = only(frames.goaway(frames.ErrorCode.PROTOCOL_ERROR, b"why"))
    assert (one.last_stream_id, one.error_code, one.additional_data) == (0, 1, b"why")


@pytest.mark.parametrize(
    ("size", "parts"),
    [(1, [1]), (1 << 14, [1 << 14]), ((1 << 14) + 1, [1 << 14, 1]), (3 << 14, [1 << 14] * 3)],
)
def test_a_large_header_block_is_cut(size, parts):
    block = bytes(range(256)) * (size // 256 + 1)
    found = parsed(b"".join(frames.headers(7, block[:size])))
    assert [len(one.data) for one in found] == parts
    assert [one.name for one in found] == ["HEADERS", *["CONTINUATION"] * (len(parts) - 1)]
    assert ["END_HEADERS" in one.flags for one in found] == [False] * (len(parts) - 1) + [True]
    assert b"".join(one.data for one in found) == block[:size] and {one.stream_id for one in found} == {7}


@pytest.mark.parametrize(("code", "name"), [(0, "NO_ERROR"), (13, "HTTP_1_1_REQUIRED"), (14, "error code 14")])
def test_names_of_codes(code, name):
    assert frames.code_name(code) == name


def test_errors_have_a_code():
    assert frames.ProtocolError("why").code == frames.StreamError("why").code == frames.ErrorCode.PROTOCOL_ERROR
    assert frames.StreamError("why", frames.ErrorCode.CANCEL).message == "why"
