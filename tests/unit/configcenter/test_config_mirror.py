"""The mirror of a configuration: its entries, and what it notifies of."""

from __future__ import annotations

import pytest

from etcd_factory.configcenter.config_mirror import ConfigMirror
from etcd_factory.core.face import finish
from etcd_factory.service import view_of
from etcd_factory.testing import replies


@pytest.fixture
async def mirror_on(face, connect, recorder):
    """A function that returns a loaded mirror of ``config/`` on a script, which notifies the recorder."""
    mirrors = []

    async def run(body):
        return finish(body) if face.is_blocking else await body

    async def create(**steps):
        client, _ = connect(steps)
        mirrors.append(ConfigMirror(view_of(client, type(client), "a test"), b"config/", lambda: recorder("notify")))
        await run(mirrors[-1].load())
        return mirrors[-1]

    create.run = run
    yield create
    for one in mirrors:
        await run(one.end())


def found(*keys, revision=5):
    return replies.get({f"config/{key}": f"value of {key}" for key in keys}, revision=revision)


async def test_entries_are_texts_by_their_keys_below_the_prefix(mirror_on):
    keys = replies.get({b"config/db/port": b"1", b"config/odd": b"\xff"}, revision=5)
    mirror = await mirror_on(Range=keys, Watch=replies.watch())
    assert mirror.entries() == (5, {"db/port": "1", "odd": "\\xff"})


async def test_it_notifies_of_each_change(mirror_on, recorder):
    watch = replies.watch()
    mirror = await mirror_on(Range=found("a"), Watch=watch)
    before = len(recorder.calls)
    watch.push(replies.put_event("config/b", "1"))
    await recorder.until("notify", before + 1)
    assert mirror.entries() == (6, {"a": "value of a", "b": "1"})


async def test_it_notifies_of_its_end(mirror_on, recorder):
    mirror = await mirror_on(Range=found("a"), Watch=replies.watch())
    before = len(recorder.calls)
    assert not mirror.ended
    await mirror_on.run(mirror.end())
    await recorder.until("notify", before + 1)
    assert mirror.ended


@pytest.mark.parametrize(("after", "emptied"), [([], True), (["b"], False)], ids=["nothing", "another key"])
async def test_a_resync_that_finds_nothing_any_more_is_an_emptied_store(mirror_on, recorder, after, emptied):
    watch = replies.watch()
    mirror = await mirror_on(Range=[found("a"), found(*after, revision=20)], Watch=watch)
    before = len(recorder.calls)
    watch.push(replies.canceled(compact_revision=9))
    await recorder.until("notify", before + 1)
    assert (mirror.emptied, list(mirror.entries()[1])) == (emptied, after)


async def test_an_empty_store_at_the_start_is_not_an_emptied_one(mirror_on):
    mirror = await mirror_on(Range=found(), Watch=replies.watch())
    assert not mirror.emptied


async def test_a_store_with_events_is_not_empty_by_accident(mirror_on, recorder):
    watch = replies.watch()
    mirror = await mirror_on(Range=[found("a"), found(revision=20)], Watch=watch)
    before = len(recorder.calls)
    watch.push(replies.canceled(compact_revision=9), replies.delete_event("config/a", watch=2))
    await recorder.until("notify", before + 2)
    assert not mirror.emptied
