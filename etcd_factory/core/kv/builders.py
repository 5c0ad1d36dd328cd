"""Reading and writing keys: builders whose modifiers return a new builder and whose terminals run the request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, count, to_bytes
from etcd_factory.core.bound import Bound, terminal, usage
from etcd_factory.core.face import Async, F, Sync, finish
from etcd_factory.core.op import Op
from etcd_factory.errors import choice
from etcd_factory.model import KeyValue, RangeResponse
from etcd_factory.model.ranges import ALL
from etcd_factory.wire import replies
from etcd_factory.wire.values import key_values

from .builder import Builder
from .ranges import RangeModifiers
from .values import ValueReader
from .writes import Delete, Put

Data = bytes  # inside the builders the name is a method's

SortTarget = Literal["key", "version", "create", "mod", "value"]
SortOrder = Literal["ascend", "descend", "none"]

TARGETS = ("key", "version", "create", "mod", "value")
ORDERS = ("ascend", "descend", "none")


class Read(Builder[F]):
    """What reads of one key and of ranges share."""

    __slots__ = ()

    def revision(self, revision: int) -> Self:
        """Read the store as it was at this revision. Raises ``CompactedError`` if it is compacted."""
        return self._with(revision=count(revision, "a revision"))

    def serializable(self) -> Self:
        """Let the member answer from its own store: faster, possibly stale."""
        return self._with(serializable=True)

    def op(self) -> Op[RangeResponse]:
        """Return the read as an operation, without running it."""
        return Op("get", self._fields, replies.range_response)


class Get(ValueReader[F], Read[F]):
    """A read of one key. Every terminal except ``exec`` and ``exists`` returns None if there is no such key."""

    __slots__ = ()

    @terminal
    def exec(self) -> Op[RangeResponse]:
        """Return the whole response."""
        return self.op()


JSONS = replies.by_text(replies.json)
NUMBERS = replies.by_text(replies.number)


class GetAll(Read[F], RangeModifiers):
    """A read of many keys, by default of all in the namespace. A large one is fetched in pages of one revision.

    Iterating yields ``KeyValue``s page by page, with one page in memory. Only a read in key order can be cut into
    pages; sorted in another way it is one message.
    """

    __slots__ = ()

    def limit(self, limit: int) -> Self:
        """Return at most so many keys; 0 means no limit."""
        return self._with(limit=count(limit, "a limit"))

    def sort(self, target: SortTarget, order: SortOrder = "ascend") -> Self:
        """Sort by ``key``, ``version``, ``create``, ``mod`` or ``value``: ``ascend``, ``descend`` or ``none``."""
        by, how = choice(target, TARGETS, "sort target"), choice(order, ORDERS, "sort order")
        return self._with(sort_target=by.upper(), sort_order=how.upper())

    def min_mod_revision(self, revision: int) -> Self:
        """Return only keys last changed at this revision or later."""
        return self._with(min_mod_revision=count(revision, "a revision"))

    def max_mod_revision(self, revision: int) -> Self:
        """Return only keys last changed at this revision or earlier."""
        return self._with(max_mod_revision=count(revision, "a revision"))

    def min_create_revision(self, revision: int) -> Self:
        """Return only keys created at this revision or later."""
        return self._with(min_create_revision=count(revision, "a revision"))

    def max_create_revision(self, revision: int) -> Self:
        """Return only keys created at this revision or earlier."""
        return self._with(max_create_revision=count(revision, "a revision"))

    @terminal
    def keys(self) -> Op[list[str]]:
        """Return the keys as text, in the server's order. Raises ``UnicodeDecodeError`` for one that is not UTF-8."""
        return Op("get", {**self._fields, "keys_only": True}, replies.keys, paged=True)

    @terminal
    def key_bytes(self) -> Op[list[Data]]:
        """Return the keys, in the server's order."""
        return Op("get", {**self._fields, "keys_only": True}, replies.key_bytes, paged=True)

    @terminal
    def strings(self) -> Op[dict[str, str]]:
        """Return keys and values as text, in the server's order. Raises ``UnicodeDecodeError`` naming the key."""
        return Op("get", self._fields, replies.texts, paged=True)

    @terminal
    def bytes(self) -> Op[dict[Data, Data]]:
        """Return keys and values as bytes, in the server's order."""
        return Op("get", self._fields, replies.by_key, paged=True)

    @terminal
    def json(self) -> Op[dict[str, Any]]:
        """Return the values decoded from JSON, by key. Raises ``ValueError`` naming the key of one that is not JSON."""
        return Op("get", self._fields, JSONS, paged=True)

    @terminal
    def numbers(self) -> Op[dict[str, int | float]]:
        """Return the values as numbers, by key. Raises ``ValueError`` naming the key of one that is no number."""
        return Op("get", self._fields, NUMBERS, paged=True)

    @terminal
    def count(self) -> Op[int]:
        """Return how many keys there are, without fetching them."""
        return Op("get", {**self._fields, "count_only": True}, replies.count)

    @terminal
    def kvs(self) -> Op[list[KeyValue]]:
        """Return the keys with values, revisions, versions and leases."""
        return Op("get", self._fields, replies.kvs, paged=True)

    @terminal
    def exec(self) -> Op[RangeResponse]:
        """Return the whole response, in one message."""
        return self.op()

    def __iter__(self: GetAll[Sync]) -> Iterator[KeyValue]:
        if self.face is Async:
            raise TypeError("get_all() of an asyncio client: iterate with 'async for'")
        pages = self._run.pages(self._fields)
        try:
            while page := finish(pages.next()):
                yield from key_values(page.kvs, pages.skip)
        finally:
            finish(pages.close())

    async def __aiter__(self: GetAll[Async]) -> AsyncIterator[KeyValue]:
        if self.face is Sync:
            raise TypeError("get_all() of a blocking client: iterate with 'for'")
        pages = self._run.pages(self._fields)
        try:
            while page := await pages.next():
                for kv in key_values(page.kvs, pages.skip):
                    yield kv
        finally:
            await pages.close()


class KV(Bound[F]):
    """The part of a service that reads and writes keys."""

    __slots__ = ()

    @usage("get('k').string(), or get_all().prefix('k') for several keys")
    def get(self, key: Text) -> Get[F]:
        """Read one key: ``get("k").string()``."""
        return Get(self._run, {"key": to_bytes(key)})

    @usage("get_all().prefix('p').keys(), or range() or all() in place of prefix()")
    def get_all(self) -> GetAll[F]:
        """Read many keys: ``get_all().prefix("p").keys()``; without a modifier every key of the namespace."""
        return GetAll(self._run, {"key": ALL[0], "range_end": ALL[1]})

    @usage("put('k').value('v'), with lease() or previous() before value()")
    def put(self, key: Text) -> Put[F]:
        """Write one key: ``put("k").value("v")``."""
        return Put(self._run, {"key": to_bytes(key)})

    @usage("delete().key('k'), or prefix(), range() or all() in place of key()")
    def delete(self) -> Delete[F]:
        """Delete keys: ``delete().key("k")``, ``delete().prefix("p")``, ``delete().all()``."""
        return Delete(self._run, {})
