"""A proxy that does to connections what networks do to them."""

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from etcd_factory import ETCDService, errors
from etcd_factory.testing import FaultProxy
from etcd_factory.testing import proxy as module
from etcd_factory.testing.ports import HOST

BOUND = 10  # seconds that nothing here takes
SHORT = 0.1  # long enough to see that nothing comes


class Echo:
    """A server that gives back what it is sent."""

    def __init__(self):
        self._listener = socket.create_server((HOST, 0))
        self._threads, self.sockets = [], []
        self.endpoint = f"{HOST}:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc):
        for one in (self._listener, *self.sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(BOUND)

    def _spawn(self, body, *args):
        self._threads.append(threading.Thread(target=body, args=args))
        self._threads[-1].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                self.sockets.append(self._listener.accept()[0])
                self._spawn(self._answer, self.sockets[-1])

    def _answer(self, one):
        with suppress(OSError):
            while data := one.recv(1 << 16):
                one.sendall(data)
        one.close()


@pytest.fixture
def echo():
    with Echo() as server:
        yield server


@pytest.fixture
def proxy(echo):
    with FaultProxy(echo.endpoint) as one:
        yield one


@pytest.fixture
def connect(proxy):
    """Makes connections through the proxy."""
    with ExitStack() as stack:
        host, port = proxy.endpoint.split(":")
        yield lambda: stack.enter_context(socket.create_connection((host, int(port)), BOUND))


@pytest.fixture
def line(connect):
    """A connection that has been used."""
    one = connect()
    assert said(one, b"hello") == b"hello"
    return one


def said(line, data):
    """What comes back for these bytes, as many as they are."""
    line.sendall(data)
    return got(line, len(data))


def got(line, count):
    data = b""
    while len(data) < count and (part := line.recv(count - len(data))):
        data += part
    return data


def is_silent(line):
    line.settimeout(SHORT)
    with pytest.raises(TimeoutError):
        line.recv(1)
    line.settimeout(BOUND)
    return True


def is_reset(line):
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    return True


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "etcd proxy"]


def test_bytes_pass_both_ways(line):
    assert said(line, b"again") == b"again"


def test_many_bytes_pass_unchanged(connect):
    line, data = connect(), bytes(range(256)) * 40_000
    writer = threading.Thread(target=line.sendall, args=(data,))
    writer.start()
    assert got(line, len(data)) == data
    writer.join(BOUND)


def test_connections_are_counted_and_their_end_is_passed_on(proxy, echo, connect):
    first, second = connect(), connect()
    assert (said(first, b"1"), said(second, b"2")) == (b"1", b"2")
    assert proxy.connections == 2
    first.close()
    echo.sockets[1].shutdown(socket.SHUT_RDWR)
    assert second.recv(1) == b""
    second.close()


def test_a_target_that_does_not_listen_breaks_the_connection(echo, proxy, connect):
    echo.__exit__()
    with pytest.raises(ConnectionResetError):
        connect().recv(1)


def test_a_delay_holds_up_each_way(proxy, line):
    proxy.delay(SHORT)
    start = time.monotonic()
    assert said(line, b"slow") == b"slow"
    assert time.monotonic() - start >= 2 * SHORT
    proxy.heal()
    assert proxy.pause == 0


def test_bytes_stay_in_order_when_the_delay_is_changed(proxy, line):
    proxy.delay(SHORT)
    line.sendall(b"one ")
    proxy.delay(0)
    assert said(line, b"two") + got(line, 4) == b"one two"


def test_a_cut_breaks_connections_and_refuses_new_ones(proxy, line, connect):
    proxy.cut()
    assert is_reset(line)
    with pytest.raises(ConnectionRefusedError):
        connect()


def test_a_healed_cut_is_well_at_the_same_endpoint(proxy, line, connect):
    endpoint = proxy.endpoint
    proxy.cut()
    proxy.cut()
    proxy.heal()
    assert proxy.endpoint == endpoint
    assert said(connect(), b"again") == b"again"


def test_a_half_open_connection_takes_everything_and_says_nothing(proxy, line, connect):
    proxy.half_open()
    line.sendall(b"lost")
    fresh = connect()
    fresh.sendall(b"lost")
    assert is_silent(line)
    assert is_silent(fresh)


def test_a_half_open_connection_does_not_tell_that_the_target_has_gone(proxy, echo, line):
    proxy.half_open()
    echo.__exit__()
    assert is_silent(line)


