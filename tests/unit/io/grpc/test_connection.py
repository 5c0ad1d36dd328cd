"""When a connection may be used as it is, and when it is given up."""

from __future__ import annotations

import grpc
import pytest

from etcd_factory.errors import (
    ClientClosedError,
    Code,
    ConnectionFailedError,
    DeadlineExceededError,
    InternalError,
    TLSError,
    error_of,
)
from etcd_factory.io.grpc import connection as module
from etcd_factory.io.grpc.connection import PATIENCE, Connections, Decoder
from etcd_factory.options import ClientOptions
from etcd_factory.wire import methods
from tests.support.grpc_errors import Failed

HOST = "http://a:1"
START = 100.0
SILENT = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED]


class Channel:
    """A channel whose calls do nothing."""

    def __init__(self, host):
        self.host, self.prepared = host, []

    def unary_unary(self, path, *more):
        self.prepared.append(path)
        return lambda *args: b""

    unary_stream = stream_stream = unary_unary


class Endless:
    """A stream."""

    ended = False

    def cancel(self):
        self.ended = True


@pytest.fixture
def clock(monkeypatch):
    """A function that sets the time."""

    def put(time):
        monkeypatch.setattr(module, "now", lambda: time)

    put(START)
    return put


@pytest.fixture
def connections(clock):
    return Connections(ClientOptions.of({"keepalive": {"time": 5}}), Channel)


# --- of a host


def test_a_host_has_one_connection(connections):
    assert connections.get(HOST) is None
    made = connections.fresh(HOST)
    assert connections.fresh(HOST) is connections.get(HOST) is made
    assert (made.channel.host, bool(connections)) == (HOST, True)


def test_a_connection_is_idle_once_it_was_silent_for_longer_than_the_keepalive(connections, clock):
    made = connections.fresh(HOST)
    clock(START + 5)
    assert not made.is_idle
    clock(START + 5.1)
    assert made.is_idle


def test_a_call_is_prepared_once(connections):
    made = connections.fresh(HOST)
    assert made.call(methods.RANGE) is made.call(methods.RANGE)
    assert made.channel.prepared[1:] == [methods.RANGE.path]


def test_changed_certificate_files_need_another_connection(connections, monkeypatch):
    made = connections.fresh(HOST)
    monkeypatch.setattr(module, "stamps", lambda tls: (("ca.pem", 1, 2),))
    assert connections.fresh(HOST) is not made


def test_a_dropped_connection_is_replaced_and_its_streams_end(connections):
    made, stream = connections.fresh(HOST), Endless()
    made.streams.add(stream)
    connections.drop(HOST, made)
    assert (connections.get(HOST), stream.ended) == (None, True)


def test_only_the_connection_itself_is_dropped(connections):
    """Another call may have replaced it meanwhile."""
    old = connections.fresh(HOST)
    connections.drop(HOST, old)
    new = connections.fresh(HOST)
    connections.drop(HOST, old)
    assert connections.get(HOST) is new


def test_nothing_is_opened_once_they_are_closed(connections):
    made = connections.fresh(HOST)
    assert connections.close() == [made.channel]
    with pytest.raises(ClientClosedError):
        connections.fresh(HOST)


# --- what a failure means


def test_a_deadline_in_silence_drops_the_connection(connections):
    made = connections.fresh(HOST)
    error = connections.judge(HOST, made, Failed(grpc.StatusCode.DEADLINE_EXCEEDED), START + 1)
    assert isinstance(error, DeadlineExceededError)
    assert connections.get(HOST) is None


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_other_failures_without_a_response_keep_it_and_prove_nothing(connections, clock, status):
    made = connections.fresh(HOST)
    clock(START + 9)
    connections.judge(HOST, made, Failed(status), START + 1)
    assert (connections.get(HOST), made.heard) == (made, START)


def test_a_deadline_after_it_was_heard_keeps_it(connections):
    """The server is busy with this call, and answered another."""
    made = connections.fresh(HOST)
    made.heard = START + 2
    connections.judge(HOST, made, Failed(grpc.StatusCode.DEADLINE_EXCEEDED), START + 1)
    assert connections.get(HOST) is made


def test_an_error_of_the_server_proves_that_the_connection_works(connections, clock):
    made = connections.fresh(HOST)
    clock(START + 9)
    connections.judge(HOST, made, Failed(grpc.StatusCode.UNKNOWN), START + 1)
    assert made.heard == START + 9


def test_any_failure_after_the_end_is_that_of_a_closed_client(connections):
    made = connections.fresh(HOST)
    connections.close()
    assert isinstance(connections.judge(HOST, made, Failed(grpc.StatusCode.CANCELLED), START), ClientClosedError)


@pytest.mark.parametrize("status", SILENT)
def test_a_probe_without_an_answer_means_that_nothing_was_sent(connections, status):
    error = connections.unreachable(HOST, connections.fresh(HOST), Failed(status))
    assert (error.code, error.sent, error.endpoint) == (Code(status.name), False, "a:1")


@pytest.mark.parametrize("status", [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAUTHENTICATED])
def test_any_answer_to_a_probe_means_that_there_is_a_connection(connections, clock, status):
    made = connections.fresh(HOST)
    clock(START + 9)
    assert connections.unreachable(HOST, made, Failed(status)) is None
    assert made.heard == START + 9


# --- why a host cannot be reached


@pytest.fixture
def diagnosis(monkeypatch):
    """A function that sets what is wrong with TLS, and the hosts that were asked about."""
    asked = []

    def put(problem):
        monkeypatch.setattr(module, "diagnose", lambda host, tls, timeout: asked.append((host, timeout)) or problem)
        return asked

    return put


def test_a_problem_of_tls_is_the_error_and_nothing_was_sent(connections, diagnosis):
    asked = diagnosis(TLSError("expired", endpoint="a:1"))
    error = connections.explain(HOST, ConnectionFailedError("broke"), START)
    assert (type(error), error.sent, asked) == (TLSError, False, [(HOST, PATIENCE)])


def test_without_one_the_error_is_what_grpc_says(connections, diagnosis):
    diagnosis(None)
    failed = ConnectionFailedError("broke")
    assert connections.explain(HOST, failed, START) is failed


@pytest.mark.parametrize(("code", "since"), [(Code.DEADLINE_EXCEEDED, START), (Code.UNAVAILABLE, START - 2)])
def test_a_host_that_accepts_no_connections_is_not_asked(connections, diagnosis, code, since):
    """It would take another while, and say nothing."""
    asked, failed = diagnosis(TLSError("expired")), error_of(code, "")
    assert connections.explain(HOST, failed, since) is failed
    assert asked == []


# --- streams


def test_what_comes_on_a_stream_proves_that_the_connection_works(connections, clock):
    made = connections.fresh(HOST)
    decoder = Decoder(connections, made, HOST, methods.WATCH, START)
    clock(START + 9)
    assert not decoder.decode(b"").created
    assert made.heard == START + 9


def test_a_malformed_message_is_an_error_of_ours_with_the_endpoint(connections):
    decoder = Decoder(connections, connections.fresh(HOST), HOST, methods.WATCH, START)
    with pytest.raises(InternalError, match="a malformed message of 2 bytes") as caught:
        decoder.decode(b"\xff\xff")
    assert caught.value.endpoint == "a:1"
