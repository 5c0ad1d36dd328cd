"""Traces and metrics by OpenTelemetry: ``instrument(factory)``, or one client.

A call is one span, with its attempts as events; a watch one while it begins, and each call of its handlers another,
with a link to it. Names follow the semantic conventions of RPC and database clients. No key, value or secret is
recorded, nor the text of an error, which may have one: with ``keys=True`` the keys of gets, puts and deletes are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from time import time_ns
from typing import Any
from weakref import WeakKeyDictionary

from etcd_factory.errors import EtcdError
from etcd_factory.model.activity import (
    Activity,
    Attempt,
    Call,
    Callback,
    Connected,
    Delivered,
    LeaseLost,
    LeaseRenewed,
    Status,
    Watching,
)

from .targets import Target, attach

try:
    from opentelemetry import metrics, trace
    from opentelemetry.context import Context
except ImportError as error:
    advice = "pip install 'etcd-factory[opentelemetry]'"
    raise ImportError(f"etcd_factory.integrations.opentelemetry needs opentelemetry-api: {advice}") from error

__all__ = ["instrument"]

Attributes = Mapping[str, Any]

SCOPE = "etcd_factory"
SCHEMA = "https://opentelemetry.io/schemas/1.40.0"  # of the attributes' names
CLIENT = trace.SpanKind.CLIENT  # looked up once: an enumeration takes time for it
SECOND = 1_000_000_000  # ns
WATCH = "etcdserverpb.Watch/Watch"
WATCHING = {
    "rpc.system.name": "grpc",
    "rpc.method": WATCH,
    "db.system.name": "etcd",
    "db.operation.name": "Watch",
}
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


def instrument(
    etcd: Target,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
    keys: bool = False,
) -> Callable[[], None]:
    """Trace and measure a client, or all clients of a factory, also later ones; returns a function that ends that.

    Without providers the global ones are used, also if they are set later. With ``keys`` the spans of gets, puts and
    deletes have the key, or where the range begins, as ``etcd.key``: keys may be confidential.
    """
    tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider, schema_url=SCHEMA)
    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider, schema_url=SCHEMA)
    instruments = Instruments(meter)
    return attach(etcd, lambda name: Instrumentation(tracer, instruments, name, keys=keys).hook)


class Instruments:
    """What is measured."""

    def __init__(self, meter: metrics.Meter) -> None:
        histogram = meter.create_histogram
        self.duration = histogram(
            "db.client.operation.duration", "s", "Duration of calls", explicit_bucket_boundaries_advisory=BOUNDS
        )
        self.lag = histogram(
            "etcd.client.watch.lag",
            "s",
            "How long events of watches wait for their reader",
            explicit_bucket_boundaries_advisory=BOUNDS,
        )
        counter = meter.create_counter
        self.retries = counter("etcd.client.retries", "{attempt}", "Attempts that followed a failed one")
        self.reconnections = counter("etcd.client.reconnections", "{connection}", "Streams that work again")
        self.events = counter("etcd.client.watch.events", "{event}", "Events that were read or passed to handlers")
        self.renewals = counter("etcd.client.lease.renewals", "{renewal}", "Renewals of leases in the background")
        self.losses = counter("etcd.client.lease.losses", "{lease}", "Leases that were kept alive and are gone")


class Instrumentation:
    """Traces and measures one client."""

    def __init__(self, tracer: trace.Tracer, instruments: Instruments, name: str | None, *, keys: bool) -> None:
        self._tracer, self._to, self._keys = tracer, instruments, keys
        self._name = name
        self._named = named(name)
        self._watches: WeakKeyDictionary[object, trace.SpanContext] = WeakKeyDictionary()
        self._actions: dict[type[Any], Callable[[Any], object]] = {
            Call: self._called,
            Connected: self._connected,
            Watching: self._watching,
            Delivered: self._delivered,
            Callback: self._callback,
            LeaseRenewed: lambda _: self._to.renewals.add(1, self._named),
            LeaseLost: lambda _: self._to.losses.add(1, self._named),
        }

    def hook(self, activity: Activity) -> object:
        """Record what has happened; returns the span of what is about to happen."""
        action = self._actions.get(type(activity))
        return None if action is None else action(activity)

    # --- calls

    def _called(self, call: Call) -> None:
        end = time_ns()
        start = end - int(call.duration * SECOND)
        error: Any = call.error  # mypy takes no class for hashable
        attributes = described(call.service, call.method, call.endpoint, call.code, error, self._name)
        self._to.duration.record(call.duration, attributes)
        if len(call.attempts) > 1:
            self._to.retries.add(call.retries, attributes)
        if self._keys and call.key is not None:
            attributes = {**attributes, "etcd.key": call.key.decode(errors="backslashreplace")}
        name = attributes["rpc.method"]
        span = self._tracer.start_span(name, None, CLIENT, attributes, None, start)
        if span.is_recording():
            add_attempts(span, call, start)
        span.end(end)

    # --- streams

    def _connected(self, connected: Connected) -> None:
        if connected.again:
            where = {"etcd.stream": connected.stream, **server(connected.endpoint), **self._named}
            self._to.reconnections.add(1, where)

    @contextmanager
    def _watching(self, watching: Watching) -> Generator[None, None, None]:
        """Trace how a watch begins; not as the current span, for that of its task would be it for ever."""
        attributes = {**WATCHING, **self._named}
        span = self._tracer.start_span(WATCH, kind=trace.SpanKind.CLIENT, attributes=attributes)
        self._watches[watching.watch] = span.get_span_context()
        with failing(span):
            yield

    def _delivered(self, delivered: Delivered) -> None:
        self._to.lag.record(delivered.lag, self._named)
        self._to.events.add(delivered.events, self._named)

    @contextmanager
    def _callback(self, callback: Callback) -> Generator[None, None, None]:
        """Trace the handlers: a trace of its own, with a link to where the watch began."""
        began = self._watches.get(callback.watch)
        attributes = {"db.system.name": "etcd", "etcd.watch.events": callback.events, **self._named}
        span = self._tracer.start_span(
            "etcd watch callback",
            Context(),
            trace.SpanKind.CONSUMER,
            attributes,
            [trace.Link(began)] if began is not None and began.is_valid else None,
        )
        with failing(span), trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield


@contextmanager
def failing(span: trace.Span) -> Generator[None, None, None]:
    """End a span with the block, and note the class of what is raised there."""
    try:
        yield
    except BaseException as error:
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()


# --- attributes


def named(name: str | None) -> dict[str, Any]:
    """Return the name of a client of a factory."""
    return {} if name is None else {"etcd.client.name": name}


@lru_cache(1024)
def described(
    service: str, method: str, endpoint: str, code: Status, error: type[BaseException] | None, name: str | None
) -> Attributes:
    """Return the attributes of a call: few calls differ, and to put them together takes longer than to look them up."""
    return {
        "rpc.system.name": "grpc",
        "rpc.method": f"etcdserverpb.{service}/{method}",
        "db.system.name": "etcd",
        "db.operation.name": method,
        **server(endpoint),
        **outcome(code, error),
        **named(name),
    }


@lru_cache(1024)
def server(endpoint: str) -> Attributes:
    """Return the address of a host, and its port if it has one: a socket has a path."""
    address, _, port = endpoint.rpartition(":")
    if not port.isdigit():
        return {"server.address": endpoint} if endpoint else {}
    return {"server.address": address.strip("[]"), "server.port": int(port)}


def outcome(code: Status, error: type[BaseException] | None) -> dict[str, Any]:
    """Return the status, and what it failed with: that status, or where it is none of etcd's the class of the error."""
    status = str.__str__(code)
    if error is None:
        return {"rpc.response.status_code": status}
    return {
        "rpc.response.status_code": status,
        "error.type": status if issubclass(error, EtcdError) else error.__qualname__,
    }


def add_attempts(span: trace.Span, call: Call, start: int) -> None:
    """Add the attempts of a call to its span, and whether it failed. One that succeeded alone is as the span says."""
    if call.error is None and len(call.attempts) == 1:
        span.add_event("attempt", None, start + int(call.attempts[0].start * SECOND))
        return
    for number, attempt in enumerate(call.attempts, 1):
        span.add_event("attempt", attempted(number, attempt), start + int(attempt.start * SECOND))
    if call.error is not None:
        span.set_status(trace.StatusCode.ERROR)


def attempted(number: int, attempt: Attempt) -> Attributes:
    """Return the attributes of one attempt."""
    common = {"etcd.attempt": number, "etcd.attempt.duration": attempt.duration}
    return {**common, **server(attempt.endpoint), **outcome(attempt.code, attempt.error)}
