"""Registries whose servers and connections fail: who is registered comes back, and no view is emptied meanwhile."""

# ruff: noqa: F811  # fixtures of another module are named as arguments here

from __future__ import annotations

import asyncio
import shutil
import threading
from functools import partial

import pytest

from etcd_factory.testing import FaultProxy
from etcd_factory.wire import methods
from tests.conformance.test_registry import KEY, ids, noted, registered, registry, stands, told  # noqa: F401
from tests.conformance.test_registry_views import LONG, Lists, viewed
from tests.conformance.test_watch import nothing_left, put, threads
from tests.support.faces import closed, settle, until
from tests.support.gates import BOUND, Streams, in_place

from .test_watch import LOST, away, compact, direct, mortal, proxy  # noqa: F401
from .test_watch_rewind import aged, empty

QUICK = {"initial": 0.05, "maximum": 0.5}
BREAKS = 10  # connections


@pytest.fixture
async def three(make, mortal, registry):
    """Instances a, b and c, each of a client of its own."""
    clients = [make(mortal.start().endpoint, timeout=2, retry=QUICK) for _ in "abc"]
    return [(await registered(registry, own, name, ttl=5))[0] for own, name in zip(clients, "abc", strict=True)]


@pytest.fixture
def tell(told):
    """Notes what registrations tell."""

    def note(*made):
        for one in made:
            one.on("lost", partial(told, "lost")).on("restored", partial(told, "restored"))

    return note


def never_fewer(lists, names):
    """Every list that was told has these at least."""
    return all({*names} <= {*seen} for seen in lists.seen)


async def all_there(client, names):
    """Wait for these instances to stand in etcd."""

    async def there():
        keys = await settle(client.get_all().prefix("services/user/").keys())
        return "".join(key[-1] for key in keys) == names

    await asyncio.wait_for(until(there), LONG)


async def caught_up(view, client):
    """Wait until a view has seen all that is in etcd now."""
    await settle(view._roster.wait((await settle(client.put("mark").value(""))).revision, timeout=LONG))


# --- the server


async def test_p1_a_server_that_is_killed_and_started_again_is_no_loss(three, direct, mortal, registry):
    view, lists = await viewed(registry, direct)
    for _ in range(2):
        mortal.kill()
        assert ids(view.instances) == "abc"
        assert view.pick() in view.instances
        mortal.start()
        await caught_up(view, direct)
    await all_there(direct, "abc")
    assert never_fewer(lists, "abc")


@pytest.mark.parametrize("threshold", [0.0, 0.9, 1.0])
async def test_p1_d2_d10_a_store_that_was_emptied_is_filled_again_and_no_view_shrinks(
    three, direct, mortal, registry, tell, told, threshold
):
    """Midway's instances never come back, and its lists are empty at once."""
    await aged(direct)
    tell(*three)
    view, lists = await viewed(registry, direct, threshold=threshold, hold=LONG)
    watched = Lists(await settle(registry(direct).watch("user", print)))
    empty(mortal)
    await told.until("restored", 3)
    await all_there(direct, "abc")
    await registered(registry, direct, "d")
    await lists.until("abcd")
    assert {*lists.seen} == {"abc", "abcd"}
    assert {*watched.seen} <= {"abc", "abcd"}
    assert sorted(told.names) == ["lost"] * 3 + ["restored"] * 3
    assert ids(view.instances) == "abcd"


async def test_p1_what_does_not_come_back_to_an_emptied_store_goes_in_the_end(three, direct, mortal, registry, make):
    await aged(direct)
    mute = make(mortal.endpoint, retry=QUICK)
    await put(mute, "services/user/z", value='{"metadata": {}, "ttl": 60}')
    _, lists = await viewed(registry, direct, hold=10)
    empty(mortal)
    await lists.until("abc")
    assert {*lists.seen} == {"abcz", "abc"}


async def test_a_server_that_stands_still_beyond_the_ttl_loses_nobody(make, direct, mortal, registry, told):
    client = make(mortal.endpoint, timeout=1, retry=QUICK)
    one = await noted(told, registry, client, ttl=2)
    view, lists = await viewed(registry, direct, hold=LONG)
    mortal.pause()
    await told.until("lost")
    assert not one.alive
    assert ids(view.instances) == "a"
    mortal.resume()
    await told.until("restored")
    assert one.alive
    assert never_fewer(lists, "a")


# --- the connection


