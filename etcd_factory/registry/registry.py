"""A service registry on etcd: register instances, discover and follow those of others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from attrs import evolve

from etcd_factory.core.arguments import key_part, ttl_seconds
from etcd_factory.core.bound import Bound, Guarded, opener, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync
from etcd_factory.core.handlers import checked as checked_handler
from etcd_factory.core.kv.txn import ops
from etcd_factory.errors import choice
from etcd_factory.options.fields import is_mapping
from etcd_factory.options.mappings import AnyMapping, ServiceOptionsDict
from etcd_factory.options.services import SERVICE_OPTIONS
from etcd_factory.service import AsyncETCDService, ETCDService, Service, view_of

from .balancers import Balancer, LoadBalancer
from .balancers import balancer as named
from .checks import Check, Function
from .formats import Format, FormatLike, format_of
from .instance import LONGEST, STATUSES, ServiceInstance, Status, as_tags, checked, is_number
from .layout import Layout, layouts, merged
from .mixed import MixedPool
from .outliers import OutlierDict, outlier_of
from .picker import Picker
from .preference import SubsetDict, preference
from .reconciler import Reconciler
from .registration import Registration
from .registrations import Registrations
from .view import Instances, ServiceView

SERVICE, ID = "a service's name", "an instance's id"

Tags = Iterable[str]


class Registry(Guarded, Bound[F]):
    """What both faces share. Creating one does no I/O.

    An instance is stored as JSON under ``<namespace>/<service>/<id>``, with a lease of ``ttl`` seconds: ``services``
    and 10 by default. ``format`` is that of another system, ``naming``, ``kratos``, ``go_zero``, ``kitex`` or
    ``midway``, which has defaults of its own, or a ``Format`` of yours; instances in the formats in ``read`` are found
    too. ``service_options`` are the defaults of ``register``: ``host``, ``port``, ``metadata``, ``weight``, ``tags``.
    ``load_balancer`` is the default of ``subscribe``: ``round_robin``, ``random``, ``weighted``,
    ``least_connections``, ``consistent_hash``, ``p2c``, or a function ``(instances, key) -> instance``.
    """

    _run: View
    _service: ClassVar[type[Service[Any]]]

    def __init__(
        self,
        etcd: Service[F],
        namespace: str | None = None,
        *,
        format: FormatLike = "etcd_factory",  # noqa: A002
        read: FormatLike | Iterable[FormatLike] = (),
        ttl: int | None = None,
        load_balancer: LoadBalancer = "round_robin",
        service_options: ServiceOptionsDict | AnyMapping | None = None,
    ) -> None:
        self._run = view_of(etcd, self._service, type(self).__name__)
        named(load_balancer)  # an unknown name is reported here, not by the first subscribe()
        self._defaults = dict((service_options or {}).items())
        for name in self._defaults:
            choice(name, SERVICE_OPTIONS, "service_options")
        self._format = format_of(format)
        self._layouts = layouts(self._format, namespace, [read] if isinstance(read, (str, Format)) else read)
        self._ttl = ttl_seconds(self._format.ttl if ttl is None else ttl)
        self._balancer: LoadBalancer = load_balancer
        self._pool: MixedPool[F] = MixedPool(self._run, self._layouts)

    @opener
    async def register(
        self,
        service: str,
        id: str | None = None,  # noqa: A002
        metadata: Mapping[str, Any] | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        weight: float | None = None,
        tags: Tags | None = None,
        ttl: int | None = None,
        check: str | Function | None = None,
        interval: float = 5,
        failures: int = 3,
    ) -> Registration[F]:
        """Register an instance, and keep it registered; see ``Registration``.

        Without an ``id`` a unique one is generated, or the format has one. An instance already registered under the id
        is replaced. ``ttl``: seconds after which the instance of a killed process is gone. Raises what etcd answers if
        it cannot be registered now, ``TypeError`` or ``ValueError`` if an argument is invalid.

        ``check``: its health, looked at every ``interval`` seconds: ``http://...`` (or ``https``; healthy is an answer
        of 2xx), ``tcp://host:port``, or a function that raises or returns False, in asyncio perhaps ``async``. After
        so many ``failures`` in a row its status is ``down``, and views do not show it until a check succeeds.
        """
        checks = None if check is None else Check.of(check, interval, failures, self._run.face)
        given = {"host": host, "port": port, "metadata": metadata, "weight": weight, "tags": tags}
        fields: dict[str, Any] = self._defaults | {name: one for name, one in given.items() if one is not None}
        fields["metadata"] = as_metadata(fields.get("metadata"))
        instance = ServiceInstance(
            key_part(service, SERVICE),
            "" if id is None else key_part(id, ID),
            **fields,
            started=time.time(),
            ttl=self._ttl if ttl is None else ttl_seconds(ttl),
        )
        identified = evolve(instance, id=self._format.id_of(checked(instance)))
        reconciler = Reconciler(self._run, self._layouts[0].prefix, identified, self._format)
        return await self._run.client.background.get(Registrations).register(self._run, reconciler, checks)

    @operation
    async def discover(self, service: str, *, tags: Tags = (), status: Status | None = "up") -> list[ServiceInstance]:
        """Return the instances that are in etcd now, by id: those with all these tags and this status (None: any)."""
        wanted, chosen, name = as_tags(tags), status_of(status), key_part(service, SERVICE)
        # The own format last: who changes to it registers there before the other registration ends.
        found = [await self._read(layout, name) for layout in reversed(self._layouts)]
        return [one for one in merged(reversed(found)) if chosen in (None, one.status) and one.has(wanted)]

    async def _read(self, layout: Layout, service: str) -> list[ServiceInstance]:
        kvs = await self._run.execute(ops.get_all().prefix(layout.below(service)).kvs())
        return [one for one in map(layout.decode, kvs) if one]

    @operation
    async def services(self) -> list[str]:
        """Return the names of all services that have an instance, sorted.

        In a format without a namespace, ``naming`` or ``go_zero``, this reads all keys of the client's namespace.
        """
        names = {name for layout in self._layouts for name in await self._names(layout)} - {b""}
        return sorted(name.decode(errors="backslashreplace") for name in names)

    async def _names(self, layout: Layout) -> set[bytes]:
        everything = ops.get_all().prefix(layout.prefix)
        if layout.prefix:
            return set(map(layout.service, await self._run.execute(everything.key_bytes())))
        kvs = await self._run.execute(everything.kvs())
        return {layout.service(kv.key) for kv in kvs if layout.read(kv)[0]}

    @opener
    async def subscribe(
        self,
        service: str,
        *,
        balancer: LoadBalancer | None = None,
        load_balancer: LoadBalancer | None = None,
        zone: str | None = None,
        subset: int | SubsetDict | AnyMapping | None = None,
        outlier: OutlierDict | AnyMapping | None = None,
        tags: Tags = (),
        status: Status | None = "up",
        threshold: float | None = 0.0,
        hold: float | None = None,
        warmup: float = 0.0,
    ) -> ServiceView[F]:
        """Return a live view of a service. Views of one service share one watch.

        ``balancer``, or ``load_balancer``, picks from the instances, by default that of the registry. ``zone``: prefer
        those with this ``zone`` in their metadata, as long as enough of them are usable. ``subset``: pick from that
        many, the same ones each time (``SubsetDict``). ``outlier``: leave out for a time those whose uses fail in a row
        (``OutlierDict``; ``{}`` for Envoy's defaults).

        If the list suddenly shrinks to less than ``threshold`` (0 to 1) of its size, to nothing, or because the store
        was rolled back, the missing instances stay in it for ``hold`` seconds, by default their ttl, or until they are
        back. ``threshold=None`` believes every change at once. Instances that deregister are removed at once.
        ``warmup``: seconds until a new instance has its full weight.
        """
        make = self._maker(either(balancer, load_balancer), delay(warmup) or 0.0)
        rules = None if outlier is None else outlier_of(outlier)
        picker = Picker(make, self._run.client.runtime, preference(zone, subset), rules)
        wanted, shown = as_tags(tags), status_of(status)
        instances, leave = await self._pool.enter(key_part(service, SERVICE), share(threshold), delay(hold))
        return ServiceView(self._run, instances, picker, wanted, shown, leave)

    def _maker(self, chosen: LoadBalancer | None = None, warmup: float = 0.0) -> Callable[[], Balancer]:
        """Return what makes balancers of a view."""
        return partial(named, self._balancer if chosen is None else chosen, warmup)

    @opener
    async def watch(
        self,
        service: str,
        handler: Callable[[Instances], object],
        *,
        threshold: float | None = 0.0,
        hold: float | None = None,
    ) -> ServiceView[F]:
        """Call ``handler(instances)`` with the complete list: now, unless it is empty, and at each change, in order.

        ``threshold`` and ``hold`` are as in ``subscribe``. Returns a view; ``close()`` it to stop.
        """
        checked_handler(handler, self._run.face)
        instances, leave = await self._pool.enter(key_part(service, SERVICE), share(threshold), delay(hold))
        picker = Picker(self._maker(), self._run.client.runtime)
        view = ServiceView(self._run, instances, picker, (), "up", leave)
        view.on("change", handler).notify()
        return view


class ServiceRegistry(Registry[Sync]):
    """A registry on an ``ETCDService``: ``with ServiceRegistry(etcd).register("user", port=8080): ...``.

    Closing the client deregisters what it has registered, before its connections are closed.
    """

    _service = ETCDService


class AsyncServiceRegistry(Registry[Async]):
    """A registry on an ``AsyncETCDService``: ``async with AsyncServiceRegistry(etcd).register("user"): ...``."""

    _service = AsyncETCDService


def as_metadata(given: object) -> dict[str, Any]:
    """Return a copy of metadata, empty for None; ``TypeError`` for what is no mapping."""
    if given is None:
        return {}
    if not is_mapping(given):
        raise TypeError(f"an instance's metadata must be a mapping, not {type(given).__name__}")
    return dict(given)


def either(balancer: LoadBalancer | None, load_balancer: LoadBalancer | None) -> LoadBalancer | None:
    """Return the one that is given, if any; ``TypeError`` for both."""
    if balancer is None or load_balancer is None:
        return load_balancer if balancer is None else balancer
    raise TypeError("balancer and load_balancer are the same; pass one of them")


def status_of(status: Status | None) -> Status | None:
    """Return a status, or None for any; ``ValueError`` if it is unknown."""
    if status is not None:
        choice(status, STATUSES, "status")
    return status


def share(threshold: float | None) -> float | None:
    """Return a share of a list, from 0 to 1, or None."""
    if threshold is None or is_number(threshold, 1):
        return threshold
    raise ValueError(f"threshold must be a number from 0 to 1 or None, not {threshold!r}")


def delay(seconds: float | None) -> float | None:
    """Return a number of seconds, or None."""
    if seconds is None or is_number(seconds, LONGEST):
        return seconds
    raise ValueError(f"hold and warmup must be a number of seconds, not {seconds!r}")
