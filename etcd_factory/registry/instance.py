"""One instance of a service, and what its fields may be. ``formats`` says how it is written in etcd."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast

from attrs import field, frozen

from etcd_factory.options.fields import is_mapping

log = logging.getLogger("etcd_factory.registry")

Status = Literal["up", "paused", "down"]

UP: Status = "up"
PAUSED: Status = "paused"
DOWN: Status = "down"
STATUSES: tuple[Status, ...] = (UP, PAUSED, DOWN)

LONGEST = 10**8  # seconds, of a ttl or a delay


def as_dict(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of metadata."""
    return dict(metadata)


def as_tags(tags: str | Iterable[str]) -> tuple[str, ...]:
    """Return tags as a tuple, from one or several."""
    return (tags,) if isinstance(tags, str) else tuple(tags)


@frozen
class ServiceInstance:
    """An instance as it was registered.

    ``status`` is ``up``, ``paused`` (registered, not to be used), or ``down`` (deregistering, or its health check
    fails). ``started`` is when it was first registered, in seconds since 1970 by its own clock. ``ttl`` is for how many
    seconds at most it outlives its process.
    """

    service: str
    id: str
    host: str | None = None
    port: int | None = None
    metadata: Mapping[str, Any] = field(factory=dict[str, Any], converter=as_dict, hash=False)
    weight: float = 1
    tags: tuple[str, ...] = field(default=(), converter=as_tags)
    status: Status = UP
    started: float = 0.0
    ttl: int = 0

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 host in brackets; raises ``ValueError`` if it was registered without one of them."""
        if self.host is None or self.port is None:
            raise ValueError(f"{self.service}/{self.id} was registered without host or port")
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def has(self, tags: Iterable[str]) -> bool:
        """Return whether it has all these tags."""
        return set(tags) <= set(self.tags)


# --- what its fields may be


def is_number(value: object, most: float = 2**53) -> bool:
    """Whether it is a number from 0 to ``most``."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def is_whole(value: object, most: int = 2**53) -> bool:
    """Whether it is a whole number from 0 to ``most``."""
    return isinstance(value, int) and is_number(value, most)


def is_texts(value: object) -> bool:
    """Whether it is a list or tuple of texts."""
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in cast("list[object]", value))


Check = tuple[Callable[[object], bool], str]

CHECKS: dict[str, Check] = {  # of the fields in the JSON object, and what an error says they must be
    "host": (lambda value: value is None or isinstance(value, str), "a str"),
    "port": (lambda value: value is None or is_whole(value, 65535), "an int from 0 to 65535"),
    "metadata": (is_mapping, "a mapping"),
    "weight": (is_number, "a number that is not negative"),
    "tags": (is_texts, "a list of str"),
    "status": (STATUSES.__contains__, f"one of {', '.join(STATUSES)}"),
    "started": (is_number, "a number of seconds"),
    "ttl": (lambda value: is_whole(value, LONGEST), "a whole number of seconds"),
}


def checked(instance: ServiceInstance) -> ServiceInstance:
    """Return the instance if its fields are valid; else raise ``ValueError``."""
    for name, (is_valid, expected) in CHECKS.items():
        value = getattr(instance, name)
        if not is_valid(value):
            raise ValueError(f"an instance's {name} must be {expected}, not {value!r}")
    return instance
