"""Sockets that are opened without asyncio: addresses side by side, options of TCP, proxies."""

from __future__ import annotations

import socket
import threading
from base64 import b64decode
from time import monotonic

import pytest

from etcd_factory.io.http2 import dial
from etcd_factory.io.http2.dial import Race, addresses, connect, credentials, is_literal, tune, tunnel
from etcd_factory.io.http2.host import host
from etcd_factory.options import ClientOptions, Keepalive
from tests.support.h2_server import BOUND, HOST, in_thread
from tests.support.processes import free_port

INET = int(socket.AF_INET)
SHORT = 0.1


def deadline(seconds=BOUND):
    return monotonic() + seconds


@pytest.fixture
def listener():
    with socket.create_server((HOST, 0)) as one:
        yield one


@pytest.fixture
def unresponsive():
    """An address where connecting takes for ever: its queue is full."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        one.listen(0)
        waiting = []
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(one.getsockname())
        yield one.getsockname()
        for sock in waiting:
            sock.close()


def at(sock):
    return INET, sock.getsockname()


# --- addresses


def test_the_first_address_that_answers_is_used(listener):
    with Race([at(listener)], deadline()).run() as sock:
        assert sock.getpeername() == listener.getsockname()


def test_an_address_that_refuses_is_passed_over(listener):
    with Race([(INET, (HOST, free_port())), at(listener)], deadline()).run() as sock:
        assert sock.getpeername() == listener.getsockname()


def test_an_address_that_is_silent_does_not_hold_up_the_next(listener, unresponsive):
    with Race([(INET, unresponsive), at(listener)], deadline()).run() as sock:
        assert sock.getpeername() == listener.getsockname()


def test_the_losers_are_closed(listener, unresponsive, monkeypatch):
    made = []

    class Kept(socket.socket):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(dial.socket, "socket", Kept)
    winner = Race([(INET, unresponsive), at(listener)], deadline()).run()
    assert [one is winner or one.fileno() == -1 for one in made] == [True, True]
    winner.close()


def test_the_last_error_is_raised_if_all_refuse():
    with pytest.raises(ConnectionRefusedError):
        Race([(INET, (HOST, free_port())), (INET, (HOST, free_port()))], deadline()).run()


def test_nothing_to_try_is_an_error():
    with pytest.raises(OSError, match="no address"):
        Race([], deadline()).run()


def test_the_race_ends_at_the_deadline(unresponsive):
    with pytest.raises(TimeoutError, match="in time"):
        Race([(INET, unresponsive)], deadline(SHORT)).run()


def test_the_families_of_a_name_take_turns(monkeypatch):
    def found(name, port, type):  # noqa: A002
        six, four = (int(socket.AF_INET6), type, 6, ""), (INET, type, 6, "")
        return [(*six, ("::1", port)), (*six, ("::2", port)), (*four, ("10.0.0.1", port))]

    monkeypatch.setattr(dial.socket, "getaddrinfo", found)
    assert [where[0] for _, where in addresses("etcd.example", 1, deadline())] == ["::1", "10.0.0.1", "::2"]


def test_a_name_that_takes_too_long_to_resolve_is_an_error(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(dial.socket, "getaddrinfo", lambda *args, **kwargs: answered.wait(BOUND))
    with pytest.raises(TimeoutError, match="resolved in time"):
        addresses("etcd.example", 1, deadline(SHORT))
    answered.set()


def test_a_name_that_is_not_known_is_an_error():
    with pytest.raises(socket.gaierror):
        addresses("no-such-host.invalid", 1, deadline())


@pytest.mark.parametrize(
    ("name", "literal"), [("127.0.0.1", True), ("::1", True), ("fe80::1%eth0", True), ("localhost", False)]
)
def test_addresses_need_no_resolver(name, literal):
    assert is_literal(name) is literal


def test_a_host_name_is_resolved_and_connected_to(listener):
    url = f"http://localhost:{listener.getsockname()[1]}"
    with connect(host(url, ClientOptions.of({"hosts": url})), deadline()) as sock:
        assert sock.getpeername() == listener.getsockname()


# --- options


def test_small_messages_are_sent_at_once_and_dead_peers_are_noticed(listener):
    with socket.create_connection(listener.getsockname()) as sock:
        tune(sock, Keepalive(10, 5))
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15


@pytest.mark.parametrize("options", [Keepalive(1e-6, 1e-6), Keepalive(1e9, 1e9)], ids=["short", "long"])
def test_times_that_the_system_does_not_have_are_those_next_to_them(listener, options):
    with socket.create_connection(listener.getsockname()) as sock:
        tune(sock, options)


def test_a_unix_socket_has_no_such_options():
    near, far = socket.socketpair()
    with near, far:
        tune(near, Keepalive())


# --- proxies


@pytest.fixture
def proxy():
    """A socket to a proxy, and the proxy's end."""
    near, far = socket.socketpair()
    far.settimeout(BOUND)
    with near, far:
        yield near, far


def test_what_follows_the_proxys_answer_is_left_for_the_target(proxy):
    near, far = proxy
    far.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nfirst bytes of etcd")
    tunnel(near, "etcd:2379", "", deadline())
    assert near.recv(100) == b"first bytes of etcd"


def test_an_answer_may_come_byte_by_byte(proxy):
    near, far = proxy
    opening = in_thread(tunnel, near, "etcd:2379", "", deadline())
    for byte in b"HTTP/1.0 200 OK\r\n\r\n":
        far.sendall(bytes([byte]))
    opening()
    assert far.recv(100) == b"CONNECT etcd:2379 HTTP/1.1\r\nHost: etcd:2379\r\n\r\n"


ANSWERS = {
    "another status": (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 502 Bad Gateway"),
    "a cut success": (b"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK"),
    "nothing": (b"", "nothing"),
    "no HTTP": (b"200\r\n\r\n", "200"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_all_else_is_an_error_with_what_it_answered(proxy, name):
    near, far = proxy
    answer, shown = ANSWERS[name]
    far.sendall(answer)
    far.shutdown(socket.SHUT_WR)
    with pytest.raises(OSError, match=f"the proxy answered '{shown}'"):
        tunnel(near, "etcd:2379", "", deadline())


def test_an_endless_answer_is_an_error(proxy):
    near, far = proxy

    def talk():
        try:
            while True:
                far.sendall(b"HTTP/1.1 200 OK " * 1000)
        except OSError:
            pass

    talking = in_thread(talk)
    with pytest.raises(OSError, match=r"the proxy answered 'HTTP/1\.1 200 OK"):
        tunnel(near, "etcd:2379", "", deadline())
    near.close()
    talking()


def test_a_proxy_that_refuses_connections_is_named():
    gone = free_port()
    with pytest.raises(OSError, match=f"the proxy 127.0.0.1:{gone} cannot be reached: .* refused; check the option"):
        connect(host("http://etcd:2379", ClientOptions(proxy=f"http://me:pw@127.0.0.1:{gone}")), deadline())


def test_a_silent_proxy_is_left_at_the_deadline(proxy):
    with pytest.raises(TimeoutError):
        tunnel(proxy[0], "etcd:2379", "", deadline(SHORT))


def test_a_user_and_a_password_are_sent_as_they_are():
    assert credentials(None, None) == ""
    line = credentials("us%40er", "p%3Ass")
    assert b64decode(line.removeprefix("Proxy-Authorization: Basic ")) == b"us@er:p:ss"
