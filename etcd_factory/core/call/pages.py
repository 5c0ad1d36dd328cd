"""Reading more than one message should carry: pages, all of the first one's revision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

FIRST = 1_000  # keys; their size is not known yet, and one may be 1.5 MB
MOST = 100_000  # keys
READ = 8 << 20  # bytes of a page that is collected
WALK = 1 << 20  # bytes of a page that is iterated over

Send = Callable[[Mapping[str, Any]], Awaitable[Any]]


def in_key_order(fields: Mapping[str, Any]) -> bool:
    """Whether the server gives keys in ascending order: only then does a page end where the next one begins."""
    target, order = fields.get("sort_target", "KEY"), fields.get("sort_order", "NONE")
    return bool(target == "KEY" and order != "DESCEND")


class Pages:
    """The pages of one read, asked for one after another; ``skip`` is the length of the namespace in their keys."""

    def __init__(self, send: Send, fields: Mapping[str, Any], skip: int, target: int = READ) -> None:
        self._send, self._target = send, target
        self._fields = dict(fields)
        self._left: int = fields.get("limit", 0)
        self._size = FIRST if in_key_order(fields) else self._left
        self._over = False
        self.skip = skip

    async def next(self) -> Any:
        """The next page's message, None behind the last one."""
        if self._over:
            return None
        page = await self._page()
        return page if page.kvs else None

    async def _page(self) -> Any:
        size = min(self._size, self._left) if self._left else self._size
        page = await self._send({**self._fields, "limit": size})
        self._follow(page, size)
        return page

    def _follow(self, page: Any, size: int) -> None:
        """Let the next page begin behind this one, at the same revision."""
        got = len(page.kvs)
        self._over = not page.more or not got or size != self._size or size == self._left
        if self._over:
            return
        self._left -= got if self._left else 0
        self._fields.setdefault("revision", page.header.revision)
        self._fields["key"] = page.kvs[-1].key[self.skip :] + b"\0"
        self._size = max(1, min(MOST, self._target * got // page.ByteSize()))

    async def collect(self) -> Any:
        """All pages as one answer."""
        first = await self._page()
        if self._over:
            return first
        kvs: list[Any] = list(first.kvs)
        while page := await self.next():
            kvs += page.kvs
        return SimpleNamespace(kvs=kvs, header=first.header)
