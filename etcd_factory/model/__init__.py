"""What etcd holds and answers, as frozen values; ``cluster`` has those of users, members and maintenance.

``activity``, what a client does, is loaded at its first use: few programs listen.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .values import (
    CasResponse,
    DeleteResponse,
    Event,
    Health,
    KeyValue,
    LeaseInfo,
    PutResponse,
    RangeResponse,
    TxnResponse,
)

if TYPE_CHECKING:
    from . import activity as activity

__all__ = [
    "CasResponse",
    "DeleteResponse",
    "Event",
    "Health",
    "KeyValue",
    "LeaseInfo",
    "PutResponse",
    "RangeResponse",
    "TxnResponse",
]


def __getattr__(name: str) -> Any:
    if name == "activity":
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
