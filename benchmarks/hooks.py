"""What hooks cost: a client without any, one whose hooks have ended, and one with OpenTelemetry's traces on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .cases import CALLS, Call, arepeat, repeat
from .measure import Bar, timed
from .world import KEY, VALUE, Case, Sides, World

Prepare = Callable[[Any], object]


def ended(etcd: Any) -> None:
    """Give a client a hook, and end it."""
    etcd.on_call(ignore)()


def hooked(etcd: Any) -> None:
    """Give a client a hook that does nothing."""
    etcd.on_call(ignore)


def ignore(activity: object) -> None:
    """Do nothing."""


def traced(etcd: Any, *, batch: bool = False) -> None:
    """Trace a client by OpenTelemetry's SDK; its spans are dropped, with ``batch`` on their way to an exporter."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from etcd_factory.integrations.opentelemetry import instrument

    provider, exporter = TracerProvider(), InMemorySpanExporter()
    exporter.shutdown()  # it keeps nothing from now on
    if batch:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    instrument(etcd, tracer_provider=provider)


def spanned(etcd: Any) -> None:
    """Have OpenTelemetry's SDK make for each call a span as ours, of constants: what no integration can save."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind

    from etcd_factory.integrations.opentelemetry import described

    tracer, kind = TracerProvider().get_tracer("benchmark"), SpanKind.CLIENT
    attributes = described("KV", "Range", "127.0.0.1:2379", "OK", None, None)

    def hook(activity: object) -> None:
        del activity
        span = tracer.start_span("etcdserverpb.KV/Range", None, kind, attributes, None, 1)
        span.add_event("attempt", None, 1)
        span.end(2)

    etcd.on_call(hook)


PREPARE: dict[str, Prepare] = {
    "no hook": ignore,
    "hook ended": ended,
    "hook": hooked,
    "span alone": spanned,
    "traced": traced,
    "traced, batch": partial(traced, batch=True),
}


def prepared(make: Callable[[], Any], operation: Callable[[Any], Call]) -> dict[str, Call]:
    """Return the call on a client of its own for each side."""
    found = {}
    for name, prepare in PREPARE.items():
        etcd = make()
        prepare(etcd)
        found[name] = operation(etcd)
    return found


def calls(world: World, operation: Callable[[Any], Call]) -> Sides:
    """Return the blocking sides of a call."""
    found = prepared(world.service, operation)
    return {name: timed(partial(repeat, call, CALLS), CALLS) for name, call in found.items()}


def acalls(world: World, operation: Callable[[Any], Call]) -> Sides:
    """Return the asyncio sides of a call."""
    found = prepared(world.aservice, operation)
    return {name: timed(world.runner(arepeat, call, CALLS), CALLS) for name, call in found.items()}


def get(etcd: Any) -> Call:
    """Return a read."""
    return lambda: etcd.get(KEY).string()


def put(etcd: Any) -> Call:
    """Return a write."""
    return lambda: etcd.put(KEY).value(VALUE)


BARS = (
    Bar("no hook", "cpu µs", 1.01, ours="hook ended"),
    Bar("no hook", "cpu µs", ours="hook"),
    Bar("no hook", "wall µs", 1.15, ours="traced"),
    Bar("no hook", "cpu µs", ours="traced"),
    Bar("span alone", "cpu µs", ours="traced"),
    Bar("no hook", "wall µs", ours="traced, batch"),
    Bar("no hook", "cpu µs", ours="traced, batch"),
)

CASES = {
    "hooks get blocking": Case(lambda world: calls(world, get), BARS),
    "hooks put blocking": Case(lambda world: calls(world, put), BARS),
    "hooks get asyncio": Case(lambda world: acalls(world, get), BARS),
    "hooks put asyncio": Case(lambda world: acalls(world, put), BARS),
}
