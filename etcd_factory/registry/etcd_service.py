"""``EtcdService``: the names that Nest applications write by hand on Node's client, for those who come from there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from etcd_factory.core.bound import Bound, opener, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.model import KeyValue
from etcd_factory.service import AsyncETCDService, ETCDService, view_of

from .instance import ServiceInstance, text
from .reconciler import Reconciler
from .registration import Registration
from .registrations import Registrations

PREFIX = b"/services/"
TTL = 10  # seconds


class EtcdServiceBase(Bound[F]):
    """What both faces have. Making one does no I/O.

    A value stands under its key as it is; an instance under ``/services/<name>/<id>``, its metadata as JSON. Lists are
    by the exact name of a service: ``user`` has nothing of ``user2``.
    """

    _run: View
    _service: type[Any]

    def __init__(self, etcd: Any) -> None:
        self._run = view_of(etcd, self._service, type(self).__name__)

    @operation
    async def save_config(self, key: str, value: str | bytes | int | float) -> None:
        """Save a value."""
        await self._run.execute(ops.put(key).value(value))

    @operation
    async def get_config(self, key: str) -> str | None:
        """A value as text, None if there is none."""
        return await self._run.execute(ops.get(key).string())

    @operation
    async def delete_config(self, key: str) -> None:
        """Take a value away; none there is no error."""
        await self._run.execute(ops.delete().key(key))

    @opener
    async def register_service(self, name: str, id: str, metadata: Any) -> Registration[F]:  # noqa: A002
        """Register an instance, and keep it registered until the client is closed, or the registration ended."""
        held = {"metadata": metadata}
        instance = ServiceInstance(
            text(name, "a service's name"), text(id, "an instance's id"), metadata=held, started=time.time(), ttl=TTL
        )
        registrations = self._run.client.background.get(Registrations)
        return await registrations.register(self._run, Reconciler(self._run, PREFIX, instance, plain))

    @operation
    async def discover_service(self, name: str) -> list[Any]:
        """The metadata of all instances, by id."""
        found = await self._run.execute(ops.get_all().prefix(prefix(name)).kvs())
        return [kv.json() for kv in found]

    @opener
    async def watch_service(self, name: str, callback: Callable[[list[Any]], Any]) -> Mirror[F]:
        """Call ``callback(instances)`` with the metadata of all at each change; ``close()`` what it gives to end that.

        In asyncio the callback may be ``async``.
        """
        mirror: Mirror[F] = Mirror(self._run, prefix(name))

        def changed(old: KeyValue | None, new: KeyValue | None) -> Any:
            del old, new
            return callback([kv.json() for _, kv in sorted(mirror.items())])

        await mirror.load()
        return mirror.on("change", changed)


class EtcdService(EtcdServiceBase[Sync]):
    """``EtcdService(etcd).save_config("aaa", "1")``, on an ``ETCDService``."""

    _service = ETCDService


class AsyncEtcdService(EtcdServiceBase[Async]):
    """The same on an ``AsyncETCDService``."""

    _service = AsyncETCDService


def prefix(name: str) -> bytes:
    """Below which the instances of a service stand."""
    return PREFIX + text(name, "a service's name").encode() + b"/"


def plain(instance: ServiceInstance) -> bytes:
    """What stands in etcd: the metadata alone."""
    return json.dumps(instance.metadata["metadata"]).encode()
