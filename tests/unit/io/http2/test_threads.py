"""The transport of threads: no thread of its own, many that use it, and calls that are interrupted."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import ClientClosedError, ConnectionFailedError, DeadlineExceededError
from etcd_factory.io.http2.threads import ThreadTransport
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods
from tests.support.h2_server import BOUND, answering, in_thread
from tests.support.http2 import data, headers, message

THREADS, CALLS = 64, 20
SHORT = 0.1


def make(**options):
    return ThreadTransport(ClientOptions.of(options))


@pytest.fixture
def others():
    """The threads that run before."""
    return {*threading.enumerate()}


@pytest.fixture
def transport():
    one = make()
    yield one
    finish(one.close())


def read(transport, server, timeout=BOUND):
    return finish(transport.unary(server.url, methods.RANGE, messages.RangeRequest(key=b"k"), timeout, ()))


def watch(transport, server):
    return finish(transport.stream(server.url, methods.WATCH, (), messages.WatchRequest()))


def test_it_has_no_thread_of_its_own(others, serve, transport):
    server = serve(answering)
    in_thread(read, transport, server)()
    stream = watch(transport, server)
    names = [one.name for one in {*threading.enumerate()} - others]
    assert {name.partition("-")[0] for name in names} <= {"Thread", "ThreadPoolExecutor"}
    assert not [name for name in names if "etcd" in name]
    finish(stream.close())


def test_calls_and_streams_have_connections_of_their_own(serve, transport):
    """Whoever reads a stream may wait there for hours."""
    server = serve()
    receiving = in_thread(lambda: finish(watch(transport, server).receive()))
    streams = server.wire().establish()
    id = streams.request()  # noqa: A001
    calling = in_thread(read, transport, server)
    calls = server.wire().establish()
    calls.answer(calls.request())
    assert calling() is not None
    streams.say(headers(id), data(id, message(messages.WatchResponse(watch_id=7).SerializeToString())))
    assert receiving().watch_id == 7


def test_many_threads_use_one_connection(serve, transport):
    server = serve(answering)
    working = [in_thread(lambda: [read(transport, server) for _ in range(CALLS)]) for _ in range(THREADS)]
    assert sum(len(done()) for done in working) == THREADS * CALLS
    assert len(server.wires) == 1


def test_closing_while_many_threads_call_hangs_none(serve, transport):
    server, enough = serve(answering), threading.Semaphore(0)

    def work():
        try:
            while True:
                read(transport, server)
                enough.release()
        except ClientClosedError:
            return True

    working = [in_thread(work) for _ in range(THREADS)]
    for _ in range(THREADS):
        assert enough.acquire(timeout=BOUND)
    finish(transport.close())
    assert all(done() for done in working)
    assert server.wires[0].over()


def test_an_interrupted_call_ends_the_connection_and_the_next_opens_another(serve, transport, monkeypatch):
    server = serve(answering)
    read(transport, server)
    (line,) = transport._pool.lines.values()
    real = line._channel.receive

    def interrupted():
        monkeypatch.setattr(line._channel, "receive", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(line._channel, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(transport, server)
    assert server.wires[0].over()
    read(transport, server)
    assert len(server.wires) == 2


def test_a_call_that_is_interrupted_before_it_waits_is_reset(serve, transport, monkeypatch):
    server = serve()
    calling = in_thread(read, transport, server)
    wire = server.wire().establish()
    wire.answer(wire.request())
    calling()
    (line,) = transport._pool.lines.values()

    def interrupted(call):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(line, "news", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(transport, server)
    stream = wire.request()
    assert wire.until("RST_STREAM").stream_id == stream
    calling = in_thread(read, transport, server)
    wire.answer(wire.request())
    calling()


def test_after_a_call_that_heard_nothing_streams_of_the_host_are_doubted(serve, transport):
    server = serve(partial(answering, answer=lambda wire, stream: None))
    stream = watch(transport, server)
    with pytest.raises(DeadlineExceededError):
        read(transport, server, SHORT)
    assert all(line.machine.is_asked or line.liveness.heard for line in transport._pool.lines.values())
    finish(stream.close())


def test_a_connection_that_ends_in_a_thread_is_known_to_the_next(serve, transport):
    def hang_up(wire):
        wire.establish()
        wire.request()
        wire.close()

    server = serve(hang_up, answering)
    with pytest.raises(ConnectionFailedError):
        in_thread(read, transport, server)()
    read(transport, server)


def test_a_client_that_forgot_its_connections_opens_new_ones(serve):
    server, one = serve(answering), make(share=False)
    read(one, server)
    kept = one.forget()
    read(one, server)
    assert len(server.wires) == 2
    finish(one.close())
    assert kept
