"""Watches on a store that went back, emptied or restored, and on a member that merely lags."""

# ruff: noqa: F811  # fixtures of another module are named as arguments here

from __future__ import annotations

import asyncio
import shutil
import threading

import pytest

from etcd_factory import ETCDService, errors
from etcd_factory.testing import FaultProxy
from tests.conformance.test_watch import Told, nothing_left, put, rest, shown, take, taking, threads
from tests.support.faces import settle
from tests.support.gates import BOUND, Gate

from .test_watch import FailsOnce, away, direct, mortal, proxy  # noqa: F401

ROUNDS = 3
LATER = ("1", "2", "3", "4")
LAG = 0.4  # seconds; less than a leader is missed after
AHEAD = 30  # writes, more than a test makes on a store that is new
FUTURE = 100  # a revision that is later still


def empty(server):
    """The server comes back without data."""
    server.wipe()
    server.start()


@pytest.fixture
def restored(mortal, tmp_path):
    """Call it to bring back what the store was when the test began, and now."""
    data, kept = mortal._home / "data", tmp_path / "data"
    mortal.kill()
    shutil.copytree(data, kept)
    mortal.start()

    def restore():
        mortal.wipe()
        shutil.copytree(kept, data)
        mortal.start()

    return restore


@pytest.fixture
def told():
    return Told()


async def aged(client):
    """Make the store older than a new one will be."""
    for number in range(AHEAD):
        await put(client, "age", value=str(number))


async def ended(watcher):
    """The error that ends it."""
    with pytest.raises(errors.EtcdError) as caught:
        await take(watcher)
    return caught.value


async def test_a_watch_on_a_store_that_was_emptied_ends_with_an_error_that_says_so(away, direct, mortal):
    await aged(direct)
    watcher = await settle(away.watch().key("k").create())
    await put(direct, "k")
    (last,) = await take(watcher)
    empty(mortal)
    error = await ended(watcher)
    assert type(error) is errors.FutureRevisionError
    assert f"emptied or restored: it is at revision 1, and this watch has seen {last.revision}" in str(error)


async def test_a_watch_that_has_seen_no_event_ends_too(away, direct, mortal):
    await aged(direct)
    watcher = await settle(away.watch().key("k").create())
    empty(mortal)
    assert type(await ended(watcher)) is errors.FutureRevisionError


async def test_a_watch_on_a_store_that_was_restored_ends_with_an_error(away, direct, restored):
    watcher = await settle(away.watch().key("k").create())
    await put(direct, "k", "k")
    await take(watcher, 2)
    restored()
    assert type(await ended(watcher)) is errors.FutureRevisionError


async def test_functions_are_told_that_the_store_went_back(away, direct, mortal, told):
    await aged(direct)
    await settle(told.on(away.watch().key("k"), "put", "error", "end").create())
    empty(mortal)
    await told.until("end")
    assert told.names == ["error", "end"]
    assert type(told.calls[0][1]) is errors.FutureRevisionError


async def test_every_watch_of_the_client_is_told_and_new_ones_work(away, direct, mortal):
    await aged(direct)
    made = [await settle(away.watch().key(f"k{number}").create()) for number in range(20)]
    empty(mortal)
    found = await asyncio.gather(*map(rest, made), return_exceptions=True)
    assert [type(error) for error in found] == [errors.FutureRevisionError] * 20
    watcher = await settle(away.watch().key("k").create())
    await put(direct, "k")
    assert shown(await take(watcher)) == [("put", "k", "v")]


async def rewound(direct, proxy, mortal):
    """While the client is away the store is emptied, and two keys are written anew."""
    proxy.cut()
    empty(mortal)
    await put(direct, "there", "x", value="new")
    proxy.heal()


RANGE = [("delete", "gone", ""), ("put", "there", "new"), ("put", "x", "new")]


async def test_a_resync_tells_what_the_store_has_now_and_what_went_and_goes_on(away, direct, proxy, mortal):
    await put(direct, "gone", "there")
    await aged(direct)
    watcher = await settle(away.watch().range("b", "z").resync().create())
    await rewound(direct, proxy, mortal)
    events = await take(watcher, 3)
    assert shown(events) == RANGE
    assert all(event.resync for event in events)
    await put(direct, "live")
    assert [(event.kv.key_text, event.resync) for event in await take(watcher)] == [("live", False)]


async def test_a_resync_happens_as_often_as_the_store_goes_back(away, direct, proxy, mortal):
    watcher = await settle(away.watch().range("b", "z").resync().create())
    for _ in range(3):
        await aged(direct)
        await put(direct, "gone")
        while shown(await take(watcher)) != [("put", "gone", "v")]:
            pass
        await rewound(direct, proxy, mortal)
        assert shown(await take(watcher, 3))[-3:] == RANGE


async def test_a_resync_of_a_restored_store_tells_of_what_came_back(away, direct, restored, proxy):
    await put(direct, "late")
    watcher = await settle(away.watch().key("late").resync().create())
    await put(direct, "late")
    await take(watcher)
    proxy.cut()
    restored()
    proxy.heal()
    (event,) = await take(watcher)
    assert (event.type, event.kv.key_text, event.resync) == ("delete", "late", True)


@pytest.fixture
def threaded(proxy, mortal, etcd_namespace):
    """Blocking clients, one behind the proxy and one that no fault befalls."""
    options = {"namespace": etcd_namespace}
    with (
        ETCDService({"hosts": proxy.endpoint, **options}) as far,
        ETCDService({"hosts": mortal.start().endpoint, **options}) as near,
    ):
        far.put("k").value("v")
        yield far, near


