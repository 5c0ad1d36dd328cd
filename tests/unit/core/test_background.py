"""What lives as long as a client: one worker of a class in each scope, closed in the order of ``Closing``."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from etcd_factory.core.background import Background, Closing
from etcd_factory.core.call.discovery import MemberSync
from etcd_factory.core.concurrency.shared_lease import SharedEntries
from etcd_factory.core.lease.keepalive import KeepAlive
from etcd_factory.core.notifier import Notifiers
from etcd_factory.core.watch.stream import WatchStream
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.registry.registrations import Registrations

BOUND = 10  # seconds that nothing here takes


class Worker:
    """A worker that notes when it is closed; the client is where it notes that."""

    closing = Closing.WATCHES

    def __init__(self, client):
        self.notes = client

    async def close(self):
        self.notes.append(type(self))


def worker(place):
    return type(f"Worker{place}", (Worker,), {"closing": place})


@pytest.fixture
def notes():
    return []


@pytest.fixture
def background(runtime, notes):
    return Background(runtime, notes)


async def test_a_worker_is_created_with_the_client_at_its_first_use_and_kept(background, notes):
    one = background.get(Worker)
    assert one.notes is notes
    assert background.get(Worker) is one
    assert type(background.get(worker(Closing.LEASES))) is not Worker


async def test_workers_are_closed_in_the_order_of_closing_however_they_were_created(background, notes):
    kinds = [worker(place) for place in Closing]
    for kind in reversed(kinds):
        background.get(kind)
    await background.close()
    assert notes == kinds


async def test_each_is_closed_once(background, notes):
    background.get(Worker)
    await background.close()
    await background.close()
    assert notes == [Worker]


async def test_after_the_end_no_worker_is_created(background):
    await background.close()
    with pytest.raises(ClientClosedError):
        background.get(Worker)


async def test_a_worker_that_is_closed_may_use_those_below_it_and_begin_no_new_one(background, notes):
    below = worker(Closing.WATCHES)

    class Above(Worker):
        closing = Closing.LEASES

        async def close(self):
            assert background.get(below) is known
            with pytest.raises(ClientClosedError):
                background.get(worker(Closing.NOTIFIERS))
            await super().close()

    known = background.get(below)
    background.get(Above)
    await background.close()
    assert notes == [Above, below]


async def test_a_forked_child_starts_without_workers_and_keeps_those_of_its_parent(background, notes):
    one = background.get(Worker)
    left = background.forget()
    assert one in [worker for scope in left[1].values() for worker in scope.workers.values()]
    assert background.get(Worker) is not one
    assert background.generation == 1
    await background.close()
    assert notes == [Worker]


def test_the_order_of_closing_is_that_of_what_needs_what():
    """Registrations and locks use leases, all use watches; the members are followed to the end."""
    kinds = [Registrations, SharedEntries, KeepAlive, WatchStream, Notifiers, MemberSync]
    assert [kind.closing for kind in kinds] == list(Closing)


# --- scopes


def test_all_threads_share_a_worker():
    background, found = Background(ThreadRuntime(), []), []
    threads = [threading.Thread(target=lambda: found.append(background.get(Worker))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
    assert len(found) == 5
    assert len(set(found)) == 1


def test_each_event_loop_has_a_worker_and_closes_its_own():
    notes = []
    background = Background(AsyncioRuntime(), notes)

    async def used():
        return background.get(Worker)

    async def used_and_closed():
        one = background.get(Worker)
        await background.close()
        return one

    assert asyncio.run(used()) is not asyncio.run(used_and_closed())
    assert notes == [Worker]


def test_the_workers_of_a_loop_that_ended_go_with_it():
    background = Background(AsyncioRuntime(), [])

    async def used():
        return weakref.ref(background.get(Worker))

    gone = asyncio.run(used())
    gc.collect()
    assert gone() is None
