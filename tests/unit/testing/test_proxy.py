"""A proxy that injects network faults."""

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from etcd_factory import ETCDService, errors
from etcd_factory.testing import FaultProxy
from etcd_factory.testing import proxy as module
from etcd_factory.testing.tcp_ports import HOST

BOUND = 10  # seconds that nothing here takes
SHORT = 0.1  # seconds, enough to see that nothing arrives


class Echo:
    """A server that sends back what it receives."""

    def __init__(self):
        self._listener = socket.create_server((HOST, 0))
        self._threads, self.sockets = [], []
        self.endpoint = f"{HOST}:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc):
        for opened in (self._listener, *self.sockets):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
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

    def _answer(self, connection):
        with suppress(OSError):
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        connection.close()


@pytest.fixture
def echo():
    with Echo() as server:
        yield server


@pytest.fixture
def proxy(echo):
    with FaultProxy(echo.endpoint) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy):
    """A function that connects through the proxy."""
    with ExitStack() as stack:
        host, port = proxy.endpoint.split(":")
        yield lambda: stack.enter_context(socket.create_connection((host, int(port)), BOUND))


@pytest.fixture
def line(connect):
    """A connection that has been used."""
    connection = connect()
    assert echoed(connection, b"hello") == b"hello"
    return connection


def echoed(line, data):
    """Send bytes and return as many as come back."""
    line.sendall(data)
    return received(line, len(data))


def received(line, count):
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


def proxy_threads():
    return [thread for thread in threading.enumerate() if thread.name == "etcd proxy"]


def test_bytes_pass_both_ways(line):
    assert echoed(line, b"again") == b"again"


def test_many_bytes_pass_unchanged(connect):
    line, data = connect(), bytes(range(256)) * 40_000
    writer = threading.Thread(target=line.sendall, args=(data,))
    writer.start()
    assert received(line, len(data)) == data
    writer.join(BOUND)


def test_connections_are_counted_and_their_end_is_forwarded(proxy, echo, connect):
    first, second = connect(), connect()
    assert (echoed(first, b"1"), echoed(second, b"2")) == (b"1", b"2")
    assert proxy.connections == 2
    first.close()
    echo.sockets[1].shutdown(socket.SHUT_RDWR)
    assert second.recv(1) == b""
    second.close()


def test_a_target_that_does_not_listen_breaks_the_connection(echo, proxy, connect):
    echo.__exit__()
    with pytest.raises(ConnectionResetError):
        connect().recv(1)


def test_a_delay_applies_in_each_direction(proxy, line):
    proxy.delay(SHORT)
    start = time.monotonic()
    assert echoed(line, b"slow") == b"slow"
    assert time.monotonic() - start >= 2 * SHORT
    proxy.heal()
    assert proxy.pause == 0


def test_bytes_stay_in_order_when_the_delay_changes(proxy, line):
    proxy.delay(SHORT)
    line.sendall(b"one ")
    proxy.delay(0)
    assert echoed(line, b"two") + received(line, 4) == b"one two"


def test_a_cut_breaks_connections_and_refuses_new_ones(proxy, line, connect):
    proxy.cut()
    assert is_reset(line)
    with pytest.raises(ConnectionRefusedError):
        connect()


def test_after_a_cut_heal_serves_at_the_same_endpoint(proxy, line, connect):
    endpoint = proxy.endpoint
    proxy.cut()
    proxy.cut()
    proxy.heal()
    assert proxy.endpoint == endpoint
    assert echoed(connect(), b"again") == b"again"


def test_a_half_open_connection_accepts_everything_and_answers_nothing(proxy, line, connect):
    proxy.half_open()
    line.sendall(b"lost")
    late = connect()
    late.sendall(b"lost")
    assert is_silent(line)
    assert is_silent(late)


def test_a_half_open_connection_hides_that_the_target_closed(proxy, echo, line):
    proxy.half_open()
    echo.__exit__()
    assert is_silent(line)


def test_heal_breaks_connections_that_lost_bytes_and_keeps_the_others(proxy, line, connect):
    kept = connect()
    assert echoed(kept, b"hello") == b"hello"
    proxy.half_open()
    empty = connect()
    line.sendall(b"lost")
    assert is_silent(line)
    proxy.heal()
    assert is_reset(line)
    assert is_reset(empty)
    assert echoed(kept, b"well") == b"well"


