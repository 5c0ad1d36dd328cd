from __future__ import annotations

import socket
import threading

import pytest

from etcd_factory.cli.doctor.probe import certificate, greeting, page
from etcd_factory.io.http2.host import host
from etcd_factory.options import ClientOptions


@pytest.fixture
def serving():
    """A function that serves one answer, and returns the host."""
    threads, sockets = [], []

    def serve(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)
        threads.append(threading.Thread(target=answered, args=(listener, answer)))
        threads[-1].start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return host(url, ClientOptions(hosts=url, dial_timeout=5))

    yield serve
    for thread in threads:
        thread.join(10)
    for one in sockets:
        one.close()


def answered(listener, answer):
    """Answer one connection."""
    sock, _ = listener.accept()
    with sock:
        sock.recv(1 << 16)
        sock.sendall(answer)


def test_a_page(serving):
    found = page(serving(b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 2\r\n\r\nok"), "/version")
    assert (found.headers["date"], found.body) == ("today", b"ok")


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\4\0\0\0\0\0", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"])
def test_another_answer_is_no_page(serving, answer):
    assert page(serving(answer), "/version") is None


def test_the_first_bytes_of_an_answer(serving):
    assert greeting(serving(b"SSH-2.0")) == b"SSH-2.0"


def test_a_host_that_is_away_answers_nothing():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        away = host(url, ClientOptions(hosts=url))
        assert (page(away, "/"), greeting(away), certificate(away)) == (None, b"", None)
