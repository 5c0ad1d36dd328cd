"""Which instances a client prefers: those of its zone, and of these a subset that is its own."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from hashlib import blake2b
from heapq import nsmallest
from typing import Any, TypedDict

from attrs import field, frozen

from etcd_factory.errors import choice
from etcd_factory.options.fields import is_mapping

from .instance import ServiceInstance

Instances = tuple[ServiceInstance, ...]

ZONE = "zone"  # the key of an instance's metadata


class SubsetDict(TypedDict, total=False):
    """``subset``: how many instances, and for which client; its name is that of the host by default."""

    size: int
    client: str


@frozen
class Subset:
    """``size`` instances of a service for one ``client``, so that not all clients connect to all instances.

    Deterministic, by rendezvous hashing: a client chooses the same ones each time, different clients choose different
    ones, and an instance that comes or goes changes one instance of a subset at most (gRFC A68).
    """

    size: int
    client: str = field(factory=socket.gethostname)

    def of(self, instances: Instances) -> Instances:
        """Return the client's instances, in the same order."""
        if len(instances) <= self.size:
            return instances
        chosen = {one.id for one in nsmallest(self.size, instances, self._rank)}
        return tuple(one for one in instances if one.id in chosen)

    def _rank(self, instance: ServiceInstance) -> bytes:
        return blake2b(f"{self.client}\0{instance.id}".encode(), digest_size=8).digest()


@frozen
class Preference:
    """A client's own zone, None for any, and its subset, None for all."""

    zone: str | None = None
    subset: Subset | None = None

    def split(self, instances: Instances) -> tuple[Instances, Instances]:
        """Return the client's instances: those that are near, and those to use if they do not suffice."""
        if self.zone is None:
            return self._own(instances), ()
        near = tuple(one for one in instances if one.metadata.get(ZONE) == self.zone)
        far = tuple(one for one in instances if one.metadata.get(ZONE) != self.zone)
        return self._own(near), self._own(far)

    def _own(self, instances: Instances) -> Instances:
        return self.subset.of(instances) if self.subset else instances


def preference(zone: str | None, subset: int | SubsetDict | Mapping[str, Any] | None) -> Preference:
    """Return a preference; ``TypeError`` or ``ValueError`` if it cannot be one."""
    if zone is not None and not isinstance(zone, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a zone must be a str, not {type(zone).__name__}")
    return Preference(zone, None if subset is None else subset_of(subset))


def subset_of(given: int | SubsetDict | Mapping[str, Any]) -> Subset:
    """Return a subset from its size, or from ``{size, client}``."""
    found: dict[str, Any] = dict(given) if is_mapping(given) else {"size": given}
    for name in found:
        choice(name, ("size", "client"), "subset")
    size, client = found.get("size"), found.get("client", "")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"subset must be a number of instances, at least 1, not {size!r}")
    if not isinstance(client, str):
        raise TypeError(f"the client of a subset must be a str, not {type(client).__name__}")
    return Subset(**found)