async def test_d10_a_view_that_is_cut_off_stays_as_it_is_and_catches_up(three, away, direct, proxy, registry):
    view, lists = await viewed(registry, away)
    proxy.cut()
    await registered(registry, direct, "d")
    assert ids(view.pick() for _ in "abc") == "abc"
    proxy.heal()
    await lists.until("abcd")
    assert lists.seen == ["abc", "abcd"]


async def test_d2_all_whose_leases_ran_out_while_they_were_cut_off_come_back(make, direct, proxy, registry, tell, told):
    clients = [make(proxy.endpoint, timeout=1, retry=QUICK) for _ in "abc"]
    made = [(await registered(registry, own, name, ttl=2))[0] for own, name in zip(clients, "abc", strict=True)]
    tell(*made)
    view, lists = await viewed(registry, direct, threshold=0.9, hold=LONG)
    proxy.cut()
    await all_there(direct, "")
    assert not any(one.alive for one in made)
    assert ids(view.instances) == "abc"
    proxy.heal()
    await told.until("restored", 3)
    await caught_up(view, direct)
    assert lists.seen[0] == ids(view.instances) == "abc"
    assert never_fewer(lists, "abc")
    assert sorted(told.names) == ["lost"] * 3 + ["restored"] * 3


async def test_connections_that_break_again_and_again_lose_nobody(make, direct, proxy, registry):
    client = make(proxy.endpoint, retry=QUICK)
    (one,) = await registered(registry, client, "a")
    view, lists = await viewed(registry, client)
    for number in range(BREAKS):
        proxy.reset()
        (other,) = await registered(registry, direct, "b")
        await settle(one.update({"n": number}))
        await settle(other.deregister())
    await registered(registry, direct, "c")
    await lists.until("ac")
    assert never_fewer(lists, "a")
    assert [one.metadata for one in view.instances] == [{"n": BREAKS - 1}, {}]


def hearing_of(one):
    """An event that is set when a registration has heard of its key."""
    heard, sentry = threading.Event(), one._tender._sentry
    changed = sentry._changed
    sentry._changed = lambda *args: (changed(*args), heard.set())
    return heard


async def test_a_change_that_heals_it_tells_that_it_is_restored(make, direct, proxy, registry, told, monkeypatch):
    monkeypatch.setattr("etcd_factory.registry.reconciler.backoff", lambda *_: LONG)
    client = make(proxy.endpoint, timeout=1, retry=QUICK)
    one = await noted(told, registry, client, ttl=2)
    proxy.cut()
    await told.until("lost")
    with pytest.raises(LOST):
        await settle(one.update({"n": 0}))
    await all_there(direct, "")
    heard = hearing_of(one)
    proxy.heal()
    assert await asyncio.to_thread(heard.wait, BOUND)
    await settle(one.update({"n": 1}))
    await told.until("restored")
    assert one.alive
    assert told.names == ["lost", "restored"]


# --- history that is gone


async def test_p3_d8_a_compaction_while_a_view_is_cut_off_is_overcome(three, away, direct, proxy, mortal, registry):
    """Midway's list is frozen for ever. What has left unseen is kept for a while: nobody heard it say so."""
    _, lists = await viewed(registry, away, hold=1)
    proxy.cut()
    await settle(three[0].deregister())
    await registered(registry, direct, "d")
    compact(mortal, (await settle(direct.put("mark").value(""))).revision)
    proxy.heal()
    await lists.until("bcd")
    await registered(registry, direct, "e")
    await lists.until("bcde")
    assert lists.seen == ["abc", "abcd", "bcd", "bcde"]


async def test_p3_a_key_deleted_and_compacted_while_its_owner_is_cut_off_is_put_again(
    make, direct, proxy, mortal, registry, told
):
    one = await noted(told, registry, make(proxy.endpoint, retry=QUICK), ttl=60)
    _, lists = await viewed(registry, direct, hold=LONG)
    proxy.cut()
    await settle(direct.delete().key(KEY))
    compact(mortal, (await settle(direct.put("mark").value(""))).revision)
    proxy.heal()
    await told.until("restored")
    assert await stands(direct)
    assert (one.alive, told.names, lists.seen) == (True, ["lost", "restored"], ["a"])


async def test_keys_deleted_by_hand_are_back_and_no_view_shrinks(three, direct, registry, tell, told):
    tell(*three)
    _, lists = await viewed(registry, direct, threshold=0.9, hold=LONG)
    for number in range(1, 4):
        await settle(direct.delete().prefix("services/"))
        await told.until("restored", 3 * number)
    await all_there(direct, "abc")
    assert never_fewer(lists, "abc")


# --- others in its place


