"""Reading more than one message should carry: pages, all at the revision of the first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from etcd_factory.core.op import Fields

if TYPE_CHECKING:
    from etcd_factory.wire.messages import RangeResponse

FIRST = 1_000  # keys; their size is not known yet, and one may be 1.5 MB
MOST = 100_000  # keys
COLLECT = 8 << 20  # bytes of a page when all are collected
ITERATE = 1 << 20  # bytes of a page when they are iterated over

Send = Callable[[Fields], Awaitable["RangeResponse"]]


def in_key_order(fields: Fields) -> bool:
    """Whether the server returns keys in ascending order: only then does a page end where the next one begins."""
    target, order = fields.get("sort_target", "KEY"), fields.get("sort_order", "NONE")
    return bool(target == "KEY" and order != "DESCEND")


class RangePages:
    """The pages of one read, fetched one after another; ``skip`` is the length of the namespace in their keys."""

    def __init__(self, send: Send, fields: Fields, skip: int, size: int = COLLECT) -> None:
        self._send, self._bytes = send, size
        self._fields = dict(fields)
        self._left: int = fields.get("limit", 0)
        self._limit = FIRST if in_key_order(fields) else self._left
        self._done = False
        self.skip = skip

    async def next(self) -> RangeResponse | None:
        """Return the next page's message, None after the last one."""
        if self._done:
            return None
        page = await self._fetch()
        return page if page.kvs else None

    async def _fetch(self) -> RangeResponse:
        limit = min(self._limit, self._left) if self._left else self._limit
        page = await self._send({**self._fields, "limit": limit})
        self._advance(page, limit)
        return page

    def _advance(self, page: RangeResponse, limit: int) -> None:
        """Let the next page begin after this one, at the same revision."""
        got = len(page.kvs)
        self._done = not page.more or not got or limit != self._limit or limit == self._left
        if self._done:
            return
        self._left -= got if self._left else 0
        self._fields.setdefault("revision", page.header.revision)
        self._fields["key"] = page.kvs[-1].key[self.skip :] + b"\0"
        self._limit = max(1, min(MOST, self._bytes * got // page.ByteSize()))

    async def collect(self) -> Any:
        """Return all pages as one response: its ``header`` and all ``kvs``."""
        first = await self._fetch()
        if self._done:
            return first
        kvs = list(first.kvs)
        while page := await self.next():
            kvs += page.kvs
        return SimpleNamespace(kvs=kvs, header=first.header)
