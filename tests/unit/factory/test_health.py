from __future__ import annotations

import pytest

from etcd_factory import HealthReport
from etcd_factory.model import Health
from tests.support.boxes import THREE, AsyncBoxes, Boxes, failing
from tests.support.faces import settle


class Unhealthy(Boxes):
    def check_client(self, client, timeout):
        return Health(client.name not in self.unhealthy, latency=timeout)

    unhealthy = ()


class AsyncUnhealthy(AsyncBoxes):
    async def check_client(self, client, timeout):
        return Unhealthy.check_client(self, client, timeout)

    unhealthy = ()


@pytest.fixture(params=[Unhealthy, AsyncUnhealthy])
async def checked(request, opened):
    config = {**THREE, "priority": {"a": "high", "c": "low"}}
    return await opened(request.param(config))


@pytest.mark.anchor("f12")
async def test_health_is_a_mapping_by_name(checked):
    report = await settle(checked.health())
    assert isinstance(report, HealthReport)
    assert (list(report), len(report), "a" in report) == (["a", "b", "c"], 3, True)
    assert [health.priority for health in report.values()] == ["high", "medium", "low"]
    assert report.healthy()
    assert "HealthReport" in repr(report)


@pytest.mark.anchor("f12")
@pytest.mark.parametrize(("unhealthy", "healthy"), [("a", False), ("b", False), ("c", True), ("bc", False), ("", True)])
async def test_a_client_of_low_priority_does_not_count(checked, unhealthy, healthy):
    checked.unhealthy = unhealthy
    report = await settle(checked.health())
    assert report.healthy() is healthy
    assert [name for name, health in report.items() if not health.ok] == list(unhealthy)


async def test_each_health_check_gets_the_timeout(checked):
    assert (await settle(checked.health()))["a"].latency == 1
    assert (await settle(checked.health(timeout=0.5)))["a"].latency == 0.5


async def test_unnamed_clients_are_not_checked(checked):
    await settle(checked.create_instance({}))
    assert list(await settle(checked.health())) == ["a", "b", "c"]


async def test_a_factory_without_checks_is_healthy(make):
    factory = await make({"client": {}})
    assert (await settle(factory.health())).healthy()
    assert (await settle((await make()).health())).healthy()


async def test_a_check_that_raises_is_unhealthy_and_hides_no_other(opened):
    class Failing(Boxes):
        def check_client(self, client, timeout):
            failing("b")(client)
            return Health(True)

    report = (await opened(Failing(THREE))).health()
    assert [name for name, health in report.items() if health.ok] == ["a", "c"]
    assert str(report["b"].error) == "no b"


def test_a_report_of_no_clients_is_healthy():
    assert HealthReport({}).healthy()


@pytest.mark.parametrize(("priority", "healthy"), [("high", False), ("medium", False), ("low", True)])
def test_a_report_counts_clients_by_their_priority(priority, healthy):
    assert HealthReport({"a": Health(False, priority=priority), "b": Health(True)}).healthy() is healthy