async def test_one_that_was_lost_and_replaced_meanwhile_is_told_once(make, direct, proxy, registry, told):
    one = await noted(told, registry, make(proxy.endpoint, timeout=1, retry=QUICK), ttl=2)
    proxy.cut()
    await told.until("lost")
    (other,) = await registered(registry, direct, "a", metadata={"n": 2})
    proxy.heal()
    await asyncio.wait_for(until(lambda: one._tender._over), BOUND)
    (instance,) = await settle(registry(direct).discover("user"))
    assert instance == other.instance
    assert told.names == ["lost"]
    await settle(one.deregister())
    assert await stands(direct)


class Some(Streams):
    """Streams of one method; those of others are never held up."""

    def __init__(self, io, method):
        super().__init__(io)
        self._method = method

    async def __call__(self, host, method, *rest):
        if method.name == self._method.name:
            return await super().__call__(host, method, *rest)
        return await self._stream(host, method, *rest)


FIRST = {"watch": methods.LEASE_KEEP_ALIVE, "lease": methods.WATCH}  # who hears of it first: the other one is held up


@pytest.fixture
async def backup(make, mortal, registry, tmp_path):
    """A function that brings back the store as it was when "a" was registered by a predecessor."""
    old = make(mortal.endpoint)
    (first,) = await registered(registry, old, "a", metadata={"n": 1}, ttl=60)
    data, kept = mortal._home / "data", tmp_path / "data"
    mortal.kill()
    shutil.copytree(data, kept)
    mortal.start()
    await settle(first.deregister())
    await closed(old)

    def restore():
        mortal.wipe()
        shutil.copytree(kept, data)
        mortal.start()

    return restore


@pytest.mark.parametrize("first", ["watch", "lease"])
async def test_after_a_store_went_back_a_predecessor_s_key_is_written_over(
    make, direct, mortal, registry, told, backup, first
):
    client = make(mortal.endpoint, timeout=2, retry=QUICK)
    with in_place(client, "stream", partial(Some, method=FIRST[first])) as streams:
        one = await noted(told, registry, client, metadata={"n": 2}, ttl=5)
        await aged(direct)
        streams.shut()
        backup()
        await told.until("lost")
        await asyncio.wait_for(until(lambda: one.alive or one._tender._over), BOUND)
        streams.open()
    await told.until("restored")
    (instance,) = await settle(registry(direct).discover("user"))
    assert instance == one.instance


async def test_after_a_store_went_back_a_newer_one_s_key_is_not_written_over(
    make, direct, mortal, proxy, registry, told
):
    one = await noted(told, registry, make(proxy.endpoint, timeout=2, retry=QUICK), ttl=3)
    await aged(direct)
    proxy.cut()
    empty(mortal)
    (other,) = await registered(registry, direct, "a", metadata={"n": 2})
    proxy.heal()
    await told.until("lost")
    await asyncio.wait_for(until(lambda: one._tender._over), BOUND)
    (instance,) = await settle(registry(direct).discover("user"))
    assert instance == other.instance
    assert told.names == ["lost"]


# --- the end


@pytest.mark.parametrize("harm", ["pause", "kill"])
async def test_p12_closing_comes_to_an_end_while_the_server_is_away(face, make, mortal, registry, harm, caplog):
    client = make(mortal.start().endpoint, timeout=1)
    await registered(registry, client, *"abcdefgh", ttl=60)
    getattr(mortal, harm)()
    try:
        await asyncio.wait_for(face.begin(client.close if face.name == "blocking" else client.aclose), BOUND)
    finally:
        mortal.resume() if harm == "pause" else mortal.start()
    assert "could not be taken away and dies by its ttl" in caplog.text


async def test_deregistering_that_fails_raises_and_leaves_nothing_running(make, mortal, registry, told):
    with FaultProxy(mortal.start().endpoint) as far:
        client = make(far.endpoint, timeout=0.5)
        await settle(registry(client).services())
        before = threads()
        one = await noted(told, registry, client, ttl=2)
        far.cut()
        with pytest.raises(LOST):
            await settle(one.deregister())
        assert not one.alive
        await settle(one.deregister())
        await closed(client)
        await nothing_left(before)


async def test_who_begins_while_etcd_is_away_is_told_so_and_may_try_again(make, direct, proxy, registry):
    client = make(proxy.endpoint, timeout=1, retry=QUICK)
    proxy.cut()
    for begin in (registry(client).subscribe, registry(client).register, registry(client).discover):
        with pytest.raises(LOST):
            await settle(begin("user"))
    proxy.heal()
    view, lists = await viewed(registry, client)
    await registered(registry, client, "a")
    await lists.until("a")
    assert ids(view.instances) == "a"
