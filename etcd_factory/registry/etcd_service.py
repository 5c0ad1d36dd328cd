"""``EtcdService``: the service that Nest applications write on Node's client, with the same method names."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, ClassVar

from etcd_factory.core.arguments import Value, key_part
from etcd_factory.core.bound import Bound, Guarded, opener, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync
from etcd_factory.core.handlers import checked
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.model import KeyValue
from etcd_factory.service import AsyncETCDService, ETCDService, Service, view_of

from .formats import Format
from .formats.base import is_up
from .instance import ServiceInstance
from .reconciler import Reconciler
from .registration import Registration
from .registrations import Registrations
from .registry import ID, SERVICE

PREFIX = b"/services/"
TTL = 10  # seconds


class EtcdServiceBase(Guarded, Bound[F]):
    """What both faces share. Creating one does no I/O.

    A value is stored unchanged under its key; an instance under ``/services/<name>/<id>``, as its metadata in JSON.
    Lists are of the exact name of a service: ``user`` does not include ``user2``.
    """

    _run: View
    _service: ClassVar[type[Service[Any]]]

    def __init__(self, etcd: Service[F]) -> None:
        self._run = view_of(etcd, self._service, type(self).__name__)

    @operation
    async def save_config(self, key: str, value: Value) -> None:
        """Save a value."""
        await self._run.execute(ops.put(key).value(value))

    @operation
    async def get_config(self, key: str) -> str | None:
        """Return a value as text, None if it is missing."""
        return await self._run.execute(ops.get(key).string())

    @operation
    async def delete_config(self, key: str) -> None:
        """Delete a value, if it exists."""
        await self._run.execute(ops.delete().key(key))

    @opener
    async def register_service(self, name: str, id: str, metadata: object) -> Registration[F]:  # noqa: A002
        """Register an instance, and keep it registered until it is deregistered or the client is closed.

        ``metadata`` is any value that can be written as JSON. The lease has a ttl of 10 seconds.
        """
        instance = ServiceInstance(
            key_part(name, SERVICE), key_part(id, ID), metadata={"metadata": metadata}, started=time.time(), ttl=TTL
        )
        registrations = self._run.client.background.get(Registrations)
        return await registrations.register(self._run, Reconciler(self._run, PREFIX, instance, MetadataOnly()))

    @operation
    async def discover_service(self, name: str) -> list[Any]:
        """Return the metadata of all instances, sorted by id."""
        found = await self._run.execute(ops.get_all().prefix(service_prefix(name)).kvs())
        return [kv.json() for kv in found]

    @opener
    async def watch_service(self, name: str, callback: Callable[[list[Any]], object]) -> Mirror[F]:
        """Call ``callback(instances)`` with the metadata of all instances at each change.

        In asyncio the callback may be ``async``. Returns what to ``close()`` to stop.
        """
        checked(callback, self._run.face)
        mirror: Mirror[F] = Mirror(self._run, service_prefix(name))

        def changed(old: KeyValue | None, new: KeyValue | None) -> object:
            del old, new
            return callback([kv.json() for _, kv in sorted(mirror.items())])

        await mirror.load()
        return mirror.on("change", changed)


class EtcdService(EtcdServiceBase[Sync]):
    """On an ``ETCDService``: ``EtcdService(etcd).save_config("aaa", "1")``."""

    _service = ETCDService


class AsyncEtcdService(EtcdServiceBase[Async]):
    """On an ``AsyncETCDService``: ``await AsyncEtcdService(etcd).save_config("aaa", "1")``."""

    _service = AsyncETCDService


def service_prefix(name: str) -> bytes:
    """Return the prefix of the keys of a service's instances."""
    return PREFIX + key_part(name, SERVICE).encode() + b"/"


class MetadataOnly(Format):
    """The format of its instances: their metadata."""

    def encode(self, instance: ServiceInstance) -> bytes | None:
        """Return the metadata as JSON."""
        return json.dumps(instance.metadata["metadata"]).encode() if is_up(instance) else None

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return an instance with that metadata."""
        return ServiceInstance(service, id, metadata={"metadata": json.loads(value)})
