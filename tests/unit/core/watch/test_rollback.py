"""Whether a member lags or the store was rolled back: what a majority says about the store's revision."""

from __future__ import annotations

import logging

import pytest

from etcd_factory.core.face import finish
from etcd_factory.core.watch.rollback import RollbackDetector
from etcd_factory.core.watch.state import WatchEntry
from etcd_factory.errors import ClientClosedError, ConnectionFailedError, FutureRevisionError
from etcd_factory.testing import replies
from tests.support.clocks import ClockThreads


class Runtime(ClockThreads):
    """A runtime whose background work the test runs itself, by ``run``."""

    def __init__(self):
        super().__init__()
        self.bodies = []

    def spawn(self, body, name):
        self.bodies.append(body)
        return body

    def run(self):
        while self.bodies:
            finish(self.bodies.pop())


@pytest.fixture
def clock():
    return Runtime()


@pytest.fixture
def refused():
    return []


@pytest.fixture
def detector(client_of, refused):
    """A function that returns a detector on a script, and the transport."""

    def make(script):
        client, transport = client_of(script, retry={"initial": 1, "maximum": 1, "attempts": 1})

        async def refuse(entry, error):
            refused.append((entry.id, error))

        return RollbackDetector(client, refuse), transport

    return make


def waiting(number, wanted, server_id=1):
    """A watch that waits at its member for a revision."""
    return WatchEntry(number, {"key": b"k"}, wanted, True, server_id=server_id)


@pytest.mark.parametrize("revision", [9, 10, 100])
def test_a_member_that_lags_refuses_nothing(clock, detector, refused, revision):
    checking, _ = detector([replies.get(revision=revision)])
    checking.add(waiting(1, 10))
    clock.run()
    assert refused == []


@pytest.mark.parametrize("revision", [1, 8])
def test_a_store_that_is_behind_was_rolled_back(clock, detector, refused, revision):
    checking, _ = detector([replies.get(revision=revision)])
    checking.add(waiting(7, 10))
    clock.run()
    ((number, error),) = refused
    assert (number, type(error)) == (7, FutureRevisionError)
    assert f"it is at revision {revision}, but this watch has seen 9" in str(error)


def test_one_read_serves_all_that_wait(clock, detector, refused):
    checking, transport = detector([replies.get(revision=8)])
    for number, wanted in ((1, 9), (2, 10), (3, 50)):
        checking.add(waiting(number, wanted))
    clock.run()
    assert [number for number, _ in refused] == [2, 3]
    assert len(transport.calls) == 1


def test_the_read_is_linearizable_and_of_a_key_that_the_watch_may_read(clock, detector):
    checking, transport = detector([replies.get(revision=50)])
    checking.add(waiting(1, 10))
    clock.run()
    request = transport.calls[0].request
    assert (request.key, request.keys_only, request.serializable) == (b"k", True, False)


def test_a_watch_that_has_left_its_member_is_not_judged(clock, detector, refused):
    checking, transport = detector([])
    entry = waiting(1, 10)
    checking.add(entry)
    entry.server_id = 2  # on another stream
    clock.run()
    assert (refused, transport.calls) == ([], [])


def test_a_watch_that_leaves_its_member_while_it_is_read_is_not_judged(clock, detector, refused):
    entry = waiting(1, 10)

    def leaving(call):
        entry.server_id = None
        return replies.get(revision=1)

    checking, _ = detector([leaving])
    checking.add(entry)
    clock.run()
    assert refused == []


def test_a_read_that_fails_is_retried_after_a_pause(clock, detector, refused, caplog):
    caplog.set_level(logging.DEBUG, "etcd_factory.watch")
    checking, _ = detector([ConnectionFailedError("away"), replies.get(revision=1)])
    checking.add(waiting(1, 10))
    clock.run()
    assert (len(refused), clock.slept) == (1, [1.0])
    assert "could not read the store's revision, retrying:" in caplog.text


def test_it_ends_with_its_client(clock, detector, refused):
    checking, _ = detector([ClientClosedError])
    checking.add(waiting(1, 10))
    clock.run()
    assert (refused, clock.bodies) == ([], [])


def test_a_later_watch_is_checked_by_a_new_task(clock, detector, refused):
    checking, transport = detector({"Range": replies.get(revision=1)})
    for number in (1, 2):
        checking.add(waiting(number, 10))
        clock.run()
    assert ([number for number, _ in refused], len(transport.calls)) == ([1, 2], 2)
