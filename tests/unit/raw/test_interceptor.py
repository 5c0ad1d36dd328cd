"""What is added to python-etcd3's calls: here the pause before a watch reconnects."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import grpc
import pytest

from etcd_factory.errors import ClientClosedError
from etcd_factory.options import ClientOptions
from etcd_factory.raw.interceptor import Calls
from etcd_factory.wire import methods

PAUSE = 0.2  # seconds


@pytest.fixture
def channel():
    with grpc.insecure_channel("127.0.0.1:1") as one:
        yield one


@pytest.fixture
def open_stream(channel):
    """Opens a stream of a method; returns when."""
    calls = Calls(ClientOptions(retry={"maximum": PAUSE}), channel)

    def call(method):
        details = SimpleNamespace(method=method.path, metadata=())
        return calls.intercept_stream_stream(lambda details, requests: time.monotonic(), details, iter(()))

    call.closed = calls.closed
    return call


def test_watch_streams_are_opened_with_pauses(open_stream):
    """python-etcd3 reopens a broken one at once, for ever: 100 % CPU while its server is down."""
    times = [open_stream(methods.WATCH) for _ in range(3)]
    assert times[1] - times[0] >= PAUSE
    assert times[2] - times[1] >= PAUSE


def test_other_streams_are_opened_at_once(open_stream):
    open_stream(methods.LEASE_KEEP_ALIVE)
    begin = time.monotonic()
    open_stream(methods.LEASE_KEEP_ALIVE)
    assert time.monotonic() - begin < PAUSE


def test_closing_ends_a_pause_with_an_error(open_stream):
    open_stream(methods.WATCH)
    threading.Timer(PAUSE / 10, open_stream.closed.set).start()
    with pytest.raises(ClientClosedError):
        open_stream(methods.WATCH)
