"""Mirrors whose servers and connections fail: never wrong, whatever is restarted, compacted, emptied or restored."""

# ruff: noqa: F811  # fixtures of another module are named as arguments here

from __future__ import annotations

import asyncio
import random
import time
from functools import partial

import pytest

from etcd_factory import ops
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.conformance.test_auth import CHEAP, Guarded
from tests.conformance.test_mirror import caught_up, kvs, opened
from tests.conformance.test_watch import Told, put
from tests.support.faces import fill, settle, until
from tests.support.gates import BOUND, asking, hearing
from tests.support.history import Step, explained
from tests.unit.core.mirror.test_store import compose

from .test_watch import LOST, NAMES, away, compact, direct, mortal, proxy, written  # noqa: F401
from .test_watch_rewind import aged, empty, restored  # noqa: F401

WRITES = 120
BREAKS = 10  # connections
KEYS = "abc"
READERS = 4
BETWEEN = 30  # reads


@pytest.fixture
def told():
    return Told()


def changes(told):
    return [tuple(change) for _, *change in told.calls]


async def same(mirror, client, prefix=""):
    """Wait until it holds what the store does."""

    async def look():
        return mirror == await kvs(client, prefix)

    await asyncio.wait_for(until(look), BOUND)


# --- restarts and broken connections


async def test_it_holds_all_and_tells_each_change_once_when_the_server_is_restarted(
    direct, mortal, etcd_namespace, told
):
    mirror = (await opened(direct, "k")).on("change", partial(told, "change"))
    await written(mortal, etcd_namespace)
    await caught_up(mirror, direct)
    assert sorted(mirror) == sorted(name.encode() for name in NAMES)
    await told.until("change", len(NAMES))
    assert [(old, new.key_text) for old, new in changes(told)] == [(None, name) for name in NAMES]


def write(chance, number):
    """One of a few keys, put or deleted."""
    key = chance.choice(KEYS)
    return ops.put(key).value(str(number)) if chance.random() < 0.7 else ops.delete().key(key)


