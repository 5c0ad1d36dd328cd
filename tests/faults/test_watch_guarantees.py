"""The nine guarantees of watches that etcd's own robustness tests check, by their names there.

Over watches of the server, local watches of a mirror, and the mirror itself, while a writer makes random transactions
and the connections break.
"""

from __future__ import annotations

import asyncio
import random
from itertools import chain, pairwise

import pytest

from etcd_factory import ops
from tests.support.faces import in_time, settle
from tests.support.mirroring import caught_up, open_mirror
from tests.support.watching import keys, take

PREFIX, OTHER = "in/", "out/"
KEYS = [f"{prefix}{letter}" for prefix in (PREFIX, OTHER) for letter in "abc"]
TRANSACTIONS = 40
BETWEEN = 8  # transactions, after which the connections break


class Writer:
    """Makes random transactions, and knows what they did under the prefix: by revision its changes, and the state."""

    def __init__(self, client, proxy):
        self._client, self._proxy, self._chance = client, proxy, random.Random(1)
        self.changes, self.states, self._state = {}, {}, {}

    async def write(self):
        for number in range(1, TRANSACTIONS + 1):
            await self._transaction(str(number))
            if number % BETWEEN == 0:
                self._proxy.reset()

    async def _transaction(self, value):
        chosen = self._chance.sample(KEYS, self._chance.randint(1, len(KEYS)))
        steps = [(key, value if self._chance.random() < 0.7 else None) for key in chosen]
        then = [ops.put(key).value(value) if value else ops.delete().key(key) for key, value in steps]
        revision = (await settle(self._client.txn().then(*then).commit())).revision
        done = [change for key, value in steps if key.startswith(PREFIX) for change in self._change(key, value)]
        if done:
            self.changes[revision], self.states[revision] = done, dict(self._state)

    def _change(self, key, value):
        before = self._state.pop(key, None)
        if value:
            self._state[key] = value
            yield "put", key, value, before
        elif before:
            yield "delete", key, "", before


def told(event):
    """Return what an event says, in the writer's words."""
    return event.type, event.kv.key_text, event.kv.text, event.previous and event.previous.text


async def first(revisions, count):
    """Return the events of the next revisions, of an iterator of either kind."""

    async def read():
        return [await revisions.__anext__() for _ in range(count)]

    def read_here():
        return [next(revisions) for _ in range(count)]

    return await in_time(read() if hasattr(revisions, "__anext__") else asyncio.to_thread(read_here))


@pytest.fixture
def writer(direct, proxy):
    return Writer(direct, proxy)


async def watch(client, start=None):
    """Begin a watch of the server."""
    built = client.watch().prefix(PREFIX).previous()
    return await settle((built if start is None else built.start_revision(start)).create())


async def watch_locally(client, start=None):
    """Begin a watch of a mirror."""
    mirror = await open_mirror(client, PREFIX)
    return mirror.watch(start_revision=start)


@pytest.fixture(params=[watch, watch_locally], ids=["watch", "local"])
async def delivered(request, proxied, writer):
    """What the writer did, delivered revision by revision while connections broke."""
    revisions = (await request.param(proxied)).revisions()
    await writer.write()
    return await first(revisions, len(writer.changes))


def test_ordered(delivered):
    numbers = [event.revision for event in chain(*delivered)]
    assert numbers == sorted(numbers)


def test_unique(delivered):
    seen = [(event.revision, event.kv.key) for event in chain(*delivered)]
    assert len(seen) == len(set(seen))


def test_atomic(delivered, writer):
    assert [len(events) for events in delivered] == [len(changes) for changes in writer.changes.values()]
    assert all(len({event.revision for event in events}) == 1 for events in delivered)


def test_reliable(delivered, writer):
    assert {events[0].revision: sorted(map(told, events)) for events in delivered} == {
        revision: sorted(changes) for revision, changes in writer.changes.items()
    }


def test_prev_kv(delivered):
    last = {}
    for event in chain(*delivered):
        assert event.previous == last.pop(event.kv.key, None)
        if event.type == "put":
            last[event.kv.key] = event.kv


def test_is_create(delivered):
    created = [event.kv.create_revision == event.revision for event in chain(*delivered) if event.type == "put"]
    assert created == [event.previous is None for event in chain(*delivered) if event.type == "put"]
    assert True in created
    assert False in created


def test_filter(delivered):
    found = keys(chain(*delivered))
    assert set(found) == {key for key in KEYS if key.startswith(PREFIX)}


async def test_resumable(proxied, direct, writer):
    """From any revision on, and from one where nothing happened."""
    mirror = await open_mirror(proxied, PREFIX)
    await writer.write()
    await caught_up(mirror, direct)
    numbers = list(writer.changes)
    for before, start in pairwise(numbers[::4]):
        left = [number for number in numbers if number >= start]
        for revisions in ((await watch(proxied, start)).revisions(), mirror.watch(start_revision=start).revisions()):
            assert [events[0].revision for events in await first(revisions, len(left))] == left
        late = await take(mirror.watch(start_revision=before + 1))
        assert late[0].revision == min(number for number in numbers if number > before)


async def test_bookmarkable(proxied, direct, writer):
    """A mark of the server comes after all events up to its revision; a mirror's revision is one."""
    watcher = await settle(proxied.watch().prefix(PREFIX).progress().create())
    mirror = await open_mirror(proxied, PREFIX)
    await writer.write()
    last = (await settle(direct.get("").exec())).revision
    await settle(mirror.wait(last))
    assert {kv.key_text: kv.text for kv in mirror.values()} == writer.states[max(writer.states)]
    seen, (event,) = [], await take(watcher)
    while event.type != "progress" or event.revision < last:
        if event.type == "progress":
            assert seen == [number for number in writer.changes if number <= event.revision]
        elif event.revision not in seen:
            seen.append(event.revision)
        (event,) = await take(watcher)
    assert seen == list(writer.changes)


async def test_a_mirror_reports_every_change_once_and_knows_every_state(proxied, direct, writer, recorder):
    mirror = recorder.on(await open_mirror(proxied, PREFIX), "change")
    await writer.write()
    await caught_up(mirror, direct)
    expected = [change for changes in writer.changes.values() for change in changes]
    await recorder.until("change", len(expected))
    assert sorted(map(changed, recorder.calls), key=str) == sorted(expected, key=str)
    for revision, state in writer.states.items():
        assert mirror.at(revision).get_all().strings() == state


def changed(call):
    """Return what a handler was told, in the writer's words."""
    _, old, new = call
    key = (new or old).key_text
    return ("put", key, new.text, old and old.text) if new else ("delete", key, "", old.text)
