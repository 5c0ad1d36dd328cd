"""What a client does, as a hook, OpenTelemetry and Prometheus see it.

Starts its own etcd; needs pip install 'etcd-factory[server,opentelemetry,prometheus]' opentelemetry-sdk. The spans are
kept in memory here; a program exports them, and serves the metrics by prometheus_client.start_http_server(9000).
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from etcd_factory import Activity, Call, ETCDServiceFactory
from etcd_factory.integrations.opentelemetry import instrument
from etcd_factory.integrations.prometheus import collect
from etcd_factory.testing import EtcdServer


def show(activity: Activity) -> None:
    """Show each call, and how it ended."""
    if isinstance(activity, Call):
        print(f"hook    {activity.method:8}{activity.code}")


def main() -> None:
    """Make two calls, and show what was seen of them."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with EtcdServer() as server, ETCDServiceFactory({"clients": {"users": {"hosts": server.endpoint}}}) as factory:
        instrument(factory)
        collect(factory)
        etcd = factory.get("users")
        etcd.on_call(show)
        etcd.put("ann").value("ann@example.org")
        with trace.get_tracer("shop").start_as_current_span("order"):
            etcd.get("ann").string()
    for span in exporter.get_finished_spans():
        print(f"span    {span.name}{'' if span.parent is None else ', in that of the order'}")
    labels = {"client": "users", "method": "Put", "code": "OK"}
    print("metric ", REGISTRY.get_sample_value("etcd_client_call_duration_seconds_count", labels), "put")


if __name__ == "__main__":
    main()
