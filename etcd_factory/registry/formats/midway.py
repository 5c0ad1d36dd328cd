"""The format of Midway's service discovery on etcd (packages/etcd)."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from etcd_factory.registry.instance import CHECKS, DOWN, UP, ServiceInstance, Status

from .addresses import split
from .base import Format
from .reading import Object, json_object, text
from .writing import js_object

STATUS: dict[object, Status] = {"UP": UP, "DOWN": DOWN}
META: Object = {}
ADDRESS = ("host", "port")


@frozen
class Midway(Format):
    """``services/<name>/<id>``: ``{"serviceName","id","ttl","tags":[],"meta":{},"status":"UP"|"DOWN"}``.

    Midway has no place for an address: host and port are texts in ``meta``. Weight is not stored. A paused instance has
    the status ``DOWN``.
    """

    namespace: str = "services"
    ttl: int = 30

    def encode(self, instance: ServiceInstance) -> bytes:
        """Return the instance as Midway writes it."""
        meta = {**instance.metadata, **address_in(instance)}
        status = "UP" if instance.status == UP else "DOWN"
        fields = {"serviceName": instance.service, "id": instance.id, "ttl": instance.ttl, "tags": instance.tags}
        return js_object({**fields, "meta": meta, "status": status})

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance; without a status it is up, and what Midway leaves out has its default.

        Raises ``ValueError`` for another format, or another service's name or id.
        """
        found = json_object(value)
        if (found.get("serviceName"), found.get("id")) != (service, id):
            raise ValueError("its serviceName or id is another one")
        if (status := found.get("status", "UP")) not in STATUS:
            raise ValueError("its status is neither UP nor DOWN")
        given = {"metadata": found.get("meta", META), "tags": found.get("tags", ()), "ttl": found.get("ttl", 0)}
        for name, one in given.items():
            if not CHECKS[name][0](one):
                raise ValueError(f"its {name} must be {CHECKS[name][1]}")
        host, port = address_from({**given["metadata"], **found})
        if host is not None:
            given["metadata"] = {name: one for name, one in given["metadata"].items() if name not in ADDRESS}
        return ServiceInstance(service, id, host, port, status=STATUS[status], **given)


def address_in(instance: ServiceInstance) -> dict[str, str]:
    """Return host and port, as far as they are known, as texts."""
    known = {name: getattr(instance, name) for name in ADDRESS}
    return {name: str(one) for name, one in known.items() if one is not None}


def address_from(found: dict[str, Any]) -> tuple[str, int] | tuple[None, None]:
    """Return host and port if they are an address; without one Midway's instances are valid too."""
    try:
        return split(f"{text(found, 'host')}:{found.get('port')}")
    except ValueError:
        return None, None
