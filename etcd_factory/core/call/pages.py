"""Reading more than one message should carry: pages, all at the revision of the first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, overload

from etcd_factory.core.op import Fields
from etcd_factory.errors import CompactedError, EtcdError, InternalError

from .range_stream import RangeStream, is_streamable

if TYPE_CHECKING:
    from etcd_factory.wire.messages import KeyValue, RangeResponse

# Keys of the first page: their size is not known yet, and one may be 1.5 MB.
FIRST = 1_000  # when they are iterated over: memory has one page
FIRST_COLLECTED = 10_000  # when all are collected: memory has them all in any case
MOST = 100_000  # keys
COLLECT = 8 << 20  # bytes of a page when all are collected
ITERATE = 1 << 20  # bytes of a page when they are iterated over
RESTARTS = 3  # of a read whose revision is compacted before all pages are there

Send = Callable[[Fields], Awaitable["RangeResponse"]]
Rest = Callable[[Fields], RangeStream | None]


def in_key_order(fields: Fields) -> bool:
    """Whether the server returns keys in ascending order: only then does a page end where the next one begins."""
    target, order = fields.get("sort_target", "KEY"), fields.get("sort_order", "NONE")
    return bool(target == "KEY" and order != "DESCEND")


class KeyValues(Sequence["KeyValue"]):
    """The keys of several pages, which are not copied."""

    def __init__(self, pages: Sequence[Sequence[KeyValue]]) -> None:
        self._pages = pages

    def __iter__(self) -> Iterator[KeyValue]:
        return chain.from_iterable(self._pages)

    def __len__(self) -> int:
        return sum(map(len, self._pages))

    @overload
    def __getitem__(self, index: int) -> KeyValue: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[KeyValue]: ...
    def __getitem__(self, index: int | slice) -> KeyValue | Sequence[KeyValue]:
        return [*self][index]


class RangePages:
    """The pages of one read, fetched one after another; ``skip`` is the length of the namespace in their keys.

    Where the first page leaves more than another one would hold, ``rest`` streams what is left, if the server can: at
    the same revision, so that pages can go on where a stream breaks. ``label`` is the ``operation`` of errors.
    """

    def __init__(
        self, send: Send, fields: Fields, skip: int, size: int = COLLECT, *, rest: Rest | None = None, label: str = ""
    ) -> None:
        self._send, self._given, self._bytes = send, fields, size
        self.skip = skip
        self._label, self._ordered = label, in_key_order(fields)
        self._rest = rest if is_streamable(fields) else None
        self._stream: RangeStream | None = None
        self._restart(FIRST)

    def _restart(self, limit: int) -> None:
        """Begin with the first page of ``limit`` keys, by 0 with the only one."""
        self._fields = dict(self._given)
        self._left: int = self._fields.get("limit", 0)
        self._limit = (limit if self._ordered else 0) or self._left
        self._pinned, self._done = 0, False

    async def next(self) -> RangeResponse | None:
        """Return the next page's message, None after the last one."""
        if self._done:
            return None
        try:
            page = await self._fetch()
        except EtcdError as error:
            error.operation = error.operation or self._label
            if self._pinned and isinstance(error, CompactedError):
                error.message += f"; the iteration was at {self._pinned}, the revision of its first page"
            raise
        return page if page.kvs else None

    async def close(self) -> None:
        """End the stream, if there is one; idempotent."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _fetch(self) -> RangeResponse:
        while self._stream is not None:
            if (part := await self._stream.next()) is None:
                self._stream = None
            elif self._follow(part) or part.kvs:
                return part
        limit = min(self._limit, self._left) if self._left else self._limit
        page = await self._send({**self._fields, "limit": limit})
        self._advance(page, limit)
        return page

    def _follow(self, part: RangeResponse) -> bool:
        """Note what a stream has sent; returns whether that was all."""
        got, is_last = len(part.kvs), part.HasField("header")
        self._done = is_last or (got > 0 and got == self._left)
        if part.kvs and not self._done:
            self._pass(part.kvs)
        return self._done

    def _advance(self, page: RangeResponse, limit: int) -> None:
        """Let the next page begin after this one, at the same revision."""
        got = len(page.kvs)
        self._done = not page.more or not got or limit != self._limit or limit == self._left
        if self._done:
            return
        self._pass(page.kvs)
        self._pinned = self._fields["revision"] = self._fields.get("revision") or page.header.revision
        self._limit = max(1, min(MOST, self._bytes * got // page.ByteSize()))
        remain = page.count - got
        if self._limit < (min(remain, self._left) if self._left else remain):  # more than one page
            self._begin_stream()

    def _begin_stream(self) -> None:
        """Have the rest streamed; each read has one stream, and goes on by pages where that breaks."""
        rest, self._rest = self._rest, None
        if rest is not None:
            self._stream = rest({**self._fields, "limit": self._left})

    def _pass(self, kvs: Sequence[KeyValue]) -> None:
        """Go on after these keys."""
        after = kvs[-1].key[self.skip :] + b"\0"
        if after <= self._fields["key"]:  # never of etcd itself; else the same page would be fetched for ever
            raise InternalError(f"the server sent a page that ends before it begins, at {after[:-1]!r}")
        self._left -= len(kvs) if self._left else 0
        self._fields["key"] = after

    async def collect(self) -> Any:
        """Return all pages as one response: its ``header`` and all ``kvs``.

        It begins anew if its revision is compacted meanwhile, the last time with a single message, which cannot be.
        """
        for _ in range(RESTARTS):
            self._restart(FIRST_COLLECTED)
            try:
                return await self._collect()
            except CompactedError:
                if self._given.get("revision"):
                    raise
        self._restart(0)
        return await self._collect()

    async def _collect(self) -> Any:
        first = await self._fetch()
        if self._done:
            return first
        pages = [first.kvs]
        try:
            while page := await self.next():
                pages.append(page.kvs)
        finally:
            await self.close()
        return SimpleNamespace(kvs=KeyValues(pages), header=first.header)
