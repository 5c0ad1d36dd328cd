"""What a format is: how the instances of services are written in etcd, so that other systems can read them."""

from __future__ import annotations

import os
import secrets
import socket
from abc import abstractmethod
from typing import Protocol, runtime_checkable

from etcd_factory.registry.instance import UP, ServiceInstance


@runtime_checkable
class Format(Protocol):
    """How an instance is written under the key ``<namespace>/<service>/<id>``, and read from there.

    Subclass it, with ``encode`` and ``decode``, for a format of your own. A registry may have another ``namespace``,
    which may be empty, and another ``ttl``, the seconds of a lease. ``deep``: whether an id may contain ``/``.
    """

    namespace: str = "services"
    ttl: int = 10
    deep: bool = False

    def id_of(self, instance: ServiceInstance) -> str:
        """Return the id in the key of an instance, whose ``id`` is empty if it was registered without one.

        An empty one means the id of its lease, in decimal.
        """
        return instance.id or unique_id()

    @abstractmethod
    def encode(self, instance: ServiceInstance) -> bytes | None:
        """Return the value to store, None if the key must not be there while the instance has this status.

        Raises ``TypeError`` or ``ValueError`` for what the format cannot store.
        """

    @abstractmethod
    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance of a key. Raises ``ValueError`` if the value is not in this format."""


def unique_id() -> str:
    """Return an id for an instance of this process. The pid alone is not unique: in containers it is often 1."""
    return f"{socket.gethostname().replace('/', '-')}-{os.getpid()}-{secrets.token_hex(4)}"


def is_up(instance: ServiceInstance) -> bool:
    """Whether a format without a status has a value for the instance."""
    return instance.status == UP
