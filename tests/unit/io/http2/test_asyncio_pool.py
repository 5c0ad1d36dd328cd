"""The connections of one event loop: counted users, one attempt for all, and their end with the loop."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from time import monotonic

import pytest

from etcd_factory.errors import ClientClosedError, ConnectionFailedError, DeadlineExceededError
from etcd_factory.io.http2 import asyncio_pool, dial
from etcd_factory.io.http2.asyncio_pool import Pools, in_time
from etcd_factory.options import ClientOptions
from tests.support.h2_server import BOUND, answering, silent

aside = asyncio.to_thread
SHORT = 0.1
WAITING = 10


@pytest.fixture
def own_pools(monkeypatch):
    """Pools of this test."""
    made = Pools()
    monkeypatch.setattr(asyncio_pool, "pools", made)
    return made


@pytest.fixture
def enter(own_pools):
    return lambda **options: own_pools.enter(asyncio.get_running_loop(), ClientOptions.of(options))


def soon(seconds=BOUND):
    return monotonic() + seconds


async def test_equal_options_get_the_same_pool_until_its_last_user_leaves(enter, serve):
    first, second = enter(), enter()
    assert first is second
    assert (first.users, enter(share=False) is first) == (2, False)
    await first.leave(None)
    assert enter() is first
    for _ in range(2):
        await first.leave(None)
    assert enter() is not first


async def test_all_who_wait_get_the_one_connection_that_is_opened(enter, serve):
    server, pool = serve(answering), enter()
    found = await asyncio.gather(*(pool.connect(server.url, soon()) for _ in range(WAITING)))
    assert set(found) == {pool.protocols[server.url]}
    await pool.leave(None)


async def test_one_who_waits_only_until_its_deadline_leaves_the_attempt_to_others(enter, serve):
    server, pool = serve(), enter(dial_timeout=BOUND)
    with pytest.raises(DeadlineExceededError):
        await pool.connect(server.url, soon(SHORT))
    connecting = asyncio.ensure_future(pool.connect(server.url, soon()))
    (await aside(server.wire)).establish()
    await connecting
    assert len(server.wires) == 1
    await pool.leave(None)


async def test_leaving_ends_the_attempts_under_way(enter, serve):
    server, pool = serve(silent), enter(dial_timeout=BOUND)
    connecting = asyncio.ensure_future(pool.connect(server.url, soon()))
    wire = await aside(server.wire)
    await pool.leave(None)
    with pytest.raises((ClientClosedError, ConnectionFailedError)):
        await connecting
    assert await aside(wire.over)


async def test_a_pool_that_its_last_user_has_left_opens_no_connection(enter, serve):
    """A call that ends with its client, and is sent again, would open one that nobody closes."""
    server, pool = serve(answering), enter()
    await pool.connect(server.url, soon())
    await pool.leave(None)
    with pytest.raises(ClientClosedError):
        await pool.connect(server.url, soon())
    assert len(server.wires) == 1


async def test_a_connection_that_is_paused_is_waited_for(enter, serve):
    server, pool = serve(answering), enter()
    protocol = await pool.connect(server.url, soon())
    protocol.pause_writing()
    again = asyncio.ensure_future(pool.connect(server.url, soon()))
    await asyncio.sleep(0)
    assert not again.done()
    protocol.resume_writing()
    assert await again is protocol
    await pool.leave(None)


async def test_one_that_stays_paused_is_replaced(enter, serve):
    server, pool = serve(answering), enter()
    protocol = await pool.connect(server.url, soon())
    protocol.pause_writing()
    with pytest.raises(DeadlineExceededError):
        await pool.connect(server.url, soon(SHORT))
    assert await pool.connect(server.url, soon()) is not protocol
    await pool.leave(None)


async def test_a_tunnel_that_nobody_waits_for_any_more_is_closed(enter, monkeypatch):
    """The thread that connects to a proxy cannot be stopped."""
    near, far = socket.socketpair()
    began, go = threading.Event(), threading.Event()

    def connect(host, deadline):
        began.set()
        go.wait(BOUND)
        return near

    monkeypatch.setattr(dial, "connect", connect)
    pool = enter(proxy="http://proxy:3128", dial_timeout=BOUND)
    connecting = asyncio.ensure_future(pool.connect("http://etcd:2379", soon()))
    await aside(began.wait)
    await pool.leave(None)
    await asyncio.wait([connecting])
    go.set()
    assert await aside(far.recv, 1) == b""
    far.close()


def test_a_pool_ends_with_its_loop_without_a_warning(own_pools, serve):
    server = serve(answering)

    async def use():
        pool = own_pools.enter(asyncio.get_running_loop(), ClientOptions.of({}))
        await pool.connect(server.url, soon())
        return pool

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool = asyncio.run(use())
    assert server.wire().over()
    assert pool.protocols == {}


def test_each_loop_has_pools_of_its_own(own_pools):
    async def enter():
        return own_pools.enter(asyncio.get_running_loop(), ClientOptions.of({}))

    assert asyncio.run(enter()) is not asyncio.run(enter())
    assert len(own_pools._shared) <= 1  # that of a loop that ended goes when another comes


async def test_a_forked_child_starts_without_pools(own_pools, enter):
    first = enter()
    kept = own_pools.forget()
    assert enter() is not first
    assert kept


async def test_what_takes_too_long_is_cancelled():
    ended = asyncio.Event()

    async def wait():
        try:
            await asyncio.sleep(BOUND)
        finally:
            ended.set()

    with pytest.raises(TimeoutError, match="in time"):
        await in_time(wait(), soon(SHORT))
    await ended.wait()
