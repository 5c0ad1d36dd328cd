import pytest

from etcd_factory.io.http2.frames import ProtocolError
from etcd_factory.io.http2.preface import OPENING, is_cut
from tests.support.http2 import PREFACE, parsed, settings


def test_what_is_sent_first():
    assert OPENING.startswith(PREFACE)
    first, second = parsed(OPENING)
    assert first.settings == {1: 0, 2: 0, 4: 4 << 20, 6: 1 << 16}
    assert (second.stream_id, 65_535 + second.window_increment) == (0, 16 << 20)


@pytest.mark.parametrize("data", [b"", b"H", b"\x15", settings(), bytes(3)])
def test_it_may_be_http2(data):
    assert not is_cut(data)


LINE = b"HTTP/1.1 400 Bad Request\r\n"


@pytest.mark.parametrize("length", range(5, len(LINE)))
def test_a_line_of_http1_is_waited_for(length):
    assert is_cut(LINE[:length])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (LINE, "it answers in HTTP/1: HTTP/1.1 400 Bad Request"),
        (LINE + b"Content-Type: text/html\r\n", "it answers in HTTP/1: HTTP/1.1 400 Bad Request"),
        (b"HTTP/" + b"x" * 1000, "it answers in HTTP/1: HTTP/" + "x" * 123),
        (b"HTTP/1.1 4\xff\r\n", "it answers in HTTP/1: HTTP/1.1 4ÿ"),
        (b"\x15\x03\x01\0\2\2\x46", "it answers in TLS; write https://"),
        (b"\x15\x03", "it answers in TLS; write https://"),
    ],
)
def test_another_protocol(data, words):
    with pytest.raises(ProtocolError) as caught:
        is_cut(data)
    assert caught.value.message == words