async def test_it_is_right_after_connections_that_broke_again_and_again(away, direct, proxy, told):
    await fill(direct, {"a": "first"})
    mirror, chance = (await opened(away)).on("change", partial(told, "change")), random.Random(1)
    first = mirror.copy()
    for _ in range(BREAKS):
        await settle(direct.batch([write(chance, number) for number in range(WRITES // BREAKS)]))
        proxy.reset()
    await put(direct, "end")
    await caught_up(mirror, direct)
    assert mirror == await kvs(direct)
    await until(lambda: changes(told)[-1:] and changes(told)[-1][1].key == b"end")
    assert compose(first, changes(told)) == mirror


async def test_it_says_whether_it_is_connected(away, proxy):
    mirror = await opened(away)
    assert mirror.connected
    proxy.cut()
    await asyncio.wait_for(until(lambda: not mirror.connected), BOUND)
    proxy.heal()
    await asyncio.wait_for(until(lambda: mirror.connected), BOUND)


async def test_it_goes_on_at_another_host(make, proxy, mortal, direct):
    mirror = await opened(make([proxy.endpoint, mortal.endpoint]))
    proxy.cut()
    await put(direct, "k")
    await caught_up(mirror, direct)
    assert mirror.get("k").string() == "v"


@pytest.fixture(scope="module")
def guarded():
    with EtcdServer(args=[CHEAP]) as server:
        yield Guarded(server)


async def test_it_goes_on_when_the_right_to_read_is_taken_and_given_back(face, make, guarded, caplog):
    with FaultProxy(guarded.server.endpoint) as far:
        alice = {"username": "alice", "password": "wonder"}
        mirror = await opened(make(far.endpoint, namespace="", auth=alice), "pub/")
        guarded.root("role", "revoke-permission", "public", "--prefix=true", "pub/")
        far.reset()
        await asyncio.wait_for(until(lambda: "is read afresh" in caplog.text), BOUND)
        guarded.root("put", f"pub/{face.name}", "v")
        assert mirror.get(f"pub/{face.name}").string() is None
        guarded.root("role", "grant-permission", "public", "--prefix=true", "readwrite", "pub/")
        await asyncio.wait_for(until(lambda: mirror.get(f"pub/{face.name}").string() == "v"), BOUND)


# --- history that is gone


async def changed(client):
    """One key goes, one changes, one comes, one goes and comes back, and one changes to and fro."""
    await settle(client.delete().key("gone"))
    await put(client, "changed", "new", value="w")
    await settle(client.delete().key("back"))
    await put(client, "back")


DIFFERENCES = [("back", "v", "v"), ("changed", "v", "w"), ("gone", "v", None), ("new", None, "w")]
FIRST = ("back", "changed", "gone", "same")


def shown(changes):
    """Key, value before and value after."""
    return [((old or new).key_text, old and old.text, new and new.text) for old, new in changes]


async def test_what_changed_before_a_compaction_while_it_was_away_is_told_as_differences(
    away, direct, proxy, mortal, told
):
    await put(direct, *FIRST)
    mirror = (await opened(away)).on("change", partial(told, "change"))
    first = mirror.copy()
    proxy.cut()
    await changed(direct)
    compact(mortal, (await settle(direct.put("same").touch())).revision)
    proxy.heal()
    await caught_up(mirror, direct)
    assert mirror == await kvs(direct)
    await told.until("change", 5)
    assert shown(changes(told)) == [*DIFFERENCES, ("same", "v", "v")]
    assert compose(first, changes(told)) == mirror


async def test_it_follows_after_a_compaction_too(away, direct, proxy, mortal, told):
    mirror = (await opened(away)).on("change", partial(told, "change"))
    for number in range(3):
        proxy.cut()
        await put(direct, "k", "k", value=f"unseen {number}")
        compact(mortal, (await settle(direct.put("k").value(f"away {number}"))).revision)
        proxy.heal()
        await caught_up(mirror, direct)
        await settle(mirror.wait((await settle(direct.put("k").value(f"live {number}"))).revision))
        assert mirror.get("k").string() == f"live {number}"
    await told.until("change", 6)
    assert [new for _, _, new in shown(changes(told))] == [f"{how} {n}" for n in range(3) for how in ("away", "live")]


async def test_a_compaction_between_its_read_and_its_watch_is_no_harm(direct, mortal, etcd_namespace, monkeypatch):
    read = Mirror.read

    async def hasty(self, **fields):
        reply = await read(self, **fields)
        if not done:
            done.append(mortal.etcdctl("put", f"{etcd_namespace}k", "new"))
            mortal.etcdctl("put", f"{etcd_namespace}k", "newer")
            compact(mortal, reply.header.revision + 2)
        return reply

    done = []
    monkeypatch.setattr(Mirror, "read", hasty)
    await put(direct, "k")
    mirror = await opened(direct)
    assert done
    await same(mirror, direct)
    assert mirror.get("k").string() == "newer"
    await settle(mirror.wait((await settle(direct.put("k").value("live"))).revision))
    assert mirror.get("k").string() == "live"


async def test_what_differs_in_a_store_that_was_emptied_is_told_and_it_goes_on(away, direct, proxy, mortal, told):
    await aged(direct)
    await put(direct, "gone", "there")
    mirror = (await opened(away)).on("change", partial(told, "change"))
    first = mirror.copy()
    proxy.cut()
    empty(mortal)
    await put(direct, "there", "x", value="new")
    proxy.heal()
    await same(mirror, direct)
    await put(direct, "x", value="live")
    await told.until("change", 5)
    assert shown(changes(told)) == [
        ("age", "29", None),
        ("gone", "v", None),
        ("there", "v", "new"),
        ("x", None, "new"),
        ("x", "new", "live"),
    ]
    assert compose(first, changes(told)) == mirror


async def test_a_store_that_was_restored_is_mirrored_as_it_is_now(away, direct, proxy, told, restored):
    mirror = (await opened(away)).on("change", partial(told, "change"))
    first = mirror.copy()
    await put(direct, "late", "late")
    await caught_up(mirror, direct)
    proxy.cut()
    restored()
    proxy.heal()
    await same(mirror, direct)
    assert mirror == first
    await told.until("change", 3)
    assert shown(changes(told)) == [("late", None, "v"), ("late", "v", "v"), ("late", "v", None)]


# --- linearizable reads


async def test_a_fresh_read_of_a_store_that_was_emptied_gives_what_was_written_there(face, away, direct, proxy, mortal):
    await aged(direct)
    await put(direct, "k", value="old")
    with hearing(away) as streams, asking(away) as questions:
        mirror = await opened(away)
        proxy.cut()
        empty(mortal)
        await put(direct, "k", value="new")
        streams.shut()
        proxy.heal()
        waiting = face.begin(mirror.get("k", fresh=True).string)
        await questions.answered()
        streams.open()
        assert await waiting == "new"


async def test_a_fresh_read_waits_for_a_watch_whose_connection_says_nothing(face, make, direct, proxy, mortal):
    await put(direct, "k", value="old")
    client = make([proxy.endpoint, mortal.endpoint], timeout=4)  # half of it for each of them
    mirror = await opened(client)
    proxy.drop_replies()
    await put(direct, "k", value="new")
    with asking(client) as questions:
        waiting = face.begin(mirror.get("k", fresh=True).string)
        await questions.answered()
        assert (mirror.get("k").string(), waiting.done()) == ("old", False)
        proxy.heal()
        assert await waiting == "new"


async def test_fresh_reads_work_again_after_the_server_was_away(away, direct, proxy):
    mirror = await opened(away)
    proxy.cut()
    await put(direct, "k")
    with pytest.raises(LOST):
        await settle(mirror.get("k", fresh=True).string())
    assert mirror.get("k").string() is None
    proxy.heal()
    assert await settle(mirror.get("k", fresh=True).string()) == "v"


class Register:
    """One key that a client writes and deletes, while others read it from a mirror."""

    def __init__(self, face, client, mirror):
        self._face, self._client, self._mirror = face, client, mirror
        self.steps, self.reads, self.over = [], 0, False

    async def run(self, *others):
        await asyncio.gather(self.write(), *[self.read() for _ in range(READERS)], *others)

    async def write(self):
        for number in range(WRITES):
            await self.more(1)
            if number % 3:
                await self.step("write", partial(self._client.put("r").value, str(number)), str(number))
            else:
                await self.step("write", partial(self._client.delete().key, "r"))
        self.over = True

    async def read(self):
        while not self.over:
            if await self.step("read", self._mirror.get("r", fresh=True).string):
                self.reads += 1

    async def step(self, kind, request, value=None):
        """Whether it was done; only reads are cut off."""
        begin = time.monotonic()
        try:
            answer = await self._face.begin(request)
        except LOST:
            return False
        self.steps.append(Step(kind, begin, time.monotonic(), answer if kind == "read" else value))
        return True

    async def more(self, reads):
        """Wait until so many more reads were done."""
        wanted = self.reads + reads
        await until(lambda: self.reads >= wanted or self.over)


async def test_fresh_reads_and_writes_have_one_order_while_connections_break(face, away, direct, proxy):
    register = Register(face, direct, await opened(away))

    async def harm():
        while not register.over:
            await register.more(BETWEEN)
            proxy.reset()

    await register.run(harm())
    assert explained(register.steps)
