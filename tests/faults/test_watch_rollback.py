"""Watches on a store that was rolled back, emptied or restored, and on a member that merely lags."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from etcd_factory import ETCDService, errors
from etcd_factory.core.face import finish
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.core.watch.watcher import Watcher
from etcd_factory.service import view_of
from etcd_factory.testing import FaultProxy
from etcd_factory.wire import methods
from tests.support.faces import failure, in_time, settle
from tests.support.faulty import lose_data, write_history
from tests.support.transports import Failing, Held, Recorded
from tests.support.watching import begin_drain, begin_take, drain, nothing_left, put, summary, take, threads

ROUNDS = 30
LATER = ("1", "2", "3", "4")
LAG = 0.4  # seconds; a leader is missed after longer
FUTURE = 100  # a revision beyond what the tests write


async def end_of(watcher):
    """Return the error that ends a watcher."""
    return await failure(partial(take, watcher))


async def test_a_watch_on_a_store_that_was_emptied_ends_with_an_error_that_says_so(proxied, direct, server):
    await write_history(direct)
    watcher = await settle(proxied.watch().key("k").create())
    await put(direct, "k")
    (last,) = await take(watcher)
    lose_data(server)
    error = await end_of(watcher)
    assert type(error) is errors.FutureRevisionError
    assert f"emptied or restored: it is at revision 1, but this watch has seen {last.revision}" in str(error)


async def test_a_watch_that_has_seen_no_event_ends_too(proxied, direct, server):
    await write_history(direct)
    watcher = await settle(proxied.watch().key("k").create())
    lose_data(server)
    assert type(await end_of(watcher)) is errors.FutureRevisionError


async def test_a_watch_on_a_store_that_was_restored_ends_with_an_error(proxied, direct, backup):
    watcher = await settle(proxied.watch().key("k").create())
    await put(direct, "k", "k")
    await take(watcher, 2)
    backup.restore()
    assert type(await end_of(watcher)) is errors.FutureRevisionError


async def test_handlers_are_notified_that_the_store_was_rolled_back(proxied, direct, server, recorder):
    await write_history(direct)
    await settle(recorder.on(proxied.watch().key("k"), "put", "error", "end").create())
    lose_data(server)
    await recorder.until("end")
    assert recorder.names == ["error", "end"]
    assert type(recorder.calls[0][1]) is errors.FutureRevisionError


async def test_every_watch_of_the_client_ends_and_new_ones_work(proxied, direct, server):
    await write_history(direct)
    watchers = [await settle(proxied.watch().key(f"k{number}").create()) for number in range(20)]
    lose_data(server)
    found = await asyncio.gather(*map(begin_drain, watchers), return_exceptions=True)
    assert [type(error) for error in found] == [errors.FutureRevisionError] * 20
    watcher = await settle(proxied.watch().key("k").create())
    await put(direct, "k")
    assert summary(await take(watcher)) == [("put", "k", "v")]


async def roll_back(direct, proxy, server):
    """While the client is cut off the store is emptied, and two keys are written again."""
    proxy.cut()
    lose_data(server)
    await settle(direct.get("there").exists())  # before grpcio 1.80 a write is sent on a connection that has ended
    await put(direct, "there", "x", value="new")
    proxy.heal()


ROLLED_BACK = [("delete", "gone", ""), ("put", "there", "new"), ("put", "x", "new")]


async def test_a_resync_delivers_what_the_store_has_now_and_what_is_gone_and_the_watch_resumes(
    proxied, direct, proxy, server
):
    await put(direct, "gone", "there")
    await write_history(direct)
    watcher = await settle(proxied.watch().range("b", "z").resync().create())
    await roll_back(direct, proxy, server)
    events = await take(watcher, 3)
    assert summary(events) == ROLLED_BACK
    assert all(event.resync for event in events)
    await put(direct, "live")
    assert [(event.kv.key_text, event.resync) for event in await take(watcher)] == [("live", False)]


async def test_a_watch_resyncs_at_every_rollback(proxied, direct, proxy, server):
    watcher = await settle(proxied.watch().range("b", "z").resync().create())
    for _ in range(3):
        await write_history(direct)
        await put(direct, "gone")
        while summary(await take(watcher)) != [("put", "gone", "v")]:
            pass
        await roll_back(direct, proxy, server)
        assert summary(await take(watcher, 3))[-3:] == ROLLED_BACK


async def test_a_resync_of_a_restored_store_delivers_what_came_back(proxied, direct, backup, proxy):
    await put(direct, "late")
    watcher = await settle(proxied.watch().key("late").resync().create())
    await put(direct, "late")
    await take(watcher)
    proxy.cut()
    backup.restore()
    proxy.heal()
    (event,) = await take(watcher)
    assert (event.type, event.kv.key_text, event.resync) == ("delete", "late", True)


@pytest.fixture
def blocking_clients(proxy, server, etcd_namespace):
    """Blocking clients, one behind the proxy and one with connections of its own."""
    options = {"namespace": etcd_namespace}
    with (
        ETCDService({"hosts": proxy.endpoint, **options}) as far,
        ETCDService({"hosts": server.endpoint, **options}) as near,
    ):
        far.put("k").value("v")
        yield far, near


class EndingWatcher(Watcher):
    """Ends when it has just read its range again, as another thread may end it."""

    def on_resync(self, reply):
        super().on_resync(reply)
        finish(self.end())


class EndingMirror(Mirror):
    """Ends when it has just read its prefix for the second time, as another thread may end it."""

    def on_resync(self, reply):
        loaded = self.revision > 0
        super().on_resync(reply)
        if loaded:
            finish(self.end())


@pytest.mark.parametrize("kind", ["watch", "mirror"])
async def test_what_is_ended_by_another_thread_during_its_resync_does_not_resume(blocking_clients, proxy, server, kind):
    far, near = blocking_clients
    await write_history(near)
    before, view = threads(), view_of(far, ETCDService, "a test")
    if kind == "watch":
        finish(EndingWatcher(view, {"key": b"\0", "range_end": b"\0"}, resync=True).open(0))
    else:
        finish(EndingMirror(view, b"").load())
    await roll_back(near, proxy, server)
    await nothing_left(before)


# --- asking a majority for the store's revision


@pytest.fixture
def held_client(make_wrapped, proxy):
    """A client whose reads are held, and its transport."""
    client, held = make_wrapped(partial(Held, which=methods.RANGE), proxy.endpoint)
    held.hold()
    return client, held


async def test_the_store_s_revision_is_asked_for_again_if_that_fails(make_wrapped, direct, proxy, server):
    await write_history(direct)
    late = errors.DeadlineExceededError("a read of the test")
    client, failing = make_wrapped(partial(Failing, which=methods.RANGE, error=late), proxy.endpoint)
    watcher = await settle(client.watch().key("k").create())
    lose_data(server)
    assert type(await end_of(watcher)) is errors.FutureRevisionError
    assert failing.failed == 1


async def test_a_connection_that_breaks_meanwhile_does_not_hide_the_rollback(held_client, direct, server, proxy):
    client, held = held_client
    await write_history(direct)
    watcher = await settle(client.watch().key("k").create())
    lose_data(server)
    await held.arrived()
    proxy.reset()
    held.release()
    assert type(await end_of(watcher)) is errors.FutureRevisionError


async def test_a_watch_that_is_cancelled_meanwhile_ends_without_an_error(held_client, direct, server):
    client, held = held_client
    await write_history(direct)
    cancelled, other = [await settle(client.watch().key("k").create()) for _ in range(2)]
    lose_data(server)
    await held.arrived()
    await settle(cancelled.cancel())
    held.release()
    assert await drain(cancelled) == []
    assert type(await end_of(other)) is errors.FutureRevisionError


# --- not rolled back


async def test_a_future_revision_that_was_requested_is_waited_for_whatever_is_restarted(proxied, direct, proxy, server):
    now = (await settle(direct.put("k").value("0"))).revision
    watcher = await settle(proxied.watch().key("k").start_revision(now + 5).create())
    reading = begin_take(watcher, 2)
    for number in range(1, 4):
        await put(direct, "k", value=str(number))
        proxy.reset()
    server.restart()
    for number in range(4, 7):
        await put(direct, "k", value=str(number))
    found = await in_time(reading)
    assert [(event.kv.text, event.revision) for event in found] == [("5", now + 5), ("6", now + 6)]


async def test_a_future_revision_that_was_not_reached_is_waited_for_on_a_store_that_was_emptied(
    proxied, direct, server
):
    lose_data(server)
    await write_history(direct)
    future = await settle(proxied.watch().key("k").start_revision(FUTURE).create())
    reached = await settle(proxied.watch().key("k").create())
    lose_data(server)
    assert type(await end_of(reached)) is errors.FutureRevisionError
    reading = begin_take(future, 1)
    while (await settle(direct.put("k").value("v"))).revision < FUTURE:
        pass
    (event,) = await in_time(reading)
    assert event.revision == FUTURE


@pytest.fixture
def slow_leader(etcd_cluster):
    """A leader whose followers receive writes late."""
    leader = etcd_cluster.leader
    leader.peer_proxy.delay(LAG)
    yield leader
    leader.peer_proxy.delay(0)


@pytest.fixture
def follower(slow_leader, etcd_cluster):
    return next(member for member in etcd_cluster if member is not slow_leader)


async def reads_after_moving(make, make_wrapped, leader, follower, resync):
    """Let a watch move from the leader to a follower that lags; returns how often the store's revision was read."""
    writer = make(leader.endpoint)
    with FaultProxy(leader.endpoint) as near:
        client, recorded = make_wrapped(Recorded, [near.endpoint, follower.endpoint])
        watch = client.watch().key("k")
        watcher = await settle((watch.resync() if resync else watch).create())
        before = len(recorded.requests("Range"))
        await put(writer, "k", value="seen")
        events = await take(watcher)
        near.cut()
        for value in LATER:  # so many that meanwhile the store's revision is known
            await put(writer, "k", value=value)
            events += await take(watcher)
    assert [(event.kv.text, event.resync) for event in events] == [(value, False) for value in ("seen", *LATER)]
    return len(recorded.requests("Range")) - before


@pytest.mark.parametrize("resync", [False, True], ids=["plain", "resync"])
async def test_a_watch_whose_member_lags_waits_and_misses_nothing(make, make_wrapped, slow_leader, follower, resync):
    for _ in range(ROUNDS):
        if await reads_after_moving(make, make_wrapped, slow_leader, follower, resync):
            return  # once the watch was ahead of the member
    pytest.fail(f"in none of {ROUNDS} rounds was the watch ahead of the member")
