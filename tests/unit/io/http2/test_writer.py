"""Who writes to a connection that threads share."""

from __future__ import annotations

import socket
import threading

import pytest

from etcd_factory.io.http2.channel import Channel
from etcd_factory.io.http2.connection import Connection
from etcd_factory.io.http2.writer import Writer

LARGE = bytes(1 << 23)  # more than a socket's buffers take


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(5)
        yield Channel(near), far


@pytest.fixture
def make(ends):
    def build(patience=5.0):
        return Writer(ends[0], Connection(), threading.Lock(), patience)

    return build


def test_the_first_writes_and_takes_what_there_is(make):
    writer, one, other = make(), object(), object()
    assert writer.begin(one)
    assert writer.begin(other) is None
    assert writer.current is one


def test_only_the_one_that_writes_ends_it(make):
    writer, one, other = make(), object(), object()
    writer.begin(one)
    assert not writer.end(other)
    assert writer.current is one
    assert writer.end(one)
    assert not writer.end(one)
    assert writer.begin(other) is not None


def test_while_the_peer_does_not_read_what_it_sent_is_read(make, ends):
    received = []
    ends[1].sendall(b"more")
    make().write(LARGE, lambda: received.append(ends[1].recv(1 << 22)))
    assert received


def test_a_peer_that_never_reads_is_given_up(make):
    with pytest.raises(TimeoutError, match="accepts no more bytes"):
        make(patience=0.0).write(LARGE, lambda: None)


def test_the_last_is_sent(make, ends):
    writer, one = make(), object()
    writer.write_last(one, b"bye")
    assert (ends[1].recv(3), writer.current) == (b"bye", one)


def test_the_last_is_not_sent_while_another_one_writes(make, ends):
    writer, one = make(), object()
    writer.begin(one)
    writer.write_last(object(), b"bye")
    ends[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        ends[1].recv(3)
    assert writer.current is one
