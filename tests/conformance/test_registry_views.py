"""Live views of a service: always current, told in order, never emptied by an accident, each with its own balancer."""

# ruff: noqa: F811  # fixtures of another module are named as arguments here

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from functools import partial

import pytest

from etcd_factory import errors, ops
from etcd_factory.registry import ServiceInstance
from etcd_factory.registry.instances import ServiceInstances
from tests.support.faces import closed, is_async, settle, until
from tests.support.gates import BOUND

from .test_registry import answering, found, ids, registered, registry, told  # noqa: F401
from .test_watch import WATCHERS, comes_to, nothing_left, put, threads

LONG = 60  # seconds, more than a test takes


class Lists:
    """Every list that a view was told, as the ids in it, and first the one that it had."""

    def __init__(self, view):
        self.seen, self._change = [ids(view.instances)], threading.Condition()
        view.on("change", self)

    def __call__(self, instances):
        with self._change:
            self.seen.append(ids(instances))
            self._change.notify_all()

    async def until(self, wanted):
        """Wait for the last list to be this one."""
        assert await asyncio.to_thread(self._wait, wanted), self.seen

    def _wait(self, wanted):
        with self._change:
            return self._change.wait_for(lambda: self.seen[-1] == wanted, BOUND)


async def viewed(registry, client, **options):
    """A view of the service "user", and the lists that it is told."""
    view = await settle(registry(client).subscribe("user", **options))
    return view, Lists(view)


async def written(client, *names):
    """Instances that others have written, which live by no lease."""
    await put(client, *[f"services/user/{name}" for name in names], value='{"metadata": {}, "ttl": 60}')


# --- what is told


async def test_d19_each_change_is_told_with_the_whole_list_in_order(client, registry):
    (one,) = await registered(registry, client, "b")
    _, lists = await viewed(registry, client)
    (other,) = await registered(registry, client, "a")
    await settle(one.pause())
    await settle(one.resume())
    await settle(other.deregister())
    await settle(one.deregister())
    await lists.until("")
    assert lists.seen == ["b", "ab", "a", "ab", "b", ""]


async def test_d19_a_function_is_told_the_list_as_it_is_and_each_change(client, registry):
    (one,) = await registered(registry, client, "a")
    seen = []
    view = await settle(registry(client).watch("user", lambda found: seen.append(ids(found))))
    lists = Lists(view)
    await registered(registry, client, "b")
    await settle(one.pause())
    await lists.until("b")
    assert seen == ["a", "ab", "b"]


async def test_what_is_updated_is_told_and_a_write_of_the_same_is_not(client, registry):
    (one,) = await registered(registry, client, "a")
    view, weights = await settle(registry(client).subscribe("user")), []
    view.on("change", lambda found: weights.append(found[0].weight))
    for weight in (2, 2, 3):
        await settle(one.update(weight=weight))
    await asyncio.wait_for(until(lambda: weights[-1:] == [3]), BOUND)
    assert weights == [2, 3]


async def test_d11_views_go_by_tags_and_status_and_their_lists_are_not_to_be_changed(client, registry, caplog):
    view, lists = await viewed(registry, client, tags=["web"])
    every, _ = await viewed(registry, client, status=None)
    await registered(registry, client, "a", "b", tags=["web", "blue"])
    (other,) = await registered(registry, client, "c")
    await settle(other.pause())
    await settle(client.batch([ops.put("services/user/bad").value("["), ops.put("services/user/d").value("{}")]))
    await asyncio.wait_for(until(lambda: ids(every.instances) == "abcd"), BOUND)
    await lists.until("ab")
    assert isinstance(view.instances, tuple)
    assert "is no instance of a service" in caplog.text


async def test_p4_d5_a_view_has_no_instance_of_a_service_whose_name_goes_on(client, registry):
    _, lists = await viewed(registry, client)
    await settle(registry(client).register("user2", "x"))
    await settle(registry(client).register("user", "a"))
    await lists.until("a")
    assert lists.seen == ["", "a"]