def test_healing_breaks_what_lost_bytes_and_spares_the_rest(proxy, line, connect):
    spared = connect()
    assert said(spared, b"hello") == b"hello"
    proxy.half_open()
    empty = connect()
    line.sendall(b"lost")
    assert is_silent(line)
    proxy.heal()
    assert is_reset(line)
    assert is_reset(empty)
    assert said(spared, b"well") == b"well"


def test_a_request_passes_though_its_reply_is_dropped(proxy, echo, line):
    proxy.drop_replies()
    line.sendall(b"asked")
    proxy.wait_for_request(b"ask")
    assert is_silent(line)
    proxy.reset()
    assert is_reset(line)


def test_after_a_reset_new_connections_fare_as_before(proxy, line, connect):
    proxy.drop_replies()
    proxy.reset()
    fresh = connect()
    fresh.sendall(b"asked")
    assert is_silent(fresh)
    proxy.cut()
    proxy.heal()
    assert said(connect(), b"well") == b"well"


def test_a_request_that_does_not_come_is_told(proxy, line):
    proxy.drop_replies()
    with pytest.raises(TimeoutError, match=r"no request with b'hello' within 0.1 s at <FaultProxy 127"):
        proxy.wait_for_request(b"hello", SHORT)
    with pytest.raises(TimeoutError):
        proxy.wait_for_request(timeout=SHORT)


def test_closing_ends_thread_and_connections(echo):
    before = len(threads())
    with FaultProxy(echo.endpoint) as proxy:
        assert len(threads()) == before + 1
        line = socket.create_connection(proxy.endpoint.split(":"), BOUND)
        assert said(line, b"hello") == b"hello"
    proxy.close()
    assert len(threads()) == before
    assert proxy.connections == 0
    with line:
        assert is_reset(line)


def test_a_closed_one_says_so_and_can_be_started_again(proxy, connect):
    proxy.close()
    with pytest.raises(RuntimeError, match=r"is not started: call start\(\)"):
        proxy.cut()
    assert proxy.start() is proxy.start()
    assert said(connect(), b"again") == b"again"


def test_a_taken_port_is_exchanged_before_the_first_start(echo, monkeypatch):
    taken = int(echo.endpoint.split(":")[1])
    ports = iter([(taken,), (taken,), module.free_ports(1)])
    monkeypatch.setattr(module, "free_ports", lambda count: next(ports))
    with FaultProxy(echo.endpoint) as proxy:
        assert proxy.endpoint != echo.endpoint


def test_exchanging_ports_has_an_end_and_leaves_no_thread(echo, monkeypatch):
    taken, before = int(echo.endpoint.split(":")[1]), threads()
    monkeypatch.setattr(module, "free_ports", lambda count: (taken,))
    with pytest.raises(OSError, match="in use"):
        FaultProxy(echo.endpoint).start()
    assert threads() == before


@pytest.fixture
def client(etcd_proxy, etcd_namespace):
    options = {"hosts": etcd_proxy.endpoint, "namespace": etcd_namespace, "timeout": 0.3}
    with ETCDService(options) as service:
        service.put("k").value("v")
        yield service


def test_etcd_serves_through_it(client, etcd_proxy):
    assert client.get("k").string() == "v"
    assert etcd_proxy.connections == 1


@pytest.mark.parametrize("fault", [FaultProxy.cut, FaultProxy.half_open, FaultProxy.drop_replies])
def test_a_client_of_etcd_sees_each_fault_and_its_end(client, etcd_proxy, fault):
    fault(etcd_proxy)
    with pytest.raises((errors.ConnectionFailedError, errors.DeadlineExceededError)):
        client.get("k").string()
    etcd_proxy.heal()
    assert client.with_options(timeout=BOUND).get("k").string() == "v"


def test_a_client_of_etcd_waits_out_a_delay(client, etcd_proxy):
    etcd_proxy.delay(0.05)
    assert client.with_options(timeout=BOUND).get("k").string() == "v"


def test_a_put_whose_reply_is_dropped_is_applied(client, etcd_proxy, etcd):
    etcd_proxy.drop_replies()
    with pytest.raises(errors.DeadlineExceededError) as caught:
        client.put("lost").value("v")
    assert caught.value.maybe_applied
    assert etcd.get("lost").string() == "v"
