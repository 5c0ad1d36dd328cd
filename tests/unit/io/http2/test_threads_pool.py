"""The connections of blocking clients: counted users, and one thread that opens for all who wait."""

from __future__ import annotations

import gc
from time import monotonic

import pytest

from etcd_factory.errors import ClientClosedError, ConnectionFailedError, DeadlineExceededError
from etcd_factory.io.http2 import threads_pool
from etcd_factory.io.http2.threads_pool import Pools
from etcd_factory.options import ClientOptions
from tests.support.h2_server import BOUND, HOST, answering, in_thread, silent
from tests.support.processes import free_port

SHORT = 0.1
WAITING = 16


@pytest.fixture
def own_pools(monkeypatch):
    """Pools of this test."""
    made = Pools()
    monkeypatch.setattr(threads_pool, "pools", made)
    return made


@pytest.fixture
def enter(own_pools):
    entered = []

    def make(**options):
        entered.append(own_pools.enter(ClientOptions.of(options)))
        return entered[-1]

    yield make
    for pool in entered:
        for line in pool.lines.values():
            line.close("the test is over")


def soon(seconds=BOUND):
    return monotonic() + seconds


def key(server, streams=False):
    return server.url, streams


def test_equal_options_get_the_same_pool_until_its_last_user_leaves(enter):
    first, second = enter(), enter()
    assert first is second
    assert (first.users, enter(share=False) is first) == (2, False)
    first.leave(None)
    assert enter() is first
    for _ in range(2):
        first.leave(None)
    assert enter() is not first


def test_a_pool_that_nobody_has_any_more_is_gone(own_pools):
    own_pools.enter(ClientOptions.of({}))
    gc.collect()
    assert len(own_pools._shared) == 0


def test_all_who_wait_get_the_one_connection_that_is_opened(enter, serve):
    server, pool = serve(answering), enter()
    waiting = [in_thread(pool.connect, key(server), soon()) for _ in range(WAITING)]
    assert {done() for done in waiting} == set(pool.lines.values())
    assert len(server.wires) == 1


def test_all_who_wait_get_the_error_of_the_one_attempt_each_its_own(enter):
    pool, url = enter(), f"http://{HOST}:{free_port()}"

    def fail():
        with pytest.raises(ConnectionFailedError) as caught:
            pool.connect((url, False), soon())
        return caught.value

    failing = [in_thread(fail) for _ in range(WAITING)]
    errors = [done() for done in failing]
    assert len({id(error) for error in errors}) == WAITING
    assert {error.sent for error in errors} == {False}


def test_one_who_waits_for_another_thread_has_its_own_deadline(enter, serve):
    server, pool = serve(), enter(dial_timeout=BOUND)
    opening = in_thread(pool.connect, key(server), soon())
    wire = server.wire()
    with pytest.raises(DeadlineExceededError) as caught:
        pool.connect(key(server), soon(SHORT))
    assert caught.value.sent is False
    wire.establish()
    assert opening() in pool.lines.values()


def test_if_the_thread_that_opens_gives_up_another_one_does(enter, serve):
    server, pool = serve(silent, answering), enter(dial_timeout=BOUND)
    giving_up = in_thread(pool.connect, key(server), soon(3 * SHORT))
    server.wire()
    waiting = in_thread(pool.connect, key(server), soon())
    with pytest.raises(DeadlineExceededError):
        giving_up()
    assert waiting() in pool.lines.values()


def test_an_interrupt_of_the_thread_that_opens_leaves_it_to_another(enter, serve, monkeypatch):
    server, pool = serve(answering), enter()
    real = threads_pool.opened

    def interrupted(*args):
        monkeypatch.setattr(threads_pool, "opened", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(threads_pool, "opened", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.connect(key(server), soon())
    assert pool.connect(key(server), soon()) in pool.lines.values()


def test_streams_have_a_connection_of_their_own(enter, serve):
    server, pool = serve(answering), enter()
    assert pool.connect(key(server), soon()) is not pool.connect(key(server, streams=True), soon())


def test_a_connection_that_answers_is_kept_and_one_that_does_not_is_replaced(enter, serve):
    def mute_later(wire):
        wire.establish()
        wire.pong()
        wire.rest()

    server, pool = serve(mute_later, answering), enter()
    first = pool.connect(key(server), soon())
    assert pool.connect(key(server), soon()) is first
    second = pool.connect(key(server), soon())
    assert second is not first
    assert server.wires[0].over()


def test_the_last_one_that_leaves_closes_what_is_open_and_what_is_being_opened(enter, serve):
    server, pool = serve(None, answering), enter(dial_timeout=BOUND)
    opening = [in_thread(pool.connect, key(server), soon()) for _ in range(2)]  # one opens it, the other waits for it
    wire = server.wire()
    pool.connect(key(server, streams=True), soon())
    pool.leave(None)
    assert server.wire().over()
    for ended in (*opening, lambda: pool.connect(key(server), soon())):
        with pytest.raises(ClientClosedError):
            ended()
    assert wire.rest()[-1] == "GOAWAY"
    assert pool.lines == {}


def test_a_forked_child_starts_without_pools(own_pools, enter):
    first = enter()
    kept = own_pools.forget()
    assert enter() is not first
    assert kept
