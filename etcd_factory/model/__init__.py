"""What etcd holds and answers, as frozen values; ``cluster`` has those of users, members and maintenance."""

from __future__ import annotations

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
