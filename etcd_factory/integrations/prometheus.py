"""Metrics for Prometheus: ``collect(factory)``, or one client, then serve the registry as always.

Each metric has the label ``client``, the name in the factory; empty for a client without a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from etcd_factory.model.activity import (
    Activity,
    Call,
    Connected,
    Delivered,
    Disconnected,
    LeaseLost,
    LeaseRenewed,
    StreamName,
)

from .targets import Target, attach

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    advice = "pip install 'etcd-factory[prometheus]'"
    raise ImportError(f"etcd_factory.integrations.prometheus needs prometheus-client: {advice}") from error

__all__ = ["EtcdCollector", "collect"]

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


def collect(etcd: Target, registry: CollectorRegistry = REGISTRY) -> EtcdCollector:
    """Measure a client, or all clients of a factory, also later ones; returns the collector in the registry.

    There is one collector in a registry, for whatever is measured in it.
    """
    with _guard:
        collector = _collectors.get(registry)
        if collector is None:
            collector = EtcdCollector()
            registry.register(collector)
            _collectors[registry] = collector
        else:
            with suppress(ValueError):  # it is there, unless it was unregistered
                registry.register(collector)
    attach(etcd, lambda name: collector.hook(name or ""))
    return collector


class EtcdCollector(Collector):
    """What clients have done, as metrics."""

    def __init__(self) -> None:
        counter, histogram = _maker(Counter), _maker(Histogram, buckets=BOUNDS)
        called = ("client", "method", "code")
        self._duration = histogram("etcd_client_call_duration_seconds", "Duration of calls", called)
        self._attempts = counter(
            "etcd_client_attempts_total", "Attempts of calls", ("client", "method", "endpoint", "code")
        )
        self._retries = counter(
            "etcd_client_retries_total", "Attempts that followed a failed one", ("client", "method")
        )
        stream = ("client", "stream")
        self._up = _maker(Gauge)("etcd_client_stream_up", "Whether the stream worked when last used", stream)
        self._disconnections = counter("etcd_client_disconnections_total", "Streams that broke", stream)
        self._reconnections = counter("etcd_client_reconnections_total", "Streams that work again", stream)
        self._lag = histogram("etcd_client_watch_lag_seconds", "How long events wait for their reader", ("client",))
        self._events = counter("etcd_client_watch_events_total", "Events that were read or handled", ("client",))
        self._renewals = counter("etcd_client_lease_renewals_total", "Renewals in the background", ("client",))
        self._losses = counter("etcd_client_lease_losses_total", "Leases that are gone", ("client",))

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        for metric in vars(self).values():
            yield from metric.collect()

    def describe(self) -> Iterable[Metric]:
        """Return the metrics, so that the registry refuses others of the same names."""
        return self.collect()

    def hook(self, client: str) -> Callable[[Activity], None]:
        """Return the hook of a client of this name."""
        actions: dict[type[Any], Callable[[str, Any], object]] = {
            Call: self._called,
            Connected: self._connected,
            Disconnected: self._disconnected,
            Delivered: self._delivered,
            LeaseRenewed: lambda client, _: self._renewals.labels(client).inc(),
            LeaseLost: lambda client, _: self._losses.labels(client).inc(),
        }
        for stream in STREAMS:  # a counter that does not exist before the first time has no rate for it
            self._reconnections.labels(client, stream)
            self._disconnections.labels(client, stream)
        for counter in (self._events, self._renewals, self._losses):
            counter.labels(client)

        def hook(activity: Activity) -> None:
            action = actions.get(type(activity))
            if action is not None:
                action(client, activity)

        return hook

    def _called(self, client: str, call: Call) -> None:
        self._duration.labels(client, call.method, str.__str__(call.code)).observe(call.duration)
        for attempt in call.attempts:
            self._attempts.labels(client, call.method, attempt.endpoint, str.__str__(attempt.code)).inc()
        if call.retries:
            self._retries.labels(client, call.method).inc(call.retries)

    def _connected(self, client: str, connected: Connected) -> None:
        self._up.labels(client, connected.stream).set(1)
        if connected.again:
            self._reconnections.labels(client, connected.stream).inc()

    def _disconnected(self, client: str, disconnected: Disconnected) -> None:
        self._up.labels(client, disconnected.stream).set(0)
        self._disconnections.labels(client, disconnected.stream).inc()

    def _delivered(self, client: str, delivered: Delivered) -> None:
        self._lag.labels(client).observe(delivered.lag)
        self._events.labels(client).inc(delivered.events)


STREAMS: tuple[StreamName, ...] = ("watch", "lease")


class _Series:
    """A metric; which of its series has some labels is looked up faster than prometheus_client does it."""

    def __init__(self, metric: Any) -> None:
        self.collect: Callable[[], Iterable[Metric]] = metric.collect
        self.labels: Callable[..., Any] = lru_cache(1024)(metric.labels)


def _maker(kind: Callable[..., Any], **options: Any) -> Callable[[str, str, tuple[str, ...]], _Series]:
    """Return what makes metrics that only this collector has."""
    return lambda name, text, labels: _Series(kind(name, text, labels, registry=None, **options))


_guard = Lock()
_collectors: WeakKeyDictionary[CollectorRegistry, EtcdCollector] = WeakKeyDictionary()
