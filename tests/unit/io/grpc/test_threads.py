"""The transport on grpcio's blocking API: its channels, and what becomes of them."""

from __future__ import annotations

import gc
import sys
import threading

import grpc
import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    InternalError,
)
from etcd_factory.io.grpc import connection, threads
from etcd_factory.io.grpc.channel import PROBE
from etcd_factory.io.grpc.connection import PATIENCE
from etcd_factory.io.grpc.threads import ThreadTransport, open_channel
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods
from tests.support.faces import until
from tests.support.grpc_errors import Failed

BOUND = 30  # seconds that nothing here takes
READ = methods.RANGE, messages.RangeRequest(key=b"k", count_only=True)


@pytest.fixture
def url(etcd_server):
    return f"http://{etcd_server.endpoint}"


@pytest.fixture
def connect():
    opened = []

    def make(**options):
        opened.append(ThreadTransport(ClientOptions.of(options)))
        return opened[-1]

    yield make
    for transport in opened:
        finish(transport.close())


def read(transport, url):
    return finish(transport.unary(url, *READ, BOUND, ()))


@pytest.fixture
def used(connect, url):
    """A transport with a connection, and that connection."""
    transport = connect()
    read(transport, url)
    return transport, transport._connections.get(url)


def test_a_host_has_one_connection_for_all_its_calls(used, url):
    transport, made = used
    finish(transport.unary(url, methods.STATUS, messages.StatusRequest(), BOUND, ()))
    assert transport._connections.get(url) is made
    assert set(made._calls) == {methods.RANGE, methods.STATUS}


def test_a_channel_whose_attempt_failed_is_not_used_again_by_a_grpc_that_forsakes_it(connect, refusing, monkeypatch):
    monkeypatch.setattr(threads, "FORSAKES", True)
    transport, host = connect(), f"http://{refusing}"
    for _ in range(2):
        with pytest.raises(ConnectionFailedError):
            read(transport, host)
        assert transport._connections.get(host) is None


async def test_a_host_that_was_away_is_reached_again(connect, fragile):
    transport, host = connect(dial_timeout=0.5), f"http://{fragile.endpoint}"
    read(transport, host)
    fragile.kill()
    for _ in range(3):
        with pytest.raises(ConnectionFailedError):
            read(transport, host)
    fragile.start()
    await until(lambda: reaches(transport, host), BOUND)


def reaches(transport, host):
    try:
        return bool(read(transport, host).header.revision)
    except ConnectionFailedError:
        return False


def test_many_threads_share_one_channel(connect, url, monkeypatch):
    opened, open_ = [], grpc.insecure_channel
    monkeypatch.setattr(grpc, "insecure_channel", lambda *args: opened.append(args) or open_(*args))
    transport, barrier = connect(), threading.Barrier(8)

    def call():
        barrier.wait(BOUND)
        read(transport, url)

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(BOUND)
    assert len(opened) == 1


def probing(made, timeouts, answer=b""):
    """Let the connection record the timeouts of its probes."""
    made.probe = lambda request, timeout: timeouts.append(timeout) or answer
    return timeouts


def test_a_call_on_a_connection_that_was_just_heard_needs_no_probe(used, url):
    transport, made = used
    probes = probing(made, [])
    read(transport, url)
    assert probes == []


def test_a_connection_is_probed_before_its_first_request(connect, url, monkeypatch):
    """So that a failure to connect is known to have sent nothing."""
    calls, open_ = [], grpc.insecure_channel

    def opened(*args):
        channel = open_(*args)
        prepare = channel.unary_unary
        channel.unary_unary = lambda path, *more: calls.append(path) or prepare(path, *more)
        return channel

    monkeypatch.setattr(grpc, "insecure_channel", opened)
    read(connect(), url)
    assert calls == [PROBE, methods.RANGE.path]


@pytest.mark.parametrize(("idle", "probed"), [(2.9, 0), (3.1, 1)])
def test_a_connection_that_was_silent_for_long_is_probed_for_a_moment_before_it_is_used(
    connect, url, monkeypatch, idle, probed
):
    """Something on the way may have forgotten it."""
    transport = connect(keepalive={"time": 3})
    read(transport, url)
    made = transport._connections.get(url)
    probes, later = probing(made, []), made.heard + idle
    clock(monkeypatch, later)
    read(transport, url)
    assert probes == [PATIENCE] * probed
    assert made.heard == later


def test_a_silent_connection_that_does_not_answer_its_probe_is_replaced(used, url, monkeypatch):
    transport, made = used

    def unanswered(request, timeout):
        raise Failed(grpc.StatusCode.DEADLINE_EXCEEDED)

    made.probe, made._idle = unanswered, -1
    assert read(transport, url).header.revision
    assert transport._connections.get(url) is not made
    made.channel.close()


def test_the_time_of_the_probe_counts(used, url, monkeypatch):
    transport, made = used
    timeouts, start, times = [], made.call(methods.RANGE), iter([0.0, 0.0, 4.0, 4.0, 4.0])

    def call(request, timeout, metadata):
        timeouts.append(timeout)
        return start(request, BOUND, metadata)

    made._calls[methods.RANGE], made._idle = call, -1
    probing(made, [])
    monkeypatch.setattr(threads, "now", lambda: next(times))
    finish(transport.unary(url, *READ, 10.0, ()))
    assert timeouts == [6.0]


def clock(monkeypatch, time):
    for module in (connection, threads):
        monkeypatch.setattr(module, "now", lambda: time)


