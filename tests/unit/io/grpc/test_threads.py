"""The transport on grpcio's blocking API: its channels, and what becomes of them."""

from __future__ import annotations

import gc
import threading

import grpc
import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.grpc import threads as module
from etcd_factory.io.grpc.threads import ThreadTransport
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods

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


def test_a_host_has_one_channel_for_all_its_calls(connect, url):
    transport = connect()
    read(transport, url)
    finish(transport.unary(url, methods.STATUS, messages.StatusRequest(), BOUND, ()))
    assert [*transport._channels] == [url]
    assert {method.name for _, method in transport._calls} == {"Range", "Status"}


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


def test_the_first_call_probes_and_later_ones_do_not(connect, url):
    """A probe makes sure that a failure to connect sent nothing; there is a connection from then on."""
    transport, probed = connect(), []
    call = transport._prepare(url, methods.RANGE)
    transport._calls[url, methods.RANGE] = call._replace(probe=lambda *args: probed.append(1) or call.probe(*args))
    read(transport, url)
    read(transport, url)
    assert len(probed) == 1


def test_the_time_of_the_probe_counts(connect, url, monkeypatch):
    transport, timeouts = connect(), []
    call = transport._prepare(url, methods.RANGE)
    clock = iter([0.0, 4.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))

    def start(request, timeout, metadata):
        timeouts.append(timeout)
        return call.start(request, BOUND, metadata)

    transport._calls[url, methods.RANGE] = call._replace(start=start, probe=lambda *args: None)
    finish(transport.unary(url, *READ, 10.0, ()))
    assert timeouts == [6.0]


@pytest.mark.parametrize(("host", "kind"), [("http://a:1", "insecure_channel"), ("https://a:1", "secure_channel")])
def test_a_channel_is_secure_if_its_hosts_are(monkeypatch, host, kind):
    opened = []
    for name in ("insecure_channel", "secure_channel"):
        monkeypatch.setattr(grpc, name, lambda *args, name=name: opened.append((name, args[0])))
    ThreadTransport(ClientOptions.of({"hosts": [host]}))._open(host)
    assert opened == [(kind, "a:1")]


def test_a_forked_child_opens_connections_of_its_own(connect, url):
    transport = connect()
    read(transport, url)
    before = transport._channels[url]
    kept = transport.forget()
    read(transport, url)
    assert transport._channels[url] is not before
    assert before in kept[1].values()
    before.close()


def test_a_transport_that_was_never_closed_warns(url):
    transport = ThreadTransport(ClientOptions.of({"hosts": [url]}))
    read(transport, url)
    channels, holder = transport._channels, [transport]
    del transport
    with pytest.warns(ResourceWarning, match="was never closed"):
        holder.clear()
    for channel in channels.values():
        channel.close()


def test_a_transport_without_connections_does_not_warn(recwarn):
    ThreadTransport(ClientOptions())
    gc.collect()
    assert not [one for one in recwarn if one.category is ResourceWarning]


def test_another_value_error_of_grpc_passes(connect, url):
    transport = connect()
    transport._calls[url, methods.RANGE] = transport._prepare(url, methods.RANGE)._replace(start=odd)
    with pytest.raises(ValueError, match="odd"):
        read(transport, url)


def odd(*args):
    raise ValueError("odd")


def test_a_channel_closed_meanwhile_is_a_closed_client(connect, url):
    transport = connect()
    call = transport._prepare(url, methods.RANGE)

    def start(*args):
        finish(transport.close())
        return call.start(*args)

    transport._calls[url, methods.RANGE] = call._replace(start=start)
    with pytest.raises(ClientClosedError):
        read(transport, url)
