"""From etcd's messages to ``KeyValue`` and ``Event`` in few steps: a large read or a watch makes very many of them.

The constructor of a frozen class stores each field by a call. Here the slots of its base are filled, and the object is
then frozen by giving it its class, which takes a third of the time. Without a GIL that stops all threads, so there the
constructors are called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from etcd_factory.model import Event, KeyValue
from etcd_factory.model.values import EventSlots, KeyValueSlots

if TYPE_CHECKING:
    from . import messages as m

EventReader = Callable[["m.Event"], Event]

HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


def filled(kv: m.KeyValue, skip: int) -> KeyValue:
    """Return a KeyValue whose key is without its first ``skip`` bytes."""
    made: Any = KeyValueSlots()
    made.key = kv.key[skip:] if skip else kv.key
    made.value = kv.value
    made.create_revision = kv.create_revision
    made.mod_revision = kv.mod_revision
    made.version = kv.version
    made.lease = kv.lease
    made.__class__ = KeyValue
    return made  # type: ignore[no-any-return]


def constructed(kv: m.KeyValue, skip: int) -> KeyValue:
    """Return the same by the constructor."""
    return KeyValue(kv.key[skip:], kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)


key_value = filled if HAS_GIL else constructed


def key_values(kvs: Iterable[m.KeyValue], skip: int) -> list[KeyValue]:
    """Return several of them."""
    return [key_value(kv, skip) for kv in kvs]


def filling(skip: int, *, previous: bool = True) -> EventReader:
    """Return a function that makes events of those of a watch; without ``previous`` they cannot have any."""

    def read(found: m.Event) -> Event:  # one function: each call costs as much as reading two fields
        made: Any = EventSlots()
        kv: Any = KeyValueSlots()
        stored = found.kv
        kv.key = stored.key[skip:] if skip else stored.key
        kv.value = stored.value
        kv.create_revision = stored.create_revision
        made.revision = kv.mod_revision = stored.mod_revision
        kv.version = stored.version
        kv.lease = stored.lease
        kv.__class__ = KeyValue
        made.kv = kv
        made.type = "delete" if found.type else "put"
        made.previous = key_value(found.prev_kv, skip) if previous and found.HasField("prev_kv") else None
        made.resync = False
        made.__class__ = Event
        return made  # type: ignore[no-any-return]

    return read


def constructing(skip: int, *, previous: bool = True) -> EventReader:
    """Return one that makes the same by constructors."""

    def read(found: m.Event) -> Event:
        kv = key_value(found.kv, skip)
        before = key_value(found.prev_kv, skip) if previous and found.HasField("prev_kv") else None
        return Event("delete" if found.type else "put", kv, kv.mod_revision, before)

    return read


event_reader = filling if HAS_GIL else constructing
