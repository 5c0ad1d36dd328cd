"""Sockets that threads share, plain and with TLS."""

from __future__ import annotations

import select
import socket
import threading
from time import monotonic

import pytest
import trustme

from etcd_factory.io import tls
from etcd_factory.io.http2.channel import Channel, SecureChannel
from etcd_factory.options import TLS
from tests.support.h2_server import BOUND, HOST, Server, in_thread, server_context

AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert(HOST)
CONTEXT = tls.context(TLS(ca=AUTHORITY.cert_pem.bytes().decode()))
SIZE = 1 << 22  # more than any socket's buffers take


@pytest.fixture(params=["poll", "select"])
def pair(request, monkeypatch):
    """A channel and its peer, also on systems without ``select.poll``."""
    if request.param == "select":
        monkeypatch.delattr(select, "poll", raising=False)
    near, far = socket.socketpair()
    far.settimeout(BOUND)
    channel = Channel(near)
    with far:
        yield channel, far
        channel.close()


def received(sock, size):
    data = bytearray()
    while len(data) < size:
        data += sock.recv(1 << 16)
    return bytes(data)


def test_nothing_to_read_is_none(pair):
    assert pair[0].receive() is None
    assert not pair[0].has_input


def test_bytes_are_read_and_their_end_is_an_error(pair):
    channel, far = pair
    far.sendall(b"bytes")
    assert channel.wait(BOUND)
    assert channel.has_input
    assert channel.receive() == b"bytes"
    far.close()
    assert channel.wait(BOUND)
    with pytest.raises(EOFError, match="the server closed the connection"):
        channel.receive()


def test_what_a_full_socket_does_not_take_is_sent_later_and_in_order(pair):
    channel, far = pair
    assert not channel.send(b"a" * SIZE)
    assert not channel.send(b"b")
    reading = in_thread(received, far, SIZE + 1)
    while not channel.flush():
        channel.wait(BOUND, write=True)
    assert reading() == b"a" * SIZE + b"b"


def test_a_wait_ends_in_time_or_when_another_thread_wakes_it(pair):
    channel, _ = pair
    assert not channel.wait(0.0)
    waiting = in_thread(channel.wait, BOUND / 2)
    start = monotonic()
    channel.wake()
    assert waiting() is False
    assert monotonic() - start < BOUND / 2


def test_one_wake_ends_one_wait_however_often_it_was_asked_for(pair):
    channel, _ = pair
    for _ in range(100_000):
        channel.wake()
    while channel._awake in select.select([channel._awake], [], [], 0)[0]:
        channel.wait(0.0)
    assert not channel.wait(0.01)


def test_a_wait_for_writing_does_not_end_while_the_socket_is_full(pair):
    channel, far = pair
    channel.send(b"a" * SIZE)
    assert not channel.wait(0.01, write=True)
    received(far, SIZE // 2) if channel.flush() else far.recv(1 << 20)
    while not channel.wait(BOUND, write=True):
        far.recv(1 << 20)


def test_shutting_ends_a_wait_and_tells_the_peer(pair):
    channel, far = pair
    waiting = in_thread(channel.wait, BOUND / 2)
    channel.shut()
    assert far.recv(1) == b""
    waiting()
    with pytest.raises(EOFError):
        channel.receive()


def test_closing_closes_all_its_files():
    near, far = socket.socketpair()
    channel = Channel(near)
    files = [channel.sock, channel._awake, channel._wake]
    channel.close()
    assert [one.fileno() for one in files] == [-1] * 3
    channel.wake()
    channel.shut()
    assert far.recv(1) == b""
    far.close()


def test_one_that_is_dropped_closes_its_files():
    near, far = socket.socketpair()
    Channel(near)
    assert near.fileno() == -1
    far.close()


# --- TLS


@pytest.fixture
def secure():
    """A channel with TLS, and the peer's socket."""
    with Server(context=server_context(CERTIFICATE)) as server:
        sock = socket.create_connection(server.endpoint.split(":"))
        channel = SecureChannel(sock, CONTEXT, HOST, monotonic() + BOUND)
        yield channel, server.wire().sock
        channel.close()


def until_bytes(channel):
    while (data := channel.receive()) is None:
        channel.wait(BOUND)
    return data


def test_both_sides_agree_to_http2(secure):
    assert secure[0].protocol == "h2"


def test_bytes_go_both_ways_encrypted(secure):
    channel, far = secure
    assert channel.send(b"question")
    assert far.recv(100) == b"question"
    far.sendall(b"answer")
    assert until_bytes(channel) == b"answer"
    assert channel.receive() is None


def test_the_end_of_an_encrypted_connection_is_an_error(secure):
    channel, far = secure
    far.sendall(b"last words")
    far.shutdown(socket.SHUT_WR)
    assert until_bytes(channel) == b"last words"
    with pytest.raises(EOFError):
        until_bytes(channel)


def test_two_threads_read_and_write_at_once(secure):
    """Before Python 3.13 one SSLSocket could not."""
    channel, far = secure

    def echo():
        left = SIZE
        while left:
            data = far.recv(1 << 16)
            far.sendall(data)
            left -= len(data)

    def read():
        data = bytearray()
        while len(data) < SIZE:
            data += until_bytes(channel)
        return bytes(data)

    echoing, reading = in_thread(echo), in_thread(read)
    whole = bytes(range(256)) * (SIZE // 256)
    for at in range(0, SIZE, 1 << 14):
        sent = channel.send(whole[at : at + (1 << 14)])
        while not sent:
            channel.wait(BOUND, write=True)
            sent = channel.flush()
    assert reading() == whole
    echoing()


def test_a_handshake_with_a_silent_peer_ends_in_time():
    with socket.create_server((HOST, 0)) as listener, socket.create_connection(listener.getsockname()) as sock:
        with pytest.raises(TimeoutError, match="handshake"):
            SecureChannel(sock, CONTEXT, HOST, monotonic() + 0.1)


def test_a_handshake_that_the_peer_ends_is_an_error():
    with socket.create_server((HOST, 0)) as listener, socket.create_connection(listener.getsockname()) as sock:
        far = listener.accept()[0]
        ending = threading.Thread(target=lambda: (far.recv(1 << 12), far.close()))
        ending.start()
        with pytest.raises(EOFError):
            SecureChannel(sock, CONTEXT, HOST, monotonic() + BOUND)
        ending.join()
