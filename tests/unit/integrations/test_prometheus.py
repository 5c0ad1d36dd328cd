"""Metrics, as prometheus_client serves them."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.integrations.prometheus import collect
from etcd_factory.testing import StreamScript, replies
from tests.support.faces import closed, failure, settle


@pytest.fixture
def registry():
    return CollectorRegistry()


async def test_calls_attempts_and_retries_are_counted_and_calls_timed(connect, registry):
    client, _ = connect([replies.refused(), replies.put()], hosts=["a:1", "b:1"])
    collect(client, registry)
    await settle(client.put("hidden").value("hidden"))
    put = {"client": "", "method": "Put"}
    value = registry.get_sample_value
    assert value("etcd_client_call_duration_seconds_count", {**put, "code": "OK"}) == 1
    assert value("etcd_client_call_duration_seconds_bucket", {**put, "code": "OK", "le": "10.0"}) == 1
    assert value("etcd_client_attempts_total", {**put, "endpoint": "a:1", "code": "UNAVAILABLE"}) == 1
    assert value("etcd_client_attempts_total", {**put, "endpoint": "b:1", "code": "OK"}) == 1
    assert value("etcd_client_retries_total", put) == 1
    assert b"hidden" not in generate_latest(registry)


async def test_streams_leases_and_watches_are_counted(connect, registry, recorder):
    answers = [replies.of("LeaseKeepAlive", ID=7, TTL=1), replies.lost()]
    answers += [replies.of("LeaseKeepAlive", ID=7, TTL=ttl) for ttl in (1, 0)]
    renewals = StreamScript(reply=lambda request: answers.pop(0))
    watch = replies.watch(replies.events(replies.put_event("a", "v"), replies.put_event("b", "v")))
    client, _ = connect({"LeaseGrant": replies.lease(7, ttl=1), "LeaseKeepAlive": renewals, "Watch": watch})
    collect(client, registry)
    await settle(recorder.on(client.watch(), "data").create())
    await settle(recorder.on(client.lease(1), "lost").grant())
    await recorder.until("data")
    await recorder.until("lost")
    value, lease = registry.get_sample_value, {"client": "", "stream": "lease"}
    assert value("etcd_client_stream_up", lease) == 1
    assert value("etcd_client_disconnections_total", lease) == 1
    assert value("etcd_client_reconnections_total", lease) == 1
    assert value("etcd_client_reconnections_total", {"client": "", "stream": "watch"}) == 0
    assert value("etcd_client_lease_renewals_total", {"client": ""}) == 2
    assert value("etcd_client_lease_losses_total", {"client": ""}) == 1
    assert value("etcd_client_watch_lag_seconds_count", {"client": ""}) == 1
    assert value("etcd_client_watch_events_total", {"client": ""}) == 2


@pytest.mark.parametrize("kind", [ETCDServiceFactory, AsyncETCDServiceFactory])
async def test_clients_of_factories_in_one_registry_are_told_apart_by_their_names(kind, registry):
    clients = {"hosts": "127.0.0.1:1", "timeout": 0.01}
    factories = [kind({"clients": {name: clients}}) for name in ("x", "y")]
    one, other = [collect(factory, registry) for factory in factories]
    assert one is other
    for factory in factories:
        await failure(lambda factory=factory: factory.get().put("k").value("v"))
        await closed(factory)
    found = {sample.labels["client"] for metric in one.collect() for sample in metric.samples}
    assert found == {"x", "y"}


async def test_the_registry_of_the_process_is_the_default(connect):
    from prometheus_client import REGISTRY

    client, _ = connect([])
    for _ in range(2):  # again after its user has taken it out
        collector = collect(client)
        try:
            assert b"etcd_client_lease_renewals_total" in generate_latest(REGISTRY)
        finally:
            REGISTRY.unregister(collector)


def test_metrics_of_others_with_the_same_names_are_an_error_and_no_collector_is_kept(registry):
    Counter("etcd_client_retries", "Of others", registry=registry)
    with ETCDServiceFactory() as factory:
        for _ in range(2):
            with pytest.raises(ValueError, match="Duplicated timeseries"):
                collect(factory, registry)