async def test_d6_what_changes_between_its_read_and_its_watch_is_seen(client, registry, monkeypatch):
    """Midway's watch begins some time after its range."""
    read = ServiceInstances.read

    async def hasty(self, **fields):
        reply = await read(self, **fields)
        done.append(await self._run.execute(ops.put("services/user/b").value("{}")))
        return reply

    done = []
    monkeypatch.setattr(ServiceInstances, "read", hasty)
    await written(client, "a")
    view = await settle(registry(client).subscribe("user"))
    await asyncio.wait_for(until(lambda: ids(view.instances) == "ab"), BOUND)
    assert len(done) == 1


async def test_d7_a_change_is_no_new_read(client, make, registry):
    """Midway reads all at each event, and an older answer may come last."""
    own = make()
    view, lists = await viewed(registry, own)
    with answering(own) as answers:
        await written(client, *"abcdefghij")
        await lists.until("abcdefghij")
    assert answers.names["Range"] == answers.names["Txn"] == 0
    assert all(set(before) < set(after) for before, after in zip(lists.seen, lists.seen[1:], strict=False))
    await settle(view.close())


async def test_a_slow_function_gets_the_last_list(client, registry, monkeypatch):
    monkeypatch.setattr("etcd_factory.registry.view.MOST", 2)
    view, lists = await viewed(registry, client)
    seen, begun, free = [], threading.Event(), threading.Event()

    def slow(found):
        seen.append(ids(found))
        begun.set()
        assert free.wait(BOUND)

    quick = await settle(registry(client).subscribe("user"))
    if is_async(view):
        slow = held(slow)
    quick.on("change", slow)
    await written(client, "a")
    assert await asyncio.to_thread(begun.wait, BOUND)
    await written(client, *"bcdefgh")
    await lists.until("abcdefgh")
    free.set()
    await asyncio.wait_for(until(lambda: seen[-1] == "abcdefgh"), BOUND)
    assert len(seen) < 8


def held(function):
    """The same for asyncio, beside the loop."""

    async def call(*args):
        await asyncio.to_thread(function, *args)

    return call


async def test_functions_may_use_the_registry_and_close_the_view(client, registry, face, told):
    async def change(_):
        await settle(registry(client).register("other", "x"))
        await settle(view.close())
        told("done")

    def blocking(_):
        registry(client).register("other", "x")
        view.close()
        told("done")

    view = await settle(registry(client).subscribe("user"))
    view.on("change", blocking if face.name == "blocking" else change)
    await registered(registry, client, "a")
    await told.until("done")
    assert await found(client, registry, "other") == "x"


# --- what is held back


async def test_d10_all_deleted_by_hand_are_kept_until_they_are_back(client, registry):
    """Midway's list is empty at once."""
    await registered(registry, client, "a", "b")
    view, lists = await viewed(registry, client)
    await settle(client.delete().prefix("services/"))
    await registered(registry, client, "c")
    await lists.until("abc")
    assert lists.seen == ["ab", "abc"]
    assert view.pick() in view.instances


@pytest.mark.parametrize(("threshold", "shown"), [(0.0, "c"), (0.3, "c"), (0.5, "abc"), (1.0, "abc"), (None, "c")])
async def test_d10_less_than_the_threshold_is_not_believed(client, registry, threshold, shown):
    await written(client, *"abc")
    view, _ = await viewed(registry, client, threshold=threshold, hold=LONG)
    await settle(client.txn().then(ops.delete().key("services/user/a"), ops.delete().key("services/user/b")).commit())
    await settle(view._roster.wait((await settle(client.get("x").exec())).revision))
    assert ids(view.instances) == shown


async def test_d10_what_does_not_come_back_is_believed_in_the_end(client, registry):
    await written(client, *"abc")
    _, lists = await viewed(registry, client, hold=0.2)
    await settle(client.delete().prefix("services/"))
    await lists.until("")
    assert lists.seen == ["abc", ""]


async def test_views_that_hold_otherwise_do_not_disturb_each_other(client, registry):
    await written(client, *"abc")
    _, believing = await viewed(registry, client, threshold=None)
    careful, _ = await viewed(registry, client, hold=LONG)
    await settle(client.delete().prefix("services/"))
    await believing.until("")
    await settle(careful._roster.wait((await settle(client.get("x").exec())).revision))
    assert ids(careful.instances) == "abc"


