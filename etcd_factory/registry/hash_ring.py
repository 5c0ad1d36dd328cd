"""A ring of hashes: the same key has the same owner in every process, and few keys move when instances change."""

from __future__ import annotations

import struct
from bisect import bisect
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import chain, islice

from attrs import frozen

from .instance import ServiceInstance

POINTS = 100  # on the ring, for an instance of weight 1
MAX_WEIGHT = 100  # heavier instances count as this: the ring of a huge weight would take all memory

Share = tuple[str, int]  # an instance's id, and how many points it has
Points = Mapping[Share, tuple[int, ...]]


@frozen(eq=False)
class HashRing:
    """The points of some instances in order, their owners, and the points of each, to build the next ring from."""

    points: list[int]
    owners: list[ServiceInstance]
    known: Points

    @classmethod
    def build(cls, instances: Iterable[ServiceInstance], known: Points) -> HashRing:
        """Return the ring of these instances; ``known`` points need not be hashed again.

        An instance of weight 0 has no keys, unless all have weight 0: then all count as equal.
        """
        every = list(instances)
        owners = {(one.id, size(one)): one for one in every if one.weight} or {(one.id, 1): one for one in every}
        own = {share: known.get(share) or spread(*share) for share in owners}
        ring = sorted([(point, share) for share, points in own.items() for point in points])
        return cls([point for point, _ in ring], [owners[share] for _, share in ring], own)

    def owner(self, key: str | bytes) -> ServiceInstance:
        """Return the owner of the first point after the key's hash."""
        return self.owners[bisect(self.points, hash_of(key)) % len(self.owners)]

    def next_owner(self, key: str | bytes, without: Collection[str]) -> ServiceInstance | None:
        """Return the owner of the first point after the key's hash that is none of these ids'; None if all are."""
        first = bisect(self.points, hash_of(key))
        owners = chain(islice(self.owners, first, None), islice(self.owners, first))
        return next((owner for owner in owners if owner.id not in without), None)


def size(instance: ServiceInstance) -> int:
    """Return how many points an instance has."""
    return max(1, round(POINTS * min(instance.weight, MAX_WEIGHT)))


def spread(id: str, count: int) -> tuple[int, ...]:  # noqa: A002
    """Return that many points of an instance, eight from each digest."""
    digests = b"".join(blake2b(f"{id}#{number}".encode()).digest() for number in range((count + 7) // 8))
    return struct.unpack_from(f">{count}Q", digests)


def hash_of(key: str | bytes) -> int:
    """Return a key's place on the ring."""
    data = key.encode() if isinstance(key, str) else key
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
