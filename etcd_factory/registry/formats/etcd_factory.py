"""The format of this package: JSON with every field of an instance, its status too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, frozen

from etcd_factory.registry.instance import CHECKS, ServiceInstance

from .base import Format
from .once import Once
from .reading import checked_object


@frozen
class EtcdFactory(Format):
    """``services/<service>/<id>``: a JSON object of the instance's fields.

    A JSON object of another system is read as the metadata of an instance.
    """

    namespace: str = "services"
    ttl: int = 10
    _once: Once = field(factory=Once, init=False, eq=False, repr=False)

    def encode(self, instance: ServiceInstance) -> bytes:
        """Return all fields as JSON."""
        return json.dumps(asdict(instance, recurse=False), allow_nan=False).encode()

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        """Return the instance; service and id are those of the key, and invalid fields are ignored, with a warning."""
        found = checked_object(json.loads(value.decode()))
        return ServiceInstance(service, id, **self._valid(f"{service}/{id}", found))

    def _valid(self, name: str, found: Mapping[str, Any]) -> dict[str, Any]:
        if "metadata" not in found:
            return {"metadata": found}
        present = [one for one in CHECKS if one in found]
        valid = {one: found[one] for one in present if CHECKS[one][0](found[one])}
        for one in present:
            if one not in valid:
                self._once.warn("ignoring the invalid %s of %s: %r", one, name, found[one])
        return valid
