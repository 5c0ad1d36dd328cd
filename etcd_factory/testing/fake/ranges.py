"""Reads of ranges: filters, order, limits and counts (server/etcdserver/apply.go)."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Protocol

from etcd_factory.wire import messages as m

from .refusals import refused
from .spans import Span, span_of

NONE, ASCEND, DESCEND = range(3)
TARGETS = ("key", "version", "create_revision", "mod_revision", "value")
FILTERS: tuple[tuple[str, Callable[[m.KeyValue, int], bool]], ...] = (
    ("min_mod_revision", lambda kv, least: kv.mod_revision >= least),
    ("max_mod_revision", lambda kv, most: kv.mod_revision <= most),
    ("min_create_revision", lambda kv, least: kv.create_revision >= least),
    ("max_create_revision", lambda kv, most: kv.create_revision <= most),
)


class Reader(Protocol):
    """A store, or a transaction on it."""

    @property
    def revision(self) -> int:
        """The current revision."""
        ...

    def read(self, span: Span, revision: int = 0) -> list[m.KeyValue]:
        """Return the keys of a range at a revision, 0 for now, in order."""
        ...


def check_range(request: m.RangeRequest) -> None:
    """Raise etcd's refusal of a read that is invalid whatever is stored."""
    if not request.key:
        raise refused("empty key")
    if request.sort_order > DESCEND or request.sort_target >= len(TARGETS):
        raise refused("sort option")


def read_range(reader: Reader, request: m.RangeRequest) -> m.RangeResponse:
    """Return the response to a read."""
    found = reader.read(span_of(request.key, request.range_end), request.revision)
    reply = m.RangeResponse(header={"revision": reader.revision}, count=len(found))
    if request.count_only:
        return reply
    chosen = in_order(filtered(found, request), request)
    reply.more = 0 < request.limit < len(chosen)
    reply.kvs.extend(chosen[: request.limit] if request.limit > 0 else chosen)
    if request.keys_only:
        for kv in reply.kvs:
            kv.value = b""
    return reply


def filtered(kvs: list[m.KeyValue], request: m.RangeRequest) -> list[m.KeyValue]:
    """Return the keys that a read's bounds for revisions let pass; 0 is no bound."""
    for name, passes in FILTERS:
        if bound := getattr(request, name):
            kvs = [kv for kv in kvs if passes(kv, bound)]
    return kvs


def in_order(kvs: list[m.KeyValue], request: m.RangeRequest) -> list[m.KeyValue]:
    """Return the keys in the order of a read; a target other than the key is sorted ascending by default."""
    order = request.sort_order or (ASCEND if request.sort_target else NONE)
    if order == NONE:
        return kvs
    target: Callable[[m.KeyValue], Any] = attrgetter(TARGETS[request.sort_target])
    return sorted(kvs, key=target, reverse=order == DESCEND)
