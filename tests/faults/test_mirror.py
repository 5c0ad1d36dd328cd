"""Mirrors whose servers and connections fail: never wrong, whatever is restarted, compacted, emptied or restored."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial

import pytest

from etcd_factory import ops
from etcd_factory.testing import FaultProxy
from etcd_factory.wire import methods
from tests.support.auth import LOGIN
from tests.support.faces import fill, in_time, settle, until
from tests.support.faulty import NAMES, UNREACHABLE, compact, lose_data, write_history, write_through_restarts
from tests.support.history import Step, is_linearizable
from tests.support.mirroring import caught_up, is_question, open_mirror, stored
from tests.support.stores import compose
from tests.support.transports import Altered, Held, Recorded
from tests.support.watching import put

WRITES = 120
BREAKS = 10  # connections
KEYS = "abc"
READERS = 4
BETWEEN = 30  # reads


def changes(recorder):
    """Return the changes that a handler received, old and new."""
    return [tuple(change) for _, *change in recorder.calls]


async def until_same(mirror, client, prefix=""):
    """Wait until the mirror holds what the store has."""

    async def is_same():
        return mirror == await stored(client, prefix)

    await in_time(until(is_same))


# --- restarts and broken connections


async def test_a_mirror_holds_everything_and_reports_each_change_once_when_the_server_is_restarted(
    direct, server, etcd_namespace, recorder
):
    mirror = recorder.on(await open_mirror(direct, "k"), "change")
    await write_through_restarts(server, etcd_namespace)
    await caught_up(mirror, direct)
    assert sorted(mirror) == sorted(name.encode() for name in NAMES)
    await recorder.until("change", len(NAMES))
    assert [(old, new.key_text) for old, new in changes(recorder)] == [(None, name) for name in NAMES]


def write(chance, number):
    """Return a put or a delete of one of a few keys."""
    key = chance.choice(KEYS)
    return ops.put(key).value(str(number)) if chance.random() < 0.7 else ops.delete().key(key)


async def test_a_mirror_is_right_after_connections_that_broke_repeatedly(proxied, direct, proxy, recorder):
    await fill(direct, {"a": "first"})
    mirror, chance = recorder.on(await open_mirror(proxied), "change"), random.Random(1)
    first = mirror.copy()
    for _ in range(BREAKS):
        await settle(direct.batch([write(chance, number) for number in range(WRITES // BREAKS)]))
        proxy.reset()
    await put(direct, "end")
    await caught_up(mirror, direct)
    assert mirror == await stored(direct)
    await until(lambda: any(new and new.key == b"end" for _, new in changes(recorder)[-1:]))
    assert compose(first, changes(recorder)) == mirror


async def test_a_mirror_knows_whether_it_is_connected(proxied, proxy):
    mirror = await open_mirror(proxied)
    assert mirror.connected
    proxy.cut()
    await in_time(until(lambda: not mirror.connected))
    proxy.heal()
    await in_time(until(lambda: mirror.connected))


async def test_a_mirror_resumes_on_another_host(make, proxy, server, direct):
    mirror = await open_mirror(make([proxy.endpoint, server.endpoint]))
    proxy.cut()
    await put(direct, "k")
    await caught_up(mirror, direct)
    assert mirror.get("k").string() == "v"


async def test_a_mirror_resumes_when_the_permission_to_read_is_revoked_and_granted_again(
    face, make, auth_server, caplog
):
    with FaultProxy(auth_server.server.endpoint) as far:
        mirror = await open_mirror(make(far.endpoint, namespace="", auth=LOGIN), "pub/")
        auth_server.root("role", "revoke-permission", "public", "--prefix=true", "pub/")
        far.reset()
        await in_time(until(lambda: "reading the mirrored prefix" in caplog.text))
        auth_server.root("put", f"pub/{face.name}", "v")
        assert mirror.get(f"pub/{face.name}").string() is None
        auth_server.root("role", "grant-permission", "public", "--prefix=true", "readwrite", "pub/")
        await in_time(until(lambda: mirror.get(f"pub/{face.name}").string() == "v"))


# --- history that is gone


async def change(client):
    """Delete one key, change one, create one, and delete and create one again."""
    await settle(client.delete().key("gone"))
    await put(client, "changed", "new", value="w")
    await settle(client.delete().key("back"))
    await put(client, "back")


DIFFERENCES = [("back", "v", "v"), ("changed", "v", "w"), ("gone", "v", None), ("new", None, "w")]
FIRST = ("back", "changed", "gone", "same")


def texts(changes):
    """Return key, value before and value after of each change."""
    return [((old or new).key_text, old and old.text, new and new.text) for old, new in changes]


async def test_what_changed_before_a_compaction_while_it_was_cut_off_is_reported_as_differences(
    proxied, direct, proxy, server, recorder
):
    await put(direct, *FIRST)
    mirror = recorder.on(await open_mirror(proxied), "change")
    first = mirror.copy()
    proxy.cut()
    await change(direct)
    compact(server, (await settle(direct.put("same").touch())).revision)
    proxy.heal()
    await caught_up(mirror, direct)
    assert mirror == await stored(direct)
    await recorder.until("change", 5)
    assert texts(changes(recorder)) == [*DIFFERENCES, ("same", "v", "v")]
    assert compose(first, changes(recorder)) == mirror


async def test_a_mirror_follows_after_a_compaction_too(proxied, direct, proxy, server, recorder):
    mirror = recorder.on(await open_mirror(proxied), "change")
    for number in range(3):
        proxy.cut()
        await put(direct, "k", "k", value=f"unseen {number}")
        compact(server, (await settle(direct.put("k").value(f"away {number}"))).revision)
        proxy.heal()
        await caught_up(mirror, direct)
        await settle(mirror.wait((await settle(direct.put("k").value(f"live {number}"))).revision))
        assert mirror.get("k").string() == f"live {number}"
    await recorder.until("change", 6)
    assert [new for _, _, new in texts(changes(recorder))] == [
        f"{how} {n}" for n in range(3) for how in ("away", "live")
    ]


async def test_a_compaction_between_its_read_and_its_watch_does_no_harm(make_wrapped, direct, server, etcd_namespace):
    def compact_after_the_first(reply):
        if not done:
            done.append(server.etcdctl("put", f"{etcd_namespace}k", "new"))
            server.etcdctl("put", f"{etcd_namespace}k", "newer")
            compact(server, reply.header.revision + 2)
        return reply

    done = []
    await put(direct, "k")
    client, _ = make_wrapped(partial(Altered, which=methods.RANGE, change=compact_after_the_first), server.endpoint)
    mirror = await open_mirror(client)
    assert done
    await until_same(mirror, direct)
    assert mirror.get("k").string() == "newer"
    await settle(mirror.wait((await settle(direct.put("k").value("live"))).revision))
    assert mirror.get("k").string() == "live"


async def test_the_differences_of_a_store_that_was_emptied_are_reported_and_the_mirror_resumes(
    proxied, direct, proxy, server, recorder
):
    await write_history(direct)
    await put(direct, "gone", "there")
    mirror = recorder.on(await open_mirror(proxied), "change")
    first = mirror.copy()
    proxy.cut()
    lose_data(server)
    await put(direct, "there", "x", value="new")
    proxy.heal()
    await until_same(mirror, direct)
    await put(direct, "x", value="live")
    await recorder.until("change", 5)
    assert texts(changes(recorder)) == [
        ("age", "29", None),
        ("gone", "v", None),
        ("there", "v", "new"),
        ("x", None, "new"),
        ("x", "new", "live"),
    ]
    assert compose(first, changes(recorder)) == mirror


async def test_a_store_that_was_restored_is_mirrored_as_it_is_now(proxied, direct, proxy, recorder, backup):
    mirror = recorder.on(await open_mirror(proxied), "change")
    first = mirror.copy()
    await put(direct, "late", "late")
    await caught_up(mirror, direct)
    proxy.cut()
    backup.restore()
    proxy.heal()
    await until_same(mirror, direct)
    assert mirror == first
    await recorder.until("change", 3)
    assert texts(changes(recorder)) == [("late", None, "v"), ("late", "v", "v"), ("late", "v", None)]


# --- linearizable reads


async def until_answered(recorded):
    """Wait until etcd has answered what a fresh read asks."""

    def is_answered():
        return any(is_question(call) and not isinstance(reply, Exception) for call, reply in recorded.replies)

    await recorded.until(is_answered)


async def test_a_fresh_read_of_a_store_that_was_emptied_returns_what_was_written_there(
    face, make_wrapped, direct, proxy, server
):
    await write_history(direct)
    await put(direct, "k", value="old")
    client, held = make_wrapped(lambda real: Held(Recorded(real), "Watch"), proxy.endpoint)
    mirror = await open_mirror(client)
    proxy.cut()
    lose_data(server)
    await put(direct, "k", value="new")
    held.hold()
    proxy.heal()
    reading = face.begin(mirror.get("k", fresh=True).string)
    await until_answered(held.inner)
    held.release()
    assert await reading == "new"


async def test_a_fresh_read_moves_a_watch_whose_connection_is_silent(make, direct, proxy, server):
    await put(direct, "k", value="old")
    client = make([proxy.endpoint, server.endpoint], timeout=4)  # half of it for each host
    mirror = await open_mirror(client)
    proxy.drop_replies()
    await put(direct, "k", value="new")
    assert mirror.get("k").string() == "old"
    assert await settle(mirror.get("k", fresh=True).string()) == "new"
    assert client.endpoint == server.endpoint


async def test_fresh_reads_succeed_again_after_the_server_was_away(proxied, direct, proxy):
    mirror = await open_mirror(proxied)
    proxy.cut()
    await put(direct, "k")
    with pytest.raises(UNREACHABLE):
        await settle(mirror.get("k", fresh=True).string())
    assert mirror.get("k").string() is None
    proxy.heal()
    assert await settle(mirror.get("k", fresh=True).string()) == "v"


class Register:
    """One key that a client writes and deletes while others read it from a mirror."""

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
        """Return whether it succeeded; only reads are cut off."""
        begin = time.monotonic()
        try:
            answer = await self._face.begin(request)
        except UNREACHABLE:
            return False
        self.steps.append(Step(kind, begin, time.monotonic(), answer if kind == "read" else value))
        return True

    async def more(self, reads):
        """Wait until so many more reads have succeeded."""
        wanted = self.reads + reads
        await until(lambda: self.reads >= wanted or self.over)


async def test_fresh_reads_and_writes_are_linearizable_while_connections_break(face, proxied, direct, proxy):
    register = Register(face, direct, await open_mirror(proxied))

    async def break_connections():
        while not register.over:
            await register.more(BETWEEN)
            proxy.reset()

    await register.run(break_connections())
    assert is_linearizable(register.steps)
