"""The format of ``naming/endpoints`` of etcd's Go client, which gRPC's resolver ``etcd`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from etcd_factory.options.fields import is_mapping
from etcd_factory.registry.instance import ServiceInstance

from .addresses import address_of, split
from .base import Format, is_up
from .reading import go_object, text
from .writing import go_struct

OTHER = "Metadata"  # where metadata stands that is no mapping


@frozen
class Naming(Format):
    """``<target>/<id>``: ``{"Op":0,"Addr":"h:p","Metadata":any}``. The service is the target.

    Of a longer target, like ``prod/user``, ``prod`` is the namespace. Weight and tags are not stored. The Go client has
    no default ttl.
    """

    namespace: str = ""
    ttl: int = 10
    deep: bool = True  # a key only has to begin with the target and a "/"

    def encode(self, instance: ServiceInstance) -> bytes | None:
        """Return the update that adds the endpoint, as Go's client writes it."""
        if not is_up(instance):
            return None
        return go_struct({"Op": 0, "Addr": address_of(instance), "Metadata": any_of(instance.metadata)})

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance of an endpoint."""
        found = go_object(value)
        host, port = split(text(found, "addr"))
        return ServiceInstance(service, id, host, port, metadata_of(found.get("metadata")))


def any_of(metadata: Mapping[str, Any]) -> object:
    """Return what stands in ``Metadata``: null if there is none, as in Go."""
    return metadata[OTHER] if set(metadata) == {OTHER} else (dict(metadata) or None)


def metadata_of(value: object) -> Mapping[str, Any]:
    """Return metadata of whatever stands in ``Metadata``."""
    if value is None:
        return {}
    return value if is_mapping(value) else {OTHER: value}
