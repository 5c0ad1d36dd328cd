"""One instance of a service, and how it is written in etcd: the key ``<namespace>/<service>/<id>``, as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from attrs import asdict, field, frozen

from etcd_factory.errors import suggestion
from etcd_factory.model import KeyValue
from etcd_factory.options.fields import is_mapping

log = logging.getLogger("etcd_factory.registry")

UP, PAUSED, DOWN = "up", "paused", "down"
STATUSES = (UP, PAUSED, DOWN)


def text(value: Any, what: str) -> str:
    """A name that stands between slashes in a key; ``TypeError`` or ``ValueError`` for what is none."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    if not value or "/" in value:
        raise ValueError(f"{what} is not empty and has no '/': {value!r}")
    return value


def statused(value: str) -> str:
    """One of the statuses; ``ValueError`` lists them."""
    if value not in STATUSES:
        raise ValueError(f"the status {value!r} is none of {', '.join(STATUSES)}{suggestion(value, STATUSES)}")
    return value


def as_dict(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A copy."""
    return dict(metadata)


def several(tags: str | Iterable[str]) -> tuple[str, ...]:
    """Tags, from one or several."""
    return (tags,) if isinstance(tags, str) else tuple(tags)


@frozen
class ServiceInstance:
    """An instance as it was registered.

    ``status`` is ``up`` or ``paused``; ``started`` is when it was registered first, in seconds since 1970 by its own
    clock; ``ttl`` is how many seconds it outlives its process at most.
    """

    service: str
    id: str
    host: str | None = None
    port: int | None = None
    metadata: Mapping[str, Any] = field(factory=dict[str, Any], converter=as_dict, hash=False)
    weight: float = 1
    tags: tuple[str, ...] = field(default=(), converter=several)
    status: str = UP
    started: float = 0.0
    ttl: int = 0

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 host in brackets; ``ValueError`` if one of them was not registered."""
        if self.host is None or self.port is None:
            raise ValueError(f"{self.service}/{self.id} was registered without host or port")
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def has(self, tags: Iterable[str]) -> bool:
        """Whether it has all these tags."""
        return set(tags) <= set(self.tags)


def number(value: Any, most: float = 2**53) -> bool:
    """Whether it is a number that is neither negative nor beyond ``most``."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def whole(value: Any, most: int = 2**53) -> bool:
    """Whether it is a whole number from 0 to ``most``."""
    return isinstance(value, int) and number(value, most)


def texts(value: Any) -> bool:
    """Whether it is several texts."""
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)  # pyright: ignore[reportUnknownVariableType]


LONGEST = 10**8  # seconds

Check = tuple[Callable[[Any], bool], str]

OWN: dict[str, Check] = {  # what stands in the JSON object, and what it may be
    "host": (lambda value: value is None or isinstance(value, str), "a str"),
    "port": (lambda value: value is None or whole(value, 65535), "an int from 0 to 65535"),
    "metadata": (is_mapping, "a mapping"),
    "weight": (number, "a number that is not negative"),
    "tags": (texts, "several str"),
    "status": (STATUSES.__contains__, f"one of {', '.join(STATUSES)}"),
    "started": (number, "a number of seconds"),
    "ttl": (lambda value: whole(value, LONGEST), "a whole number of seconds"),
}


def checked(instance: ServiceInstance) -> ServiceInstance:
    """The instance, if it can be registered; ``TypeError`` or ``ValueError`` says what is wrong with it."""
    for name, (fits, wanted) in OWN.items():
        value = getattr(instance, name)
        if not fits(value):
            raise ValueError(f"an instance's {name} is {wanted}, not {value!r}")
    encoded(instance)
    return instance


def encoded(instance: ServiceInstance) -> bytes:
    """What stands in etcd; ``TypeError`` or ``ValueError`` for metadata that is no JSON."""
    return json.dumps(asdict(instance, recurse=False), allow_nan=False).encode()


def decoded(kv: KeyValue, prefix: int) -> ServiceInstance | None:
    """The instance behind a key whose first ``prefix`` bytes are the namespace; None, and a warning, if it is none.

    Service and id are those of the key. A JSON object of others, as of a program in another language, is metadata.
    """
    try:
        service, _, id = kv.key[prefix:].decode().partition("/")  # noqa: A001
        found = kv.json()
    except (ValueError, RecursionError) as error:
        log.warning("%r is no instance of a service: %s", kv.key, error)
        return None
    if not service or not id or "/" in id or not isinstance(found, dict):
        log.warning("%r is no instance of a service: it is not <service>/<id> with a JSON object", kv.key)
        return None
    return read(service, id, cast("dict[str, Any]", found))


def read(service: str, id: str, found: Mapping[str, Any]) -> ServiceInstance:  # noqa: A002
    """An instance from the JSON object of its key; what is wrong in it is left out, with a warning."""
    if "metadata" not in found:
        return ServiceInstance(service, id, metadata=found)
    good: dict[str, Any] = {name: found[name] for name, (fits, _) in OWN.items() if name in found and fits(found[name])}
    for name in OWN.keys() & found.keys() - good.keys():
        log.warning("%s/%s has a wrong %s, which is left out: %r", service, id, name, found[name])
    return ServiceInstance(service, id, **good)