def test_a_request_is_forwarded_while_replies_are_dropped(proxy, echo, line):
    proxy.drop_replies()
    line.sendall(b"asked")
    proxy.wait_for_request(b"ask")
    assert is_silent(line)
    proxy.reset()
    assert is_reset(line)


def test_after_a_reset_the_fault_applies_to_new_connections(proxy, line, connect):
    proxy.drop_replies()
    proxy.reset()
    late = connect()
    late.sendall(b"asked")
    assert is_silent(late)
    proxy.cut()
    proxy.heal()
    assert echoed(connect(), b"well") == b"well"


def test_waiting_for_a_request_that_does_not_come_times_out(proxy, line):
    proxy.drop_replies()
    with pytest.raises(TimeoutError, match=r"no request with b'hello' within 0.1 s at <FaultProxy 127"):
        proxy.wait_for_request(b"hello", SHORT)
    with pytest.raises(TimeoutError):
        proxy.wait_for_request(timeout=SHORT)


def test_close_ends_the_thread_and_all_connections(echo):
    before = len(proxy_threads())
    with FaultProxy(echo.endpoint) as proxy:
        assert len(proxy_threads()) == before + 1
        line = socket.create_connection(proxy.endpoint.split(":"), BOUND)
        assert echoed(line, b"hello") == b"hello"
    proxy.close()
    assert len(proxy_threads()) == before
    assert proxy.connections == 0
    with line:
        assert is_reset(line)


def test_a_closed_proxy_reports_it_and_can_be_restarted(proxy, connect):
    proxy.close()
    with pytest.raises(RuntimeError, match=r"is not started: call start\(\)"):
        proxy.cut()
    assert proxy.start() is proxy.start()
    assert echoed(connect(), b"again") == b"again"


def test_a_port_taken_before_the_first_start_is_replaced(echo, monkeypatch):
    taken = int(echo.endpoint.split(":")[1])
    ports = iter([(taken,), (taken,), module.free_ports(1, echo)])
    monkeypatch.setattr(module, "free_ports", lambda *_: next(ports))
    with FaultProxy(echo.endpoint) as proxy:
        assert proxy.endpoint != echo.endpoint


def test_replacing_ports_is_bounded_and_leaves_no_thread(echo, monkeypatch):
    taken, before = int(echo.endpoint.split(":")[1]), proxy_threads()
    monkeypatch.setattr(module, "free_ports", lambda *_: (taken,))
    with pytest.raises(OSError, match="in use"):
        FaultProxy(echo.endpoint).start()
    assert proxy_threads() == before


@pytest.fixture
def client(etcd_proxy, etcd_namespace):
    options = {"hosts": etcd_proxy.endpoint, "namespace": etcd_namespace, "timeout": 0.3}
    with ETCDService(options) as service:
        service.put("k").value("v")
        yield service


def test_etcd_can_be_reached_through_it(client, etcd_proxy):
    assert client.get("k").string() == "v"
    assert etcd_proxy.connections == 1


@pytest.mark.parametrize("fault", [FaultProxy.cut, FaultProxy.half_open, FaultProxy.drop_replies])
def test_an_etcd_client_sees_each_fault_and_its_end(client, etcd_proxy, fault):
    fault(etcd_proxy)
    with pytest.raises((errors.ConnectionFailedError, errors.DeadlineExceededError)):
        client.get("k").string()
    etcd_proxy.heal()
    assert client.with_options(timeout=BOUND).get("k").string() == "v"


def test_an_etcd_client_tolerates_a_delay(client, etcd_proxy):
    etcd_proxy.delay(0.05)
    assert client.with_options(timeout=BOUND).get("k").string() == "v"


def test_a_put_whose_reply_is_dropped_is_applied(client, etcd_proxy, etcd):
    etcd_proxy.drop_replies()
    with pytest.raises(errors.DeadlineExceededError) as caught:
        client.put("lost").value("v")
    assert caught.value.maybe_applied
    assert etcd.get("lost").string() == "v"
