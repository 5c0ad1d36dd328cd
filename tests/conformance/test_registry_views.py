"""Live views of a service: always current, reported in order, never emptied by an accident."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from etcd_factory import errors, ops
from etcd_factory.registry import ServiceInstance
from tests.support.faces import BOUND, closed, in_time, settle, until
from tests.support.registering import LONG, Lists, discovered, ids, put_instances, register, subscribe
from tests.support.transports import Held, Recorded
from tests.support.watching import WATCHERS, nothing_left, put, take, threads, until_metric


@pytest.fixture
def caught_up(client):
    """Wait until the client's watches have received everything that is in etcd now."""

    async def wait():
        watcher = await settle(client.watch().key("mark").create())
        await put(client, "mark")
        await take(watcher)  # its event comes after theirs, on the same stream
        await settle(watcher.cancel())

    return wait


# --- changes


@pytest.mark.anchor("registry-d19")
async def test_each_change_is_reported_with_the_complete_list_in_order(client, registry):
    (one,) = await register(registry, client, "b")
    _, lists = await subscribe(registry, client)
    (other,) = await register(registry, client, "a")
    await settle(one.pause())
    await settle(one.resume())
    await settle(other.deregister())
    await settle(one.deregister())
    await lists.until("")
    assert lists.seen == ["b", "ab", "a", "ab", "b", ""]


@pytest.mark.anchor("registry-d19")
async def test_watch_reports_the_present_list_and_each_change(client, registry):
    (one,) = await register(registry, client, "a")
    seen = []
    view = await settle(registry(client).watch("user", lambda instances: seen.append(ids(instances))))
    lists = Lists(view)
    await register(registry, client, "b")
    await settle(one.pause())
    await lists.until("b")
    assert seen == ["a", "ab", "b"]


async def test_updates_are_reported_and_writes_of_the_same_value_are_not(client, registry):
    (one,) = await register(registry, client, "a")
    view, weights = await settle(registry(client).subscribe("user")), []
    view.on("change", lambda instances: weights.append(instances[0].weight))
    for weight in (2, 2, 3):
        await settle(one.update(weight=weight))
    await in_time(until(lambda: weights[-1:] == [3]))
    assert weights == [2, 3]


@pytest.mark.anchor("registry-d11")
async def test_views_filter_by_tags_and_status_and_their_lists_are_immutable(client, registry, caplog):
    view, lists = await subscribe(registry, client, tags=["web"])
    every, _ = await subscribe(registry, client, status=None)
    await register(registry, client, "a", "b", tags=["web", "blue"])
    (other,) = await register(registry, client, "c")
    await settle(other.pause())
    await settle(client.batch([ops.put("services/user/bad").value("["), ops.put("services/user/d").value("{}")]))
    await in_time(until(lambda: ids(every.instances) == "abcd"))
    await lists.until("ab")
    assert isinstance(view.instances, tuple)
    assert "is not an instance of a service" in caplog.text


@pytest.mark.anchor("registry-p4", "registry-d5")
async def test_a_view_has_no_instance_of_a_service_with_a_longer_name(client, registry):
    _, lists = await subscribe(registry, client)
    await settle(registry(client).register("user2", "x"))
    await settle(registry(client).register("user", "a"))
    await lists.until("a")
    assert lists.seen == ["", "a"]


async def test_a_view_has_the_instances_as_they_were_registered(client, registry):
    (one,) = await register(registry, client, "a", metadata={"n": 1})
    view, _ = await subscribe(registry, client)
    assert view.instances == (one.instance,)
    assert isinstance(view.pick(), ServiceInstance)


@pytest.mark.anchor("registry-d6")
async def test_a_change_between_the_read_and_the_watch_is_not_missed(face, client, make, wrap, registry):
    """Midway's watch begins some time after its read."""
    held = wrap(Held, "Range", replies=True)
    await put_instances(client, "a")
    held.hold()
    opening = face.begin(partial(registry(make(transport=held)).subscribe, "user"))
    await held.arrived()
    await put_instances(client, "b")
    held.release()
    view = await in_time(opening)
    await in_time(until(lambda: ids(view.instances) == "ab"))


@pytest.mark.anchor("registry-d7")
async def test_a_change_needs_no_further_read(client, make, wrap, registry):
    """Midway reads the whole range at each event, and an older response may arrive last."""
    transport = wrap(Recorded)
    view, lists = await subscribe(registry, make(transport=transport))
    names = transport.names()
    await put_instances(client, *"abcdefghij")
    await lists.until("abcdefghij")
    assert transport.names() == names
    assert all(set(before) < set(after) for before, after in zip(lists.seen, lists.seen[1:], strict=False))
    await settle(view.close())


# --- handlers


