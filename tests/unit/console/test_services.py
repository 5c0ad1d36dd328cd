from __future__ import annotations

import json

import pytest

from etcd_factory.registry import ServiceRegistry


@pytest.fixture
def registry(etcd):
    return ServiceRegistry(etcd)


async def test_services_with_their_instances(page, registry):
    with registry.register("a", "1", {"zone": "<b>"}, host="::1", port=80), registry.register("b", "x", tags=["t"]):
        _, found = await page("services")
        assert found["services"] == ["a", "b"]
        assert "p2c" in found["balancers"]
        _, first = await page("instances", service="a")
        _, other = await page("instances", service="b")
    (one,) = first["instances"]
    assert (one["id"], one["address"], one["status"], one["metadata"]) == ("1", "[::1]:80", "up", '{"zone": "<b>"}')
    assert [(one["address"], one["tags"], one["metadata"]) for one in other["instances"]] == [(None, ["t"], "")]


async def test_picks_go_on_where_the_balancer_was(page, registry):
    with registry.register("a", "1"), registry.register("a", "2"), registry.register("a", "3"):
        picks = [(await page("pick", service="a"))[1]["id"] for _ in range(6)]
        hashed = {(await page("pick", service="a", balancer="consistent_hash", key="k"))[1]["id"] for _ in range(5)}
    assert sorted(picks) == ["1", "1", "2", "2", "3", "3"]
    assert len(hashed) == 1


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"service": "none"}, 502, "no instance of 'none' is up"),
        ({"service": ""}, 400, "a service's name must not be empty"),
        ({"service": "a", "balancer": "rond_robin"}, 400, "did you mean 'round_robin'?"),
    ],
)
async def test_what_cannot_be_picked_is_said(page, given, status, words):
    found, body = await page("pick", **given)
    assert (found, words in body["error"]) == (status, True)


async def test_what_json_does_not_have_is_shown_as_it_is(page, etcd):
    """Somebody else's registration may have anything in it."""
    etcd.put("services/a/1").value('{"host": "\\ud800", "metadata": {"x": NaN}}')
    _, found = await page("instances", service="a")
    (one,) = found["instances"]
    assert (one["host"], one["metadata"]) == ("\ud800", '{"x": NaN}')
    assert json.dumps(found)
