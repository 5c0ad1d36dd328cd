"""Following the instances of services: one watch for all views, and lists that survive accidents."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import PermissionDeniedError
from etcd_factory.registry.formats import EtcdFactory
from etcd_factory.registry.instances import InstancesPool
from etcd_factory.registry.layout import layouts
from etcd_factory.service import view_of
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.registering import ids
from tests.support.transports import Held, Recorded

(LAYOUT,) = layouts(EtcdFactory(), None, ())


def key(name):
    return f"services/user/{name}"


def value(**fields):
    return json.dumps({"metadata": {}, "ttl": 60, **fields})


def found(names, revision=5):
    return replies.get({key(name): value() for name in names}, revision=revision)


@pytest.fixture
def pool_on(connect):
    """A function that returns a pool on a script, and its transport."""

    def create(wrap=Recorded, **steps):
        transport = wrap(ScriptedTransport(steps))
        client, _ = connect(transport)
        return InstancesPool(view_of(client, type(client), "a test"), LAYOUT), transport

    return create


@pytest.fixture
async def enter(run):
    """Enter a pool; left at the end of the test."""
    leaves = []

    async def call(pool, service="user", threshold=0.0, hold=None):
        instances, leave = await run(pool.enter(service, threshold, hold))
        leaves.append(leave)
        return instances

    yield call
    for leave in leaves:
        await run(leave())


@pytest.fixture
def lists(recorder):
    """Records the lists of instances, as their ids."""

    def follow(instances):
        instances.listen(lambda: recorder("list", ids(instances.instances)))
        return lambda: [names for _, names in recorder.calls]

    return follow


# --- reading and following


async def test_the_instances_are_read_once_and_watched_from_then_on(pool_on, enter):
    pool, transport = pool_on(Range=found("ba"), Watch=replies.watch())
    instances = await enter(pool)
    (read,) = transport.calls
    assert (read.request.key, read.request.range_end) == (b"services/user/", b"services/user0")
    assert ids(instances.instances) == "ab"
    create = transport.streams[0].sent[0].create_request
    assert (create.key, create.start_revision) == (b"services/user/", 6)


async def test_a_listener_is_called_at_once_and_at_each_change(pool_on, enter, lists, recorder):
    watch = replies.watch()
    pool, _ = pool_on(Range=found("a"), Watch=watch)
    seen = lists(await enter(pool))
    watch.push(replies.put_event(key("b"), value()), replies.put_event(key("a"), value(status="down")))
    await recorder.until("list", 3)
    assert seen() == ["a", "ab", "b"]


async def test_a_listener_that_is_ignored_is_not_called_any_more(pool_on, enter, lists, recorder):
    watch = replies.watch()
    pool, _ = pool_on(Range=found("a"), Watch=watch)
    instances = await enter(pool)
    listener = partial(recorder, "ignored")
    instances.listen(listener)
    instances.ignore(listener)
    lists(instances)
    watch.push(replies.put_event(key("b"), value()))
    await recorder.until("list", 2)
    assert recorder.names == ["ignored", "list", "list"]


async def test_a_write_of_the_same_value_is_no_change(pool_on, enter, lists, recorder):
    watch = replies.watch()
    pool, _ = pool_on(Range=found("a"), Watch=watch)
    seen = lists(await enter(pool))
    watch.push(replies.put_event(key("a"), value()), replies.put_event(key("b"), value()))
    await recorder.until("list", 2)
    assert seen() == ["a", "ab"]


NESTED = "[" * 900 + "]" * 900, '{"metadata": {}, "port": ' + "[" * 98 + "]" * 98 + "}"


@pytest.mark.parametrize("overwritten", ["[", "not JSON", "[1]", *NESTED, "9" * 5000], ids=range(6))
async def test_an_instance_that_is_overwritten_with_something_else_is_removed(
    pool_on, enter, lists, recorder, overwritten
):
    watch = replies.watch()
    pool, _ = pool_on(Range=found("ab"), Watch=watch)
    seen = lists(await enter(pool))
    watch.push(replies.put_event(key("a"), overwritten))
    await recorder.until("list", 2)
    assert seen() == ["ab", "b"]


# --- losses


async def test_all_deleted_at_once_are_kept_until_the_hold_is_over(pool_on, enter, lists, recorder):
    watch = replies.watch()
    pool, _ = pool_on(Range=found("ab"), Watch=watch)
    seen = lists(await enter(pool, hold=0.05))
    watch.push(replies.events(replies.delete_event(key("a")), replies.delete_event(key("b"))))
    await recorder.until("list", 2)
    assert seen() == ["ab", ""]


async def test_missing_instances_are_kept_while_others_come(pool_on, enter, lists, recorder):
    watch = replies.watch()
    pool, _ = pool_on(Range=found("ab"), Watch=watch)
    seen = lists(await enter(pool))
    watch.push(replies.events(replies.delete_event(key("a")), replies.delete_event(key("b"))))
    watch.push(replies.put_event(key("c"), value()))
    await recorder.until("list", 2)
    assert seen() == ["ab", "abc"]


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, "abc"), (None, "c")])
async def test_a_resync_that_finds_fewer_is_a_sudden_loss(pool_on, enter, lists, recorder, threshold, expected):
    watch = replies.watch()
    pool, _ = pool_on(Range=[found("ab"), found("c", revision=20)], Watch=watch)
    seen = lists(await enter(pool, threshold=threshold))
    watch.push(replies.canceled(compact_revision=9))
    await recorder.until("list", 2)
    assert seen() == ["ab", expected]


# --- sharing


async def test_views_of_one_service_share_one_watch_until_the_last_is_closed(pool_on, run):
    pool, transport = pool_on(Range=found("a"), Watch=replies.watch())
    (first, leave), *others = [await run(pool.enter("user", 0.0, None)) for _ in range(3)]
    assert all(instances is first for instances, _ in others)
    assert len(transport.streams[0].sent) == 1
    for _, leave_early in others:
        await run(leave_early())
        assert first.connected
    await run(leave())
    assert not first.connected


@pytest.mark.anchor("registry-d9")
async def test_views_that_open_at_the_same_time_share_one_read(face, pool_on, enter):
    pool, held = pool_on(wrap=lambda inner: Held(Recorded(inner), "Range"), Range=found("a"), Watch=replies.watch())
    held.hold()

    def begin():
        body = pool.enter("user", 0.0, None)
        return asyncio.ensure_future(asyncio.to_thread(finish, body) if face.is_blocking else body)

    opening = [begin() for _ in range(4)]
    await held.arrived()
    held.release()
    entered = await asyncio.gather(*opening)
    assert len({id(instances) for instances, _ in entered}) == 1
    assert held.inner.names() == ["Range"]


async def test_views_with_other_rules_follow_the_service_themselves(pool_on, enter):
    pool, transport = pool_on(Range=found("a"), Watch=replies.watch())
    rules = [{}, {"hold": 3}, {"threshold": 0.5}, {"threshold": None}, {"service": "order"}]
    assert len({id(await enter(pool, **rule)) for rule in rules}) == len(rules)
    assert transport.names() == ["Range"] * len(rules)


async def test_a_service_is_read_again_after_its_last_view_was_closed(pool_on, enter, run):
    pool, transport = pool_on(Range=[found("a"), found("b")], Watch=replies.watch())
    first, leave = await run(pool.enter("user", 0.0, None))
    await run(leave())
    second = await enter(pool)
    assert (ids(first.instances), ids(second.instances)) == ("a", "b")
    assert transport.names() == ["Range", "Range"]


async def test_a_service_that_cannot_be_read_is_no_entry_of_the_pool(pool_on, enter, run):
    pool, _ = pool_on(Range=[replies.server_error("etcdserver: permission denied"), found("a")], Watch=replies.watch())
    with pytest.raises(PermissionDeniedError):
        await run(pool.enter("user", 0.0, None))
    assert ids((await enter(pool)).instances) == "a"
