"""The format of go-zero's ``core/discov``: an address, under a key that ends with the id of its lease."""

from __future__ import annotations

from attrs import frozen

from etcd_factory.registry.instance import ServiceInstance

from .addresses import address_of, split
from .base import Format, is_up


@frozen
class GoZero(Format):
    """``<key>/<id>``: ``h:p``. The service is the key; metadata, weight and tags are not stored.

    Without an id, it is the one of the lease, in decimal, as go-zero has it.
    """

    namespace: str = ""
    ttl: int = 10

    def id_of(self, instance: ServiceInstance) -> str:
        """Return the id, empty for that of the lease."""
        return instance.id

    def encode(self, instance: ServiceInstance) -> bytes | None:
        """Return the address."""
        return address_of(instance).encode() if is_up(instance) else None

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance of an address."""
        return ServiceInstance(service, id, *split(value.decode()))
