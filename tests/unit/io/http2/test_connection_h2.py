"""The machine against the ``h2`` library as a server: another reading of the same RFCs, in this process."""

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    PingAckReceived,
    RequestReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes

from etcd_factory.io.http2.calls import Blocks, Call, framed
from etcd_factory.io.http2.connection import Connection
from etcd_factory.wire import methods

CHUNK = 10_000  # bytes that pass at once
BLOCKS = Blocks("http", "127.0.0.1:2379", "etcd-factory")
RESPONSE = [(":status", "200"), ("content-type", "application/grpc")]


class Server:
    """Answers each request with its own messages, once it has ended."""

    def __init__(self, machine, settings=None, padding=None):
        self.machine, self.padding = machine, padding
        self.connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.connection.initiate_connection()
        if settings:
            self.connection.update_settings(settings)
        self.events, self.requests, self.bodies, self.left = [], {}, {}, {}
        self.answers = True

    def run(self):
        """Pass bytes in both directions until nobody has more to say."""
        while True:
            sent, answer = self.machine.take(), self.connection.data_to_send()
            if not (sent or answer):
                return
            for at in range(0, len(answer), CHUNK):
                self.machine.receive(answer[at : at + CHUNK])
            for at in range(0, len(sent), CHUNK):
                for event in self.connection.receive_data(sent[at : at + CHUNK]):
                    self.take(event)
            self.send_left()

    def take(self, event):
        self.events.append(event)
        if isinstance(event, RequestReceived):
            self.requests[event.stream_id], self.bodies[event.stream_id] = dict(event.headers), b""
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id] += event.data
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamReset):
            self.left.pop(event.stream_id, None)
        elif isinstance(event, StreamEnded) and self.answers:
            self.connection.send_headers(event.stream_id, RESPONSE)
            self.left[event.stream_id] = self.bodies[event.stream_id]

    def send_left(self):
        """Send what the client's windows allow."""
        for stream, body in list(self.left.items()):
            while body:
                room = self.connection.local_flow_control_window(stream) - 256
                size = min(room, self.connection.max_outbound_frame_size - 256, len(body))
                if size <= 0:
                    break
                self.connection.send_data(stream, body[:size], pad_length=self.padding)
                body = body[size:]
            self.left[stream] = body
            if not body:
                del self.left[stream]
                self.connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def machine():
    return Connection()


def begin(machine, content=b"question", end=True):
    call = Call("host:1")
    machine.request(call, BLOCKS.get(methods.RANGE, 5.0, (("token", "secret"),)), framed(content), end)
    return call


def succeeded(call, *content):
    return call.is_done and call.error is None and list(call.messages) == list(content)


def test_a_call(machine):
    server = Server(machine)
    server.run()
    assert machine.is_established
    call = begin(machine)
    server.run()
    assert succeeded(call, b"question")
    assert server.requests == {
        1: {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/etcdserverpb.KV/Range",
            ":authority": "127.0.0.1:2379",
            "grpc-timeout": "5000m",
            "content-type": "application/grpc",
            "te": "trailers",
            "user-agent": "etcd-factory",
            "token": "secret",
        }
    }
    assert len(server.of(SettingsAcknowledged)) == 1


def test_many_calls_at_once(machine):
    server = Server(machine)
    calls = [begin(machine, b"%d" % number) for number in range(100)]
    server.run()
    assert all(succeeded(call, b"%d" % number) for number, call in enumerate(calls))


