"""etcd's message classes as attributes: ``messages.RangeRequest(key=b"k")``. They are created at the first use."""

from __future__ import annotations

from typing import Any

from .descriptors import FILES, classes


def __getattr__(name: str) -> Any:
    for file in () if name.startswith("_") else reversed(FILES):
        if name in classes(file):
            return globals().setdefault(name, classes(file)[name])
    raise AttributeError(f"etcd has no message {name!r}")
