"""How a mirror follows the store: whole transactions at a time."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from etcd_factory import AsyncETCDService, ops
from tests.support.faces import fill, settle
from tests.support.mirroring import caught_up, open_mirror, stored

SWINGS = 200
SWITCH = 1e-5  # seconds that a thread may run: far more turns than usual


CHANGES = {
    "put": lambda c: c.put("p/new").value("v"),
    "overwrite": lambda c: c.put("p/a").value("v"),
    "the same again": lambda c: c.put("p/a").value("1"),
    "touch": lambda c: c.put("p/a").touch(),
    "delete": lambda c: c.delete().key("p/a"),
    "delete all": lambda c: c.delete().prefix("p/"),
    "transaction": lambda c: c.txn().then(ops.put("p/b").value("v"), ops.delete().key("p/a"), ops.put("x").value("v")),
    "elsewhere": lambda c: c.put("p0").value("v"),
}


def run(change):
    """Run a change; a transaction must still be committed."""
    return settle(change.commit() if hasattr(change, "commit") else change)


@pytest.mark.parametrize("name", CHANGES)
async def test_it_follows(client, other, name):
    await fill(client, {"p/a": "1", "p/b": "2"})
    mirror = await open_mirror(client, "p/")
    done = await run(CHANGES[name](other))
    await settle(mirror.wait(done.revision))
    assert mirror == await stored(client, "p/")
    assert mirror.revision >= done.revision


async def test_a_deleted_key_that_is_written_again_is_a_new_one(client, other):
    await fill(client, {"a": "1"})
    mirror = await open_mirror(client)
    await settle(other.delete().key("a"))
    made = await settle(other.put("a").value("2"))
    await settle(mirror.wait(made.revision))
    assert (mirror[b"a"].create_revision, mirror[b"a"].version) == (made.revision, 1)


async def test_keys_are_removed_with_their_lease(client, other):
    lease = other.lease(600)
    await settle(lease.grant())
    await settle(other.put("a").lease(lease).value("1"))
    mirror = await open_mirror(client)
    assert mirror[b"a"].lease == lease.id
    await settle(lease.revoke())
    await caught_up(mirror, client)
    assert mirror == {}


async def test_it_can_be_read_while_the_server_is_paused_and_after_it_was_killed(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await fill(client, {"a": "1"})
    mirror, expected = await open_mirror(client), await stored(client)
    for harm in (fragile.pause, fragile.kill):
        harm()
        assert (mirror.copy(), mirror[b"a"], mirror.get("a").string()) == (expected, expected[b"a"], "1")
    fragile.start()


SIDES = {side: [f"{side}{number:02}" for number in range(40)] for side in "ab"}
SIDE = [[name.encode() for name in names] for names in SIDES.values()]


class Swings:
    """Writes one side and deletes the other, in turn: one is always there, with the same value under all its keys."""

    def __init__(self, client):
        self._client, self.over = client, threading.Event()

    async def run(self):
        try:
            for number in range(SWINGS):
                await self.swing(*("ab" if number % 2 else "ba"), str(number))
        finally:
            self.over.set()

    async def swing(self, here, away, value):
        first, *puts = [ops.put(key).value(value) for key in SIDES[here]]
        await self._client.txn().then(first, ops.delete().prefix(away), *puts).commit()


def is_whole(keys, values=()):
    """Whether keys and values are one side, written by one transaction."""
    return sorted(keys) in SIDE and len({*values}) <= 1


def apart(kvs):
    """Return keys and values apart."""
    kvs = [*kvs]
    return [kv.key for kv in kvs], [kv.value for kv in kvs]


LOOKS = {
    "copy": lambda mirror: is_whole(*apart(mirror.copy().values())),
    "items": lambda mirror: is_whole(*apart(kv for _, kv in mirror.items())),
    "values": lambda mirror: is_whole(*apart(mirror.values())),
    "keys": lambda mirror: is_whole(mirror.keys()),
    "iteration": lambda mirror: is_whole(mirror),
}


@pytest.fixture
def busy():
    """Threads take turns far more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    yield
    sys.setswitchinterval(usual)


def look(mirror, see, over):
    """Look repeatedly; returns how often it was not whole."""
    torn = 0
    while not over.is_set():
        torn += not see(mirror)
    return torn


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.usefixtures("busy")
async def test_no_transaction_is_torn(client, options, name):
    async with AsyncETCDService(options) as writer:
        swings = Swings(writer)
        await swings.swing("a", "b", "first")
        mirror = await open_mirror(client)
        looking = asyncio.to_thread(look, mirror, LOOKS[name], swings.over)
        torn, _ = await asyncio.gather(looking, swings.run())
    assert torn == 0
    await caught_up(mirror, client)
    assert {key: kv.text for key, kv in mirror.items()} == dict.fromkeys(SIDE[0], str(SWINGS - 1))