@pytest.mark.parametrize(
    ("size", "padding"),
    [(65_530, None), (65_531, None), (65_530, 0), (1 << 20, None), (1 << 20, 255), (5 << 20, None)],
)
def test_large_messages_both_ways(machine, size, padding):
    """Through windows of 64 KiB there, and of 4 MiB here."""
    server, content = Server(machine, padding=padding), bytes(range(256)) * (size // 256 + 1)
    calls = [begin(machine, content[:size]) for _ in range(2)]
    server.run()
    assert all(succeeded(call, content[:size]) for call in calls)


@pytest.mark.parametrize(
    "settings",
    [
        {SettingCodes.MAX_CONCURRENT_STREAMS: 1},
        {SettingCodes.INITIAL_WINDOW_SIZE: 10},
        {SettingCodes.INITIAL_WINDOW_SIZE: (1 << 31) - 1, SettingCodes.MAX_FRAME_SIZE: (1 << 24) - 1},
        {SettingCodes.HEADER_TABLE_SIZE: 0},
        {SettingCodes.HEADER_TABLE_SIZE: 1 << 16, SettingCodes.MAX_HEADER_LIST_SIZE: 1000},
    ],
    ids=["one stream", "small windows", "large frames", "no table", "a large table"],
)
def test_settings(machine, settings):
    server = Server(machine, settings)
    server.run()
    calls = [begin(machine, b"x" * 3_000) for _ in range(5)]
    server.run()
    assert all(succeeded(call, b"x" * 3_000) for call in calls)


def test_settings_that_change_while_calls_are_open(machine):
    server = Server(machine)
    server.run()
    calls = [begin(machine, b"x" * 100_000) for _ in range(3)]
    sent = machine.take()
    server.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100, SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    machine.receive(server.connection.data_to_send())
    calls += [begin(machine, b"y" * 1000) for _ in range(3)]
    for event in server.connection.receive_data(sent):
        server.take(event)
    server.run()
    assert machine.streams[1].window < 0 < len(machine.streams[1].outbox)
    server.connection.increment_flow_control_window(100_000, 1)  # h2 gives nothing back by itself there
    server.run()
    assert all(succeeded(call, b"x" * 100_000) for call in calls[:3])
    assert all(succeeded(call, b"y" * 1000) for call in calls[3:])


def test_a_stream_in_both_directions(machine):
    server = Server(machine)
    call = begin(machine, b"first", end=False)
    server.run()
    machine.send(call, framed(b"second"))
    server.run()
    assert server.bodies[1] == framed(b"first") + framed(b"second") and not call.messages
    machine.send(call, b"", end=True)
    server.run()
    assert succeeded(call, b"first", b"second")


def test_a_cancelled_call(machine):
    server = Server(machine)
    server.answers = False
    call, other = begin(machine), begin(machine)
    server.run()
    machine.reset(call)
    server.run()
    assert [(event.stream_id, event.error_code) for event in server.of(StreamReset)] == [(1, ErrorCodes.CANCEL)]
    server.connection.send_headers(3, RESPONSE)
    server.connection.send_headers(3, [("grpc-status", "0")], end_stream=True)
    server.run()
    assert succeeded(other)


def test_a_call_that_was_withdrawn_leaves_a_gap_in_the_streams(machine):
    server = Server(machine)
    server.run()
    first, second = begin(machine), begin(machine)
    machine.reset(first)
    server.run()
    assert list(server.requests) == [3] and succeeded(second, b"question")


def test_a_response_before_the_request_has_ended(machine):
    server = Server(machine)
    call = begin(machine, end=False)
    server.run()
    server.connection.send_headers(1, [*RESPONSE, ("grpc-status", "5"), ("grpc-message", "gone")], end_stream=True)
    server.run()
    assert call.error.code == "NOT_FOUND"
    assert [event.error_code for event in server.of(StreamReset)] == [ErrorCodes.NO_ERROR]


@pytest.mark.parametrize(("code", "refused"), [(ErrorCodes.REFUSED_STREAM, True), (ErrorCodes.INTERNAL_ERROR, False)])
def test_a_stream_that_the_server_resets(machine, code, refused):
    server = Server(machine)
    server.answers = False
    call = begin(machine)
    server.run()
    server.connection.reset_stream(1, code)
    server.run()
    assert call.is_refused is refused and not machine.is_closed


def test_a_server_that_goes_away(machine):
    server = Server(machine)
    server.answers = False
    first, second = begin(machine), begin(machine)
    server.run()
    server.connection.close_connection(last_stream_id=1, additional_data=b"max_age")
    server.run()
    assert second.is_refused and not first.is_done and not machine.is_usable
    assert machine.reason == "the server closes the connection: max_age"


def test_pings_in_both_directions(machine):
    server = Server(machine)
    server.connection.ping(b"12345678")
    machine.ping()
    server.run()
    assert [event.ping_data for event in server.of(PingAckReceived)] == [b"12345678"]
    assert not machine.is_asked


def test_closing(machine):
    server = Server(machine)
    server.run()
    machine.close("the client is closed")
    server.run()
    [event] = server.of(ConnectionTerminated)
    assert (event.error_code, event.additional_data) == (ErrorCodes.NO_ERROR, b"the client is closed")


def test_long_headers(machine):
    server = Server(machine)
    call = Call("host:1")
    machine.request(call, BLOCKS.get(methods.RANGE, 5.0, (("token", "~" * 40_000),)), framed(b"question"), True)
    server.run()
    assert succeeded(call, b"question") and len(server.requests[1]["token"]) == 40_000
