"""etcd's message classes as attributes: ``messages.RangeRequest(key=b"k")``. They are created at the first use."""

from __future__ import annotations

from typing import Any

from .descriptors import message_class


def __getattr__(name: str) -> Any:
    found = None if name.startswith("_") else message_class(name)
    if found is None:
        raise AttributeError(f"etcd has no message {name!r}")
    return globals().setdefault(name, found)