@pytest.mark.parametrize("wrong", ["0.5", -1, 1.1, float("nan"), True], ids=str)
async def test_a_threshold_is_a_share(client, registry, wrong):
    for follow in (registry(client).subscribe, partial(registry(client).watch, handler=print)):
        with pytest.raises(ValueError, match="a threshold is a number from 0 to 1"):
            await settle(follow("user", threshold=wrong))


# --- choosing


async def test_p6_d13_turns_are_a_view_s_own_and_lists_may_shrink(client, registry):
    """Midway has one index for all services, and gives ``undefined`` where a list is shorter."""
    made = await registered(registry, client, *"abcde")
    await settle(registry(client).register("other", "x"))
    view, lists = await viewed(registry, client)
    other = await settle(registry(client).subscribe("other"))
    assert ids(view.pick() for _ in range(4)) == "abcd"
    assert ids(other.pick() for _ in range(3)) == "xxx"
    for one in made[2:]:
        await settle(one.deregister())
    await lists.until("ab")
    assert Counter(view.pick().id for _ in range(4)) == {"a": 2, "b": 2}


async def test_where_none_is_there_the_error_says_which(client, registry):
    view = await settle(registry(client).subscribe("user", tags=["web", "blue"]))
    with pytest.raises(errors.NoInstanceError, match="no instance of 'user' is up with the tags blue, web") as caught:
        view.pick()
    assert isinstance(caught.value, LookupError)


async def test_paused_ones_are_not_chosen(client, registry):
    one, _ = await registered(registry, client, "a", "b")
    view, lists = await viewed(registry, client)
    await settle(one.pause())
    await lists.until("b")
    assert ids(view.pick() for _ in range(3)) == "bbb"


async def test_a_consistent_hash_goes_by_the_key_and_least_connections_by_use(client, registry):
    await registered(registry, client, *"abc")
    hashed = await settle(registry(client).subscribe("user", load_balancer="consistent_hash"))
    assert hashed.pick("k") is hashed.pick("k")
    least = await settle(registry(client).subscribe("user", load_balancer="least_connections"))
    with least.use() as one, least.use() as other:
        assert least.pick().id not in (one.id, other.id)


async def test_a_function_chooses_and_wrong_names_are_refused(client, registry):
    await registered(registry, client, *"abc")
    last = registry(client, load_balancer=lambda instances, key: instances[-1])
    assert (await settle(last.subscribe("user"))).pick().id == "c"
    with pytest.raises(ValueError, match="is none of round_robin"):
        registry(client, load_balancer="robin")
    with pytest.raises(ValueError, match="is none of round_robin"):
        await settle(registry(client).subscribe("user", load_balancer="robin"))


# --- beginning and ending


async def test_d9_views_of_one_service_share_one_watch_however_they_begin(face, make, registry, fragile):
    client = make(hosts=[fragile.endpoint])
    own = registry(client)
    views = await asyncio.gather(*[face.begin(partial(own.subscribe, "user")) for _ in range(16)])
    await comes_to(fragile, WATCHERS, 1)
    await asyncio.gather(*[face.begin(view.close) for view in views[1:]])
    await registered(registry, client, "a")
    await asyncio.wait_for(until(lambda: ids(views[0].instances) == "a"), BOUND)
    assert [view.instances for view in views[1:]] == [()] * 15
    await settle(views[0].close())
    await comes_to(fragile, WATCHERS, 1)  # that of the registration


async def test_a_view_that_is_closed_keeps_its_list_and_tells_no_more(client, registry):
    await registered(registry, client, "a")
    (view, lists), (_, others) = await viewed(registry, client), await viewed(registry, client)
    await settle(view.close())
    await settle(view.close())
    await registered(registry, client, "b")
    await others.until("ab")
    assert (ids(view.instances), lists.seen) == ("a", ["a"])


async def test_closing_the_client_ends_its_views_and_leaves_nothing_running(make, registry):
    before, client = threads(), make()
    view, _ = await viewed(registry, client)
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await viewed(registry, client)
    await settle(view.close())
    await nothing_left(before)


async def test_instances_are_equal_to_those_that_are_registered(client, registry):
    (one,) = await registered(registry, client, "a", metadata={"n": 1})
    view, _ = await viewed(registry, client)
    assert view.instances == (one.instance,)
    assert isinstance(view.pick(), ServiceInstance)
