"""Picking instances from views: each view has its own balancer, and only usable instances are picked."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest

from etcd_factory import errors
from tests.support.faces import settle
from tests.support.registering import ids, register, subscribe


@pytest.mark.anchor("registry-p6", "registry-d13")
async def test_each_view_takes_its_own_turns_and_lists_may_shrink(client, registry):
    """Midway has one index for all services, and returns ``undefined`` if a list is shorter."""
    made = await register(registry, client, *"abcde")
    await settle(registry(client).register("other", "x"))
    view, lists = await subscribe(registry, client)
    other = await settle(registry(client).subscribe("other"))
    assert ids(view.pick() for _ in range(4)) == "abcd"
    assert ids(other.pick() for _ in range(3)) == "xxx"
    for one in made[2:]:
        await settle(one.deregister())
    await lists.until("ab")
    assert Counter(view.pick().id for _ in range(4)) == {"a": 2, "b": 2}


async def test_without_an_instance_the_error_says_what_is_missing(client, registry):
    view = await settle(registry(client).subscribe("user", tags=["web", "blue"]))
    with pytest.raises(errors.NoInstanceError, match="no instance of 'user' is up with the tags blue, web") as caught:
        view.pick()
    assert isinstance(caught.value, LookupError)


async def test_paused_instances_are_not_picked(client, registry):
    one, _ = await register(registry, client, "a", "b")
    view, lists = await subscribe(registry, client)
    await settle(one.pause())
    await lists.until("b")
    assert ids(view.pick() for _ in range(3)) == "bbb"


async def test_a_consistent_hash_picks_by_the_key_and_least_connections_by_uses(client, registry):
    await register(registry, client, *"abc")
    hashed = await settle(registry(client).subscribe("user", load_balancer="consistent_hash"))
    assert hashed.pick("k") is hashed.pick("k")
    least = await settle(registry(client).subscribe("user", load_balancer="least_connections"))
    with least.use() as one, least.use() as other:
        assert least.pick().id not in (one.id, other.id)


@pytest.mark.parametrize("name", ["round_robin", "p2c", "least_connections"])
async def test_an_instance_that_fails_is_not_picked_for_a_while(client, registry, name):
    await register(registry, client, *"abc")
    view = await settle(registry(client).subscribe("user", balancer=name, outlier={"failures": 2}))
    while not view.ejected:
        with suppress(OSError), view.use() as instance:
            if instance.id == "b":
                raise OSError("refused")
    assert ids(view.ejected) == "b"
    assert "b" not in {view.pick().id for _ in range(50)}


async def test_a_call_goes_to_the_next_instance_if_one_fails(client, registry, face):
    await register(registry, client, *"abc")
    view = await settle(registry(client).subscribe("user", balancer="p2c"))
    seen = []

    def call(instance):
        seen.append(instance.id)
        if len(seen) < 3:
            raise OSError("refused")
        return instance.id

    async def call_later(instance):
        return call(instance)

    fn = call if face.is_blocking else call_later
    assert await settle(view.call(fn, attempts=3)) == seen[-1]
    assert sorted(seen) == ["a", "b", "c"]


async def test_instances_of_the_own_zone_are_preferred_until_there_are_none(client, registry):
    zones = {"a": "x", "b": "y"}
    near, _ = [await settle(registry(client).register("user", name, {"zone": zone})) for name, zone in zones.items()]
    view, lists = await subscribe(registry, client, zone="x")
    assert ids(view.pick() for _ in range(3)) == "aaa"
    await settle(near.deregister())
    await lists.until("b")
    assert view.pick().id == "b"


async def test_a_function_may_choose_and_unknown_names_are_refused(client, registry):
    await register(registry, client, *"abc")
    last = registry(client, load_balancer=lambda instances, key: instances[-1])
    assert (await settle(last.subscribe("user"))).pick().id == "c"
    with pytest.raises(ValueError, match="load_balancer: expected one of round_robin"):
        registry(client, load_balancer="robin")
    with pytest.raises(ValueError, match="load_balancer: expected one of round_robin"):
        await settle(registry(client).subscribe("user", load_balancer="robin"))
