"""The format of Kitex' registry on etcd (kitex-contrib/registry-etcd), and of Hertz'."""

from __future__ import annotations

from attrs import frozen

from etcd_factory.registry.instance import ServiceInstance

from .addresses import address_of, split
from .base import Format, is_up
from .reading import checked_texts, go_object, text, texts, whole
from .writing import go_struct

WEIGHT = 10  # what Kitex reads for 0 or less


@frozen
class Kitex(Format):
    """``kitex/registry-etcd/<name>/<h:p>``: ``{"network":"tcp","address","weight":int,"tags":{text:text}}``.

    The id is the address, whatever ``register`` is given. ``metadata``, of texts, and ``tags`` stand in Kitex' tags: a
    tag of ours is one without a value. Hertz' format differs only in its ``namespace``.
    """

    namespace: str = "kitex/registry-etcd"
    ttl: int = 60

    def id_of(self, instance: ServiceInstance) -> str:
        """Return the address."""
        return address_of(instance)

    def encode(self, instance: ServiceInstance) -> bytes | None:
        """Return the instance as Kitex writes it."""
        if not is_up(instance):
            return None
        plain = dict.fromkeys(instance.tags, "")
        tags = plain | checked_texts(instance.metadata, f"the metadata of {instance.service}")
        fields = {"network": "tcp", "address": address_of(instance), "weight": weight_of(instance)}
        return go_struct({**fields, "tags": tags or None})

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance."""
        found = go_object(value)
        host, port = split(text(found, "address"))
        tags, weight = texts(found, "tags"), whole(found, "weight")
        metadata = {name: one for name, one in tags.items() if one}
        plain = [name for name, one in tags.items() if not one]
        return ServiceInstance(service, id, host, port, metadata, weight if weight > 0 else WEIGHT, plain)


def weight_of(instance: ServiceInstance) -> int:
    """Return a weight that Kitex reads as it is: a whole number above 0."""
    if instance.weight < 1 or instance.weight != int(instance.weight):
        raise ValueError(f"Kitex reads a weight of 0 as {WEIGHT}, and no fractions: {instance.weight}")
    return int(instance.weight)
