"""What lives as long as a client: one worker of a class in each scope, closed in the order of ``Closing``."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import anyio
import pytest

from etcd_factory import AsyncETCDService
from etcd_factory.core import background as module
from etcd_factory.core.background import Background, Closing
from etcd_factory.core.call.discovery import MemberSync
from etcd_factory.core.concurrency.shared_lease import SharedEntries
from etcd_factory.core.lease.keepalive import KeepAlive
from etcd_factory.core.notifier import Notifiers
from etcd_factory.core.watch.stream import WatchStream
from etcd_factory.errors import ClientClosedError, ConnectionFailedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.registry.registrations import Registrations
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.views import view_behind

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


@pytest.mark.parametrize("kind", ["workers", "tasks"])
def test_many_loops_leave_nothing(kind):
    background, loops = Background(AsyncioRuntime(), []), []

    async def used():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        if kind == "workers":
            background.get(Worker)
        else:
            background.spawn(asyncio.Event().wait, "test")

    for _ in range(200):
        asyncio.run(used())
    gc.collect()
    assert len([loop for loop in loops if loop() is not None]) <= 1  # the last one, until the next use
    assert len(background._scopes) <= 1


def test_a_service_that_is_used_in_many_loops_keeps_none():
    loops = []
    script = {
        "LeaseGrant": replies.lease(7, 60),
        "LeaseKeepAlive": replies.keep_alive(60),
        "Watch": lambda call: replies.watch(),
        "Range": replies.get(),
    }
    client = AsyncETCDService(transport=ScriptedTransport(script))

    async def used():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await client.get("k").string()
        await client.lease(60).grant()
        await client.watch().key("k").create()

    for _ in range(20):
        asyncio.run(used())
    view_behind(client).client.transport._streams.clear()  # the script keeps them
    gc.collect()
    assert len([loop for loop in loops if loop() is not None]) <= 1
    asyncio.run(client.aclose())


# --- tasks


class Body:
    """A body that raises what it is told, one after another, then waits for its signal; ``done`` counts its ends."""

    def __init__(self, runtime, *errors):
        self.begun, self.done, self._errors = 0, 0, list(errors)
        self.started, self.released = runtime.signal(), runtime.signal()

    async def __call__(self):
        self.begun += 1
        self.started.set()
        if self._errors:
            raise self._errors.pop(0)
        assert await self.released.wait(BOUND)
        self.done += 1
        return "result"


@pytest.fixture
def body_of(runtime):
    return lambda *errors: Body(runtime, *errors)


async def test_what_is_completed_returns_its_result(background, body_of):
    body = body_of()
    body.released.set()
    assert await background.complete(body, "test") == "result"
    await background.close()
    assert (body.begun, body.done) == (1, 1)


@pytest.mark.parametrize("error", [ValueError, GeneratorExit])
async def test_an_error_of_what_is_completed_is_raised_and_it_is_not_repeated(background, body_of, error):
    body = body_of(error())
    with pytest.raises(error):
        await background.complete(body, "test")
    await background.close()
    assert body.begun == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
async def test_what_an_interrupt_left_half_done_is_completed_in_the_background(background, body_of, interrupt):
    body = body_of(interrupt())
    with pytest.raises(interrupt):
        await background.complete(body, "test")
    body.released.set()
    await background.close()
    assert (body.begun, body.done) == (2, 1)


async def cancelled_task(waiting, started):
    """Cancel a task once it has started."""
    task = asyncio.ensure_future(waiting())
    await started()
    task.cancel()
    await asyncio.wait([task], timeout=BOUND)
    assert task.cancelled()


async def cancelled_scope(waiting, started):
    """Cancel a scope of anyio: every wait inside it, also of its clean-up, is then cancelled again."""
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:

            async def cancel():
                await started()
                scope.cancel()

            group.start_soon(cancel)
            await waiting()
    assert scope.cancelled_caught


@pytest.mark.parametrize("cancel", [cancelled_task, cancelled_scope])
async def test_what_a_cancellation_left_half_done_is_completed_in_the_background(cancel):
    runtime = AsyncioRuntime()
    background, body = Background(runtime, []), Body(runtime)

    async def started():
        assert await body.started.wait(BOUND)

    await cancel(lambda: background.complete(body, "test"), started)
    assert body.done == 0
    body.released.set()
    await background.close()
    assert (body.begun, body.done) == (2, 1)


async def test_closing_waits_for_tasks(background, body_of, run):
    body = body_of()
    background.spawn(body, "test")
    assert background.working()
    closing = run(background.close())
    await run(body.started.wait(BOUND))
    assert not closing.done()
    body.released.set()
    await closing
    assert body.done == 1


async def test_closing_waits_for_tasks_that_tasks_begin(background, body_of):
    inner, outer = body_of(), body_of()
    inner.released.set()
    outer.released.set()

    async def first():
        await outer()
        background.spawn(second, "test")

    async def second():
        background.spawn(inner, "test")

    background.spawn(first, "test")
    await background.close()
    assert (outer.done, inner.done) == (1, 1)


async def test_closing_waits_for_tasks_that_workers_begin_when_they_are_closed(background, body_of):
    body = body_of()
    body.released.set()

    class Leaving(Worker):
        async def close(self):
            background.spawn(body, "test")

    background.get(Leaving)
    await background.close()
    assert body.done == 1


async def test_closing_waits_for_a_bounded_time(background, body_of, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.001)
    bodies = [body_of(), body_of()]
    for body in bodies:
        background.spawn(body, "test")
    await background.close()
    assert [body.done for body in bodies] == [0, 0]
    for body in bodies:
        body.released.set()


async def test_a_task_that_fails_is_logged_and_over(background, body_of, caplog):
    background.spawn(body_of(ConnectionFailedError("no etcd")), "etcd_factory test")
    await background.close()
    assert background.working() == []
    assert "etcd_factory test failed in the background: no etcd" in caplog.text


async def test_a_task_that_has_ended_is_not_kept(background, body_of, run):
    body = body_of()
    body.released.set()
    background.spawn(body, "test")
    await background.close()
    (scope,) = background._scopes.values()
    assert scope.tasks == {}


async def test_closing_bears_that_the_last_task_ends_while_it_looks(background, runtime, monkeypatch):
    go, now, looks = runtime.signal(), runtime.now, []
    background.spawn(go.wait, "test")
    (scope,) = background._scopes.values()

    def end_the_task():
        looks.append(go.set())
        if len(looks) > 1:  # after the look at whether there are tasks
            scope.tasks.clear()
        return now()

    monkeypatch.setattr(runtime, "now", end_the_task)
    assert await background.close() == []