# --- connections that are given up


def failing(made, error):
    """Let every read on a connection fail."""

    def fail(*args):
        raise error

    made._calls[methods.RANGE] = fail


def test_a_call_that_heard_nothing_until_its_deadline_gives_its_connection_up(used, url):
    transport, made = used
    failing(made, Failed(grpc.StatusCode.DEADLINE_EXCEEDED))
    with pytest.raises(DeadlineExceededError):
        read(transport, url)
    assert transport._connections.get(url) is None
    read(transport, url)
    assert transport._connections.get(url) is not made
    made.channel.close()


def test_a_call_whose_connection_answered_others_meanwhile_keeps_it(used, url):
    transport, made = used

    def slow(*args):
        made.heard = float("inf")
        raise Failed(grpc.StatusCode.DEADLINE_EXCEEDED)

    made._calls[methods.RANGE] = slow
    with pytest.raises(DeadlineExceededError):
        read(transport, url)
    assert transport._connections.get(url) is made


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN])
def test_other_failures_keep_the_connection(used, url, status):
    transport, made = used
    failing(made, Failed(status, "of the test"))
    with pytest.raises(EtcdError, match="of the test"):
        read(transport, url)
    assert transport._connections.get(url) is made


def test_the_streams_of_a_connection_that_is_given_up_end(used, url):
    transport, made = used
    stream = finish(transport.stream(url, methods.WATCH, ()))
    failing(made, Failed(grpc.StatusCode.DEADLINE_EXCEEDED))
    with pytest.raises(DeadlineExceededError):
        read(transport, url)
    with pytest.raises(EtcdError):
        finish(stream.receive())
    made.channel.close()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_call_gives_its_connection_up(used, url, interrupt):
    """A lock of gRPC's channel may be held for good."""
    transport, made = used
    failing(made, interrupt())
    with pytest.raises(interrupt):
        read(transport, url)
    assert transport._connections.get(url) is None
    read(transport, url)
    made.channel.close()


def test_an_abandoned_connection_is_kept_until_its_client_is_closed(used, url):
    """Whoever frees its channel would wait for the lock."""
    transport, made = used
    failing(made, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        read(transport, url)
    assert made in connection._kept
    finish(transport.close())
    for thread in threading.enumerate():
        if thread.name == "abandoned etcd_factory connection":
            thread.join(BOUND)
    assert made not in connection._kept


def test_changed_certificate_files_need_a_new_connection(used, url, monkeypatch):
    transport, made = used
    monkeypatch.setattr(connection, "stamps", lambda tls: (("ca.pem", 1, 1),))
    assert transport._connections.fresh(url) is not made
    made.channel.close()


# --- channels


@pytest.mark.parametrize(("host", "kind"), [("http://a:1", "insecure_channel"), ("https://a:1", "secure_channel")])
def test_a_channel_is_secure_if_its_hosts_are(monkeypatch, host, kind):
    opened = []
    for name in ("insecure_channel", "secure_channel"):
        monkeypatch.setattr(grpc, name, lambda *args, name=name: opened.append((name, args[0])))
    open_channel(ClientOptions.of({"hosts": [host]}), host)
    assert opened == [(kind, "a:1")]


def test_a_forked_child_opens_connections_of_its_own(used, url):
    transport, made = used
    kept = transport.forget()
    read(transport, url)
    assert transport._connections.get(url) is not made
    assert kept.get(url) is made
    made.channel.close()


def test_a_transport_that_was_never_closed_warns(url):
    transport = ThreadTransport(ClientOptions.of({"hosts": [url]}))
    read(transport, url)
    connections, holder = transport._connections, [transport]
    del transport
    with pytest.warns(ResourceWarning, match=f"an etcd client of {url} was never closed"):
        holder.clear()
    for channel in connections.close():
        channel.close()


def test_the_warning_names_the_line_that_made_the_transport(url):
    holder = [ThreadTransport(ClientOptions.of({"hosts": [url]}))]
    line = sys._getframe().f_lineno - 1
    read(holder[0], url)
    connections = holder[0]._connections
    with pytest.warns(ResourceWarning, match="was never closed") as caught:
        holder.clear()
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
    for channel in connections.close():
        channel.close()


def test_a_transport_without_connections_does_not_warn(recwarn):
    host = "http://unused:1"
    ThreadTransport(ClientOptions.of({"hosts": [host]}))
    gc.collect()
    assert not [one for one in recwarn if host in str(one.message)]


def test_another_value_error_of_grpc_passes(used, url):
    transport, made = used
    failing(made, ValueError("odd"))
    with pytest.raises(ValueError, match="odd"):
        read(transport, url)


@pytest.mark.parametrize("succeeds", [False, True], ids=["an error", "a success without a message"])
def test_a_channel_closed_meanwhile_is_a_closed_client(used, url, succeeds):
    transport, made = used
    start = made.call(methods.RANGE)

    def call(*args):
        finish(transport.close())
        return None if succeeds else start(*args)

    made._calls[methods.RANGE] = call
    with pytest.raises(ClientClosedError):
        read(transport, url)


@pytest.mark.parametrize("data", [None, b"\xff\xff"], ids=["no message", "malformed"])
def test_a_malformed_response_is_an_error_of_ours(used, url, data):
    transport, made = used
    made._calls[methods.RANGE] = lambda *args: data
    with pytest.raises(InternalError, match="the server sent"):
        read(transport, url)
