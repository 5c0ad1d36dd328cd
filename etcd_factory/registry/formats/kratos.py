"""The format of go-kratos' registry on etcd (contrib/registry/etcd), versions 2 and 3."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from etcd_factory.registry.instance import ServiceInstance

from .addresses import address_of, split
from .base import Format, is_up
from .reading import checked_texts, go_object, text, text_list, texts
from .writing import go_struct

# Fields of kratos that are metadata here.
VERSION, ENDPOINTS = "version", "endpoints"


@frozen
class Kratos(Format):
    """``/microservices/<name>/<id>``: ``{"id","name","version","metadata":{text:text},"endpoints":[url]}``.

    Host and port become the endpoint ``<scheme>://h:p?isSecure=false``, and are read from the first one of that
    ``scheme``, or the first one. In ``metadata``, ``version`` is the version, and ``endpoints``, a list of URLs, stands
    for the endpoint of host and port; all others must be texts. Kratos reads a weight from the metadata ``weight``; so
    it is read here, and written only as metadata. Tags are not stored.
    """

    namespace: str = "/microservices"
    ttl: int = 15
    scheme: str = "grpc"

    def encode(self, instance: ServiceInstance) -> bytes | None:
        """Return the instance as kratos writes it. Metadata of other types than text would end its whole list."""
        if not is_up(instance):
            return None
        rest = dict(instance.metadata)
        endpoints = text_list({ENDPOINTS: rest.pop(ENDPOINTS, None) or [self._endpoint(instance)]}, ENDPOINTS)
        metadata = checked_texts(rest, f"the metadata of {instance.service}")
        version = metadata.pop(VERSION, "")
        names = {"id": instance.id, "name": instance.service, "version": version}
        return go_struct({**names, "metadata": metadata or None, "endpoints": endpoints})

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance. Raises ``ValueError`` for another format, or another service's name."""
        found = go_object(value)
        if text(found, "name") != service:
            raise ValueError("its name is another one")
        endpoints = text_list(found, ENDPOINTS)
        host, port = self._address(endpoints)
        metadata: dict[str, Any] = texts(found, "metadata")
        weight = weight_of(metadata)
        if text(found, VERSION):
            metadata[VERSION] = found[VERSION]
        instance = ServiceInstance(service, id, host, port, metadata, weight)
        if endpoints != [self._endpoint(instance)]:
            metadata[ENDPOINTS] = endpoints
        return ServiceInstance(service, id, host, port, metadata, weight)

    def _endpoint(self, instance: ServiceInstance) -> str:
        return f"{self.scheme}://{address_of(instance)}?isSecure=false"

    def _address(self, endpoints: list[str]) -> tuple[str, int]:
        """Return host and port of the endpoint with the scheme, or the same one over TLS, else of the first one."""
        parts = [urlsplit(one) for one in endpoints]
        wanted = [one for one in parts if one.scheme in (self.scheme, f"{self.scheme}s")]
        if not parts:
            raise ValueError("it has no endpoint")
        return split((wanted or parts)[0].netloc)


def weight_of(metadata: dict[str, Any]) -> int:
    """Return the weight in the metadata, as kratos' selector reads it, else 1."""
    weight = metadata.get("weight", "")
    return int(weight) if weight.isascii() and weight.isdecimal() and len(weight) <= 15 else 1
