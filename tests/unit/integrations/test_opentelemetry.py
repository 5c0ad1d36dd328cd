"""Spans and metrics, as OpenTelemetry's SDK collects them."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory, errors
from etcd_factory.integrations.opentelemetry import instrument, outcome, server
from etcd_factory.testing import StreamScript, replies
from tests.support.faces import failure, settle

RPC = {"rpc.system.name": "grpc", "db.system.name": "etcd", "server.port": 1}
PUT = {**RPC, "rpc.method": "etcdserverpb.KV/Put", "db.operation.name": "Put", "server.address": "a"}


class Telemetry:
    """Providers, and what they have collected."""

    def __init__(self):
        self.exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)

    def instrument(self, etcd, **options):
        return instrument(etcd, tracer_provider=self.tracers, meter_provider=self.meters, **options)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def points(self, name):
        """The data points of a metric: attributes and value, of a histogram the count."""
        found = self._reader.get_metrics_data()
        metrics = [m for r in found.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        points = [point for metric in metrics for point in metric.data.data_points]
        return [(dict(point.attributes), getattr(point, "count", getattr(point, "value", None))) for point in points]

    def shutdown(self):
        self.tracers.shutdown()
        self.meters.shutdown()


@pytest.fixture
def telemetry():
    made = Telemetry()
    yield made
    made.shutdown()


async def test_a_call_is_a_client_span_by_the_conventions(connect, telemetry):
    client, _ = connect([replies.put()], hosts=["a:1"])
    telemetry.instrument(client)
    await settle(client.put("k").value("hidden"))
    (span,) = telemetry.spans
    assert (span.name, span.kind) == ("etcdserverpb.KV/Put", trace.SpanKind.CLIENT)
    assert dict(span.attributes) == {**PUT, "rpc.response.status_code": "OK"}
    assert [event.name for event in span.events] == ["attempt"]
    assert span.status.status_code is trace.StatusCode.UNSET
    assert span.start_time <= span.events[0].timestamp <= span.end_time


async def test_attempts_are_events_each_with_its_host_and_status(connect, telemetry):
    client, _ = connect([replies.refused(), replies.put()], hosts=["a:1", "b:1"])
    telemetry.instrument(client)
    await settle(client.put("k").value("v"))
    (span,) = telemetry.spans
    assert span.attributes["server.address"] == "b"
    first, second = [{**event.attributes} for event in span.events]
    assert first.pop("etcd.attempt.duration") >= 0
    assert second.pop("etcd.attempt.duration") >= 0
    failed = {"rpc.response.status_code": "UNAVAILABLE", "error.type": "UNAVAILABLE"}
    assert first == {"etcd.attempt": 1, "server.address": "a", "server.port": 1, **failed}
    assert second == {"etcd.attempt": 2, "server.address": "b", "server.port": 1, "rpc.response.status_code": "OK"}
    assert [value for _, value in telemetry.points("etcd.client.retries")] == [1]


async def test_a_call_that_fails_is_an_error_by_its_status_without_its_text(connect, telemetry):
    client, _ = connect([replies.server_error("etcdserver: requested lease not found")], hosts=["a:1"])
    telemetry.instrument(client)
    await failure(lambda: client.put("hidden").lease(1).value("hidden"))
    (span,) = telemetry.spans
    status = {"rpc.response.status_code": "NOT_FOUND", "error.type": "NOT_FOUND"}
    assert dict(span.attributes) == {**PUT, **status}
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, None)
    assert "hidden" not in span.to_json()


async def test_a_span_belongs_to_the_callers(connect, telemetry):
    client, _ = connect([replies.put()])
    telemetry.instrument(client)
    with telemetry.tracers.get_tracer("t").start_as_current_span("request") as request:
        await settle(client.put("k").value("v"))
    assert telemetry.spans[0].parent == request.get_span_context()


async def test_keys_are_recorded_only_if_asked_for_and_values_and_passwords_never(connect, telemetry):
    script = {"Authenticate": replies.of("Authenticate", token="secret"), "Put": [replies.put(), replies.put()]}
    client, _ = connect(script, auth={"username": "root", "password": "secret"})
    end = telemetry.instrument(client)
    await settle(client.put("hidden").value("secret"))
    end()
    telemetry.instrument(client, keys=True)
    await settle(client.put(b"shown\xff").value("secret"))
    texts = [span.to_json() for span in telemetry.spans]
    assert [span.name.partition("/")[2] for span in telemetry.spans] == ["Authenticate", "Put", "Put"]
    assert not any("hidden" in text or "secret" in text for text in texts)
    assert telemetry.spans[-1].attributes["etcd.key"] == "shown\\xff"


async def test_handlers_are_traced_apart_with_a_link_to_the_watch_and_what_they_call_is_theirs(
    connect, face, telemetry, recorder
):
    client, _ = connect({"Watch": replies.watch(replies.put_event("k", "hidden")), "Put": replies.put()})
    telemetry.instrument(client)

    async def later(event):
        await client.put("other").value("v")
        recorder("called")

    def now(event):
        client.put("other").value("v")
        recorder("called")

    await settle(
        client.watch()
        .key("k")
        .on("put", now if face.is_blocking else later)
        .on("data", recorder.handler("data"))
        .create()
    )
    await recorder.until("data")
    await settle(client.namespace("x").put("k").value("v"))  # the span of the handlers has ended when this one has
    spans = {span.name: span for span in telemetry.spans[:3]}
    began, put, called = spans["etcdserverpb.Watch/Watch"], spans["etcdserverpb.KV/Put"], spans["etcd watch callback"]
    assert (called.kind, called.parent, called.attributes["etcd.watch.events"]) == (trace.SpanKind.CONSUMER, None, 1)
    assert [link.context for link in called.links] == [began.context]
    assert put.parent == called.context
    assert "hidden" not in called.to_json()
    assert [value for _, value in telemetry.points("etcd.client.watch.lag")] == [1]
    assert [value for _, value in telemetry.points("etcd.client.watch.events")] == [1]


async def test_a_handler_that_raises_makes_its_span_an_error_without_the_text(connect, telemetry, recorder):
    def broken(event):
        raise KeyError("hidden")

    client, _ = connect({"Watch": replies.watch(replies.put_event("k", "v")), "Put": replies.put()})
    telemetry.instrument(client)
    watch = client.watch().on("put", broken)
    await settle(recorder.on(watch, "data").create())
    await recorder.until("data")
    await settle(client.put("k").value("v"))
    (span,) = [span for span in telemetry.spans if span.name == "etcd watch callback"]
    assert (span.attributes["error.type"], span.status.status_code) == ("KeyError", trace.StatusCode.ERROR)
    assert "hidden" not in span.to_json()


async def test_leases_and_streams_are_counted(connect, telemetry, recorder):
    answers = [replies.of("LeaseKeepAlive", ID=7, TTL=1), replies.lost()]
    answers += [replies.of("LeaseKeepAlive", ID=7, TTL=ttl) for ttl in (1, 0)]
    script = StreamScript(reply=lambda request: answers.pop(0))
    client, _ = connect({"LeaseGrant": replies.lease(7, ttl=1), "LeaseKeepAlive": script})
    telemetry.instrument(client)
    lease = recorder.on(client.lease(1), "lost")
    await settle(lease.grant())
    await recorder.until("lost")
    where = {"etcd.stream": "lease", "server.address": "127.0.0.1", "server.port": 2379}
    assert telemetry.points("etcd.client.reconnections") == [(where, 1)]
    assert telemetry.points("etcd.client.lease.renewals") == [({}, 2)]
    assert telemetry.points("etcd.client.lease.losses") == [({}, 1)]


async def test_calls_are_measured_by_the_conventions(connect, telemetry):
    client, _ = connect([replies.put(), replies.put()], hosts=["a:1"])
    telemetry.instrument(client)
    await settle(client.put("k").value("v"))
    await settle(client.put("k").value("v"))
    assert telemetry.points("db.client.operation.duration") == [({**PUT, "rpc.response.status_code": "OK"}, 2)]


@pytest.mark.parametrize("kind", [ETCDServiceFactory, AsyncETCDServiceFactory])
async def test_clients_of_a_factory_are_told_apart_by_their_names(kind, telemetry):
    factory = kind({"clients": {"x": {"hosts": "127.0.0.1:1", "timeout": 0.01}}})
    telemetry.instrument(factory)
    await failure(lambda: factory.get("x").get("k").string())
    assert [span.attributes["etcd.client.name"] for span in telemetry.spans] == ["x"]
    assert await settle(factory.aclose() if kind is AsyncETCDServiceFactory else factory.close()) is None


async def test_without_an_sdk_nothing_is_recorded_and_nothing_fails(connect, caplog):
    client, _ = connect([replies.put()])
    instrument(client)
    assert (await settle(client.put("k").value("v"))).revision == 1
    assert "hook" not in caplog.text


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("a:1", {"server.address": "a", "server.port": 1}),
        ("[::1]:2379", {"server.address": "::1", "server.port": 2379}),
        ("/run/etcd.sock", {"server.address": "/run/etcd.sock"}),
        ("", {}),
    ],
)
def test_a_server_has_an_address_and_if_it_is_no_socket_a_port(endpoint, expected):
    assert server(endpoint) == expected


def test_what_is_no_status_of_etcd_is_an_error_by_its_class():
    found = outcome(errors.Code.UNKNOWN, ValueError)
    assert found == {"rpc.response.status_code": "UNKNOWN", "error.type": "ValueError"}
