"""gRPC's HTTP/2 interop cases (grpc/doc/negative-http2-interop-test-descriptions.md) by name, without a socket."""

import pytest

from etcd_factory.errors import Code
from etcd_factory.io.http2.calls import Call, framed
from tests.support.http2 import Peer, data, goaway, headers, message, ping, reset, settings, trailers, window

REQUEST = framed(bytes(271_828))
ANSWER = message(bytes(314_159))
HALF = len(ANSWER) // 2
FRAME = 1 << 14


class Server(Peer):
    """Takes requests of any size."""

    def call(self):
        """Begin a call."""
        call = self.open(REQUEST, stream=Call("host:1"))
        if call.is_open:
            self.take_request(call)
        return call

    def take_request(self, call):
        got = b""
        while len(got) < len(REQUEST):
            [*sent] = [one for one in self.hear() if one.name == "DATA" and one.stream_id == call.id]
            got += b"".join(one.data for one in sent)
            self.say(window(0, FRAME), window(call.id, FRAME))
        assert got == REQUEST and sent[-1].flags == {"END_STREAM"}

    def answer(self, call, sent=ANSWER, padding=None):
        """Send so much of the answer."""
        size = FRAME - 256
        for at in range(0, len(sent), size):
            self.say(data(call.id, sent[at : at + size], padding=padding))


@pytest.fixture
def server():
    return Server()


def succeeded(call):
    return call.is_done and call.error is None and [len(one) for one in call.messages] == [314_159]


def test_goaway(server):
    """The call goes on; the next one needs another connection, and is told so before anything of it is sent."""
    first = server.call()
    server.say(goaway(first.id))
    second = server.open(REQUEST, stream=Call("host:1"))
    assert second.is_refused and not server.machine.is_usable
    server.say(headers())
    server.answer(first)
    server.say(trailers())
    assert succeeded(first)
    another = Server()
    again = another.call()
    another.say(headers())
    another.answer(again)
    another.say(trailers())
    assert succeeded(again)


def failed(call):
    return call.is_done and call.error.code == Code.INTERNAL and call.error.sent


def test_rst_after_header(server):
    call = server.call()
    assert server.say(headers(), reset(code=0)) == [call]
    assert failed(call)


def test_rst_during_data(server):
    call = server.call()
    server.say(headers())
    server.answer(call, ANSWER[:HALF])
    assert server.say(reset(code=0)) == [call]
    assert failed(call)


def test_rst_after_data(server):
    call = server.call()
    server.say(headers())
    server.answer(call)
    assert not call.is_done
    assert server.say(reset(code=0)) == [call]
    assert failed(call)


def test_ping(server):
    call = server.call()
    questions = [bytes([number]) * 8 for number in range(4)]
    server.say(ping(questions[0]), headers(), ping(questions[1]))
    server.say(ping(questions[2]))
    server.answer(call)
    server.say(ping(questions[3]), trailers())
    assert [one.opaque_data for one in server.hear() if one.name == "PING"] == questions
    assert succeeded(call)


def test_max_streams(server):
    first = server.call()
    server.say(settings([(3, 1)]))
    others = [server.call() for _ in range(10)]
    assert not any(call.is_open for call in others)
    for number, call in enumerate([first, *others]):
        assert [one for one in [first, *others] if one.is_open] == [call] and call.id == 1 + 2 * number
        if number:
            server.take_request(call)
        server.say(headers(call.id))
        server.answer(call)
        server.say(trailers(call.id))
    assert all(succeeded(call) for call in [first, *others])


@pytest.mark.parametrize("padding", [0, 1, 255])
def test_data_frame_padding(server, padding):
    call = server.call()
    call.refill = False
    server.say(headers())
    for _ in range(20):  # more than the windows, so that padding must be given back too
        call.messages.clear()
        server.answer(call, padding=padding)
        server.machine.taken(call, len(ANSWER))
    server.say(trailers())
    assert succeeded(call)