def ending(feed, end):
    """Let it be ended by another thread when it has just been told what is there now."""
    renew = feed._renew

    def renewed(reply):
        renew(reply)
        end()

    feed._renew = renewed


@pytest.mark.parametrize("kind", ["watch", "mirror"])
async def test_one_that_is_ended_by_another_thread_while_it_reads_afresh_does_not_come_back(
    threaded, proxy, mortal, kind
):
    far, near = threaded
    await aged(near)
    before = threads()
    if kind == "watch":
        watcher = far.watch().resync().create()
        ending(watcher, watcher.cancel)
    else:
        mirror = far.mirror()
        ending(mirror, mirror.close)
    await rewound(near, proxy, mortal)
    await nothing_left(before)


# --- asking how far the store is


class Asking(Gate):
    """A way to the server whose calls are noticed, and wait while it is shut."""

    def __init__(self, client):
        super().__init__(client.io)
        self._call, self._entered = client.call, threading.Semaphore(0)

    async def __call__(self, *args):
        self._entered.release()
        await self.passed()
        return await self._call(*args)

    async def entered(self):
        assert await asyncio.to_thread(self._entered.acquire, timeout=BOUND)


@pytest.fixture
def asking(away, monkeypatch):
    """What the client asks, held back until it is opened."""
    gate = Asking(away._run.client)
    monkeypatch.setattr(away._run.client, "call", gate)
    gate.shut()
    yield gate
    gate.open()


async def test_where_it_can_not_be_asked_how_far_the_store_is_it_is_asked_again(away, direct, mortal, monkeypatch):
    await aged(direct)
    watcher = await settle(away.watch().key("k").create())
    hasty = FailsOnce(away._run.client.call)
    monkeypatch.setattr(away._run.client, "call", hasty)
    empty(mortal)
    assert type(await ended(watcher)) is errors.FutureRevisionError
    assert hasty.failed


async def test_a_connection_that_breaks_meanwhile_does_not_hide_that_the_store_went_back(
    away, direct, mortal, proxy, asking
):
    await aged(direct)
    watcher = await settle(away.watch().key("k").create())
    empty(mortal)
    await asking.entered()
    proxy.reset()
    asking.open()
    assert type(await ended(watcher)) is errors.FutureRevisionError


async def test_a_watch_that_is_cancelled_meanwhile_ends_without_an_error(away, direct, mortal, asking):
    await aged(direct)
    one, other = [await settle(away.watch().key("k").create()) for _ in range(2)]
    empty(mortal)
    await asking.entered()
    await settle(one.cancel())
    asking.open()
    assert await rest(one) == []
    assert type(await ended(other)) is errors.FutureRevisionError


# --- not gone back


async def test_a_future_revision_that_was_asked_for_is_waited_for_whatever_is_restarted(away, direct, proxy, mortal):
    now = (await settle(direct.put("k").value("0"))).revision
    watcher = await settle(away.watch().key("k").start_revision(now + 5).create())
    reading = taking(watcher, 2)
    for number in range(1, 4):
        await put(direct, "k", value=str(number))
        proxy.reset()
    mortal.restart()
    for number in range(4, 7):
        await put(direct, "k", value=str(number))
    found = await asyncio.wait_for(reading, BOUND)
    assert [(event.kv.text, event.revision) for event in found] == [("5", now + 5), ("6", now + 6)]


async def test_a_future_revision_that_was_not_reached_is_waited_for_on_a_store_that_was_emptied(away, direct, mortal):
    empty(mortal)
    await aged(direct)
    future = await settle(away.watch().key("k").start_revision(FUTURE).create())
    reached = await settle(away.watch().key("k").create())
    empty(mortal)
    assert type(await ended(reached)) is errors.FutureRevisionError
    reading = taking(future, 1)
    while (await settle(direct.put("k").value("v"))).revision < FUTURE:
        pass
    (event,) = await asyncio.wait_for(reading, BOUND)
    assert event.revision == FUTURE


@pytest.fixture
def slow_leader(etcd_cluster):
    """A leader whose followers learn late of what was written."""
    leader = etcd_cluster.leader
    leader.peer_proxy.delay(LAG)
    yield leader
    leader.peer_proxy.delay(0)


@pytest.fixture
def follower(slow_leader, etcd_cluster):
    return next(member for member in etcd_cluster if member is not slow_leader)


def doubts(client):
    """The watches of a client that are found to be ahead of their member, as they are noticed."""
    (hub,) = client._run.client.io.kept()
    noticed, add = [], hub._doubts.add
    hub._doubts.add = lambda state: noticed.append(state) or add(state)
    return noticed


async def overtaken(make, leader, follower, resync):
    """A watch goes from the leader to a follower that knows less; how often that was noticed."""
    writer = make(leader.endpoint)
    with FaultProxy(leader.endpoint) as near:
        client = make([near.endpoint, follower.endpoint])
        watch = client.watch().key("k")
        watcher = await settle((watch.resync() if resync else watch).create())
        noticed = doubts(client)
        await put(writer, "k", value="seen")
        events = await take(watcher)
        near.cut()
        for value in LATER:  # so many that meanwhile it is known how far the store is
            await put(writer, "k", value=value)
            events += await take(watcher)
    assert [(event.kv.text, event.resync) for event in events] == [(value, False) for value in ("seen", *LATER)]
    return len(noticed)


@pytest.mark.parametrize("resync", [False, True], ids=["plain", "resync"])
async def test_a_watch_whose_member_lags_waits_and_misses_nothing(make, slow_leader, follower, resync):
    assert sum([await overtaken(make, slow_leader, follower, resync) for _ in range(ROUNDS)])
