"""A service registry on etcd: register, discover, follow, choose."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from etcd_factory.core.arguments import ttl_seconds as seconds
from etcd_factory.core.bound import Bound, opener, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync
from etcd_factory.core.kv.txn import ops
from etcd_factory.errors import suggestion
from etcd_factory.service import AsyncETCDService, ETCDService, view_of

from .balancers import Choose, balancer
from .instance import LONGEST, ServiceInstance, decoded, number, several, statused, text
from .instances import InstancesPool
from .reconciler import Reconciler
from .registration import Registration
from .registrations import Registrations
from .view import ServiceView

TTL = 10  # seconds
NAME, ID = "a service's name", "an instance's id"
OPTIONS = ("host", "port", "metadata", "weight", "tags")

Tags = Iterable[str]


class Registry(Bound[F]):
    """What both faces have. Making one does no I/O.

    An instance stands under the key ``<namespace>/<service>/<id>`` as JSON, with a lease of ``ttl`` seconds.
    ``service_options`` are what ``register`` takes where it is not told: ``host port metadata weight tags``.
    """

    _run: View
    _service: type[Any]

    def __init__(
        self,
        etcd: Any,
        namespace: str = "services",
        *,
        ttl: int = TTL,
        load_balancer: str | Choose = "round_robin",
        service_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._run = view_of(etcd, self._service, type(self).__name__)
        if not isinstance(namespace, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a namespace is a str, not {type(namespace).__name__}")
        balancer(load_balancer)  # a wrong name is told now
        for name in service_options or ():
            if name not in OPTIONS:
                near = suggestion(str(name), OPTIONS)
                raise ValueError(f"service_options has {name!r}, which is none of {', '.join(OPTIONS)}{near}")
        self._prefix = namespace.rstrip("/").encode() + b"/"
        self._ttl, self._balancer = seconds(ttl), load_balancer
        self._defaults = dict(service_options or {})
        self._rosters: InstancesPool[F] = InstancesPool(self._run, self._prefix)

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
    ) -> Registration[F]:
        """Register an instance and keep it registered; see ``Registration``.

        Without an ``id`` it gets one of its own. One that is registered under this id already is replaced. Raises what
        etcd answers if it can't be registered now.
        """
        given: dict[str, Any] = {"host": host, "port": port, "metadata": metadata, "weight": weight, "tags": tags}
        chosen: dict[str, Any] = {
            **self._defaults,
            **{name: value for name, value in given.items() if value is not None},
        }
        chosen["metadata"] = dict(chosen.get("metadata") or {})
        chosen |= {"started": time.time(), "ttl": self._ttl if ttl is None else seconds(ttl)}
        name = own_id() if id is None else text(id, ID)
        instance = ServiceInstance(text(service, NAME), name, **chosen)
        tender = Reconciler(self._run, self._prefix, instance)
        return await self._run.client.background.get(Registrations).register(self._run, tender)

    @operation
    async def discover(self, service: str, *, tags: Tags = (), status: str | None = "up") -> list[ServiceInstance]:
        """The instances as they stand in etcd now, by id: those with all these tags and this status (None: any)."""
        wanted, chosen = several(tags), None if status is None else statused(status)
        prefix = self._prefix + text(service, NAME).encode() + b"/"
        found = [decoded(kv, len(self._prefix)) for kv in await self._run.execute(ops.get_all().prefix(prefix).kvs())]
        return [one for one in found if one and chosen in (None, one.status) and one.has(wanted)]

    @operation
    async def services(self) -> list[str]:
        """The names of all services that have an instance."""
        found = await self._run.execute(ops.get_all().prefix(self._prefix).key_bytes())
        parts = [key[len(self._prefix) :].partition(b"/") for key in found]
        return sorted({name.decode(errors="backslashreplace") for name, _, id in parts if name and id})  # noqa: A001

    @opener
    async def subscribe(
        self,
        service: str,
        *,
        load_balancer: str | Choose | None = None,
        tags: Tags = (),
        status: str | None = "up",
        threshold: float | None = 0.0,
        hold: float | None = None,
        warmup: float = 0.0,
    ) -> ServiceView[F]:
        """A live view of a service. Views of one service share one watch.

        A list that shrinks suddenly to less than ``threshold`` of the last one, or to nothing, or after the store went
        back, is not believed for ``hold`` seconds (by default the ttl of those missing): they stay in it until they are
        back. None believes all at once. What deregisters goes at once. ``warmup`` is how many seconds a new instance
        takes to its full weight.
        """
        chosen = balancer(self._balancer if load_balancer is None else load_balancer, held(warmup) or 0.0)
        wanted, stands = several(tags), None if status is None else statused(status)
        roster, leave = await self._rosters.enter(text(service, NAME), share(threshold), held(hold))
        return ServiceView(self._run, roster, chosen, wanted, stands, leave)

    @opener
    async def watch(
        self,
        service: str,
        handler: Callable[[tuple[ServiceInstance, ...]], Any],
        *,
        threshold: float | None = 0.0,
        hold: float | None = None,
    ) -> ServiceView[F]:
        """Call ``handler(instances)`` with the whole list: now, if there are any, and at each change, in order.

        ``threshold`` and ``hold`` are as in ``subscribe``. Gives the view behind it: ``close()`` it to be called no
        more.
        """
        roster, leave = await self._rosters.enter(text(service, NAME), share(threshold), held(hold))
        view = ServiceView(self._run, roster, balancer(self._balancer), (), "up", leave)
        view.on("change", handler).tell()
        return view


class ServiceRegistry(Registry[Sync]):
    """A registry on an ``ETCDService``: ``with ServiceRegistry(etcd).register("user", port=8080): ...``.

    What it has registered is taken away when its client is closed, before the connections.
    """

    _service = ETCDService


class AsyncServiceRegistry(Registry[Async]):
    """The same on an ``AsyncETCDService``: ``async with AsyncServiceRegistry(etcd).register("user"): ...``."""

    _service = AsyncETCDService


def share(threshold: Any) -> float | None:
    """A share of a list, from 0 to 1, or None."""
    if threshold is None or (number(threshold) and threshold <= 1):
        return threshold  # type: ignore[no-any-return]
    raise ValueError(f"a threshold is a number from 0 to 1, or None, not {threshold!r}")


def held(seconds: Any) -> float | None:
    """A number of seconds, or None."""
    if seconds is None or number(seconds, LONGEST):
        return seconds  # type: ignore[no-any-return]
    raise ValueError(f"hold and warmup are a number of seconds, not {seconds!r}")


def own_id() -> str:
    """An id for an instance of this process, which no other one has: in containers the pid is often 1."""
    return f"{socket.gethostname().replace('/', '-')}-{os.getpid()}-{secrets.token_hex(4)}"