async def test_a_slow_handler_receives_the_last_list(face, client, registry, monkeypatch):
    monkeypatch.setattr("etcd_factory.registry.view.LIMIT", 2)
    _, lists = await subscribe(registry, client)
    seen, begun, released = [], threading.Event(), threading.Event()

    def slow(instances):
        seen.append(ids(instances))
        begun.set()
        assert released.wait(BOUND)

    (await settle(registry(client).subscribe("user"))).on("change", face.handler(slow))
    await put_instances(client, "a")
    assert await asyncio.to_thread(begun.wait, BOUND)
    await put_instances(client, *"bcdefgh")
    await lists.until("abcdefgh")
    released.set()
    await in_time(until(lambda: seen[-1] == "abcdefgh"))
    assert len(seen) < 8


async def test_handlers_may_use_the_registry_and_close_the_view(client, registry, face, recorder):
    async def change(_):
        await settle(registry(client).register("other", "x"))
        await settle(view.close())
        recorder("done")

    def blocking(_):
        registry(client).register("other", "x")
        view.close()
        recorder("done")

    view = await settle(registry(client).subscribe("user"))
    view.on("change", blocking if face.is_blocking else change)
    await register(registry, client, "a")
    await recorder.until("done")
    assert await discovered(registry, client, "other") == "x"


# --- losses


@pytest.mark.anchor("registry-d10")
async def test_instances_deleted_by_hand_stay_until_all_are_back(client, registry):
    """Midway's list is empty at once."""
    await register(registry, client, "a", "b")
    view, lists = await subscribe(registry, client)
    await settle(client.delete().prefix("services/"))
    await register(registry, client, "c")
    await lists.until("abc")
    assert lists.seen == ["ab", "abc"]
    assert view.pick() in view.instances


@pytest.mark.anchor("registry-d10")
@pytest.mark.parametrize(("threshold", "shown"), [(0.0, "c"), (0.3, "c"), (0.5, "abc"), (1.0, "abc"), (None, "c")])
async def test_a_loss_below_the_threshold_is_held_back(client, registry, caught_up, threshold, shown):
    await put_instances(client, *"abc")
    view, _ = await subscribe(registry, client, threshold=threshold, hold=LONG)
    await settle(client.txn().then(ops.delete().key("services/user/a"), ops.delete().key("services/user/b")).commit())
    await caught_up()
    assert ids(view.instances) == shown


@pytest.mark.anchor("registry-d10")
async def test_instances_that_do_not_come_back_are_removed_after_the_hold(client, registry):
    await put_instances(client, *"abc")
    _, lists = await subscribe(registry, client, hold=0.2)
    await settle(client.delete().prefix("services/"))
    await lists.until("")
    assert lists.seen == ["abc", ""]


async def test_views_with_different_thresholds_do_not_disturb_each_other(client, registry, caught_up):
    await put_instances(client, *"abc")
    _, believing = await subscribe(registry, client, threshold=None)
    careful, _ = await subscribe(registry, client, hold=LONG)
    await settle(client.delete().prefix("services/"))
    await believing.until("")
    await caught_up()
    assert ids(careful.instances) == "abc"


@pytest.mark.parametrize("invalid", ["0.5", -1, 1.1, float("nan"), True], ids=str)
async def test_a_threshold_is_a_share(client, registry, invalid):
    for follow in (registry(client).subscribe, partial(registry(client).watch, handler=print)):
        with pytest.raises(ValueError, match="threshold must be a number from 0 to 1"):
            await settle(follow("user", threshold=invalid))


# --- beginning and ending


@pytest.mark.anchor("registry-d9")
async def test_views_of_one_service_share_one_watch(face, make, registry, fragile):
    client = make(hosts=[fragile.endpoint])
    own = registry(client)
    views = await asyncio.gather(*[face.begin(partial(own.subscribe, "user")) for _ in range(16)])
    await until_metric(fragile, WATCHERS, 1)
    await asyncio.gather(*[face.begin(view.close) for view in views[1:]])
    await register(registry, client, "a")
    await in_time(until(lambda: ids(views[0].instances) == "a"))
    assert [view.instances for view in views[1:]] == [()] * 15
    await settle(views[0].close())
    await until_metric(fragile, WATCHERS, 1)  # that of the registration


async def test_a_closed_view_keeps_its_list_and_reports_no_changes(client, registry):
    await register(registry, client, "a")
    (view, lists), (_, others) = await subscribe(registry, client), await subscribe(registry, client)
    await settle(view.close())
    await settle(view.close())
    await register(registry, client, "b")
    await others.until("ab")
    assert (ids(view.instances), lists.seen) == ("a", ["a"])


async def test_closing_the_client_ends_its_views_and_leaves_nothing_running(make, registry):
    before, client = threads(), make()
    view, _ = await subscribe(registry, client)
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await subscribe(registry, client)
    await settle(view.close())
    await nothing_left(before)
