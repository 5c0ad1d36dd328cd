"""Reading and writing keys: builders whose modifiers return a new builder and whose terminals run the request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal, Protocol

from attrs import define

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, Value, count, to_bytes, to_json, to_value
from etcd_factory.core.bound import Bound, terminal, usage
from etcd_factory.core.face import Async, F, Runner, Sync, Unbound, finish
from etcd_factory.core.op import Op
from etcd_factory.core.pending import Pending
from etcd_factory.errors import choice
from etcd_factory.model import DeleteResponse, KeyValue, PutResponse, RangeResponse
from etcd_factory.model.ranges import ALL, KeyRange, describe, prefix_range
from etcd_factory.wire import replies
from etcd_factory.wire.values import key_values

from .ranges import RangeModifiers, key_range
from .values import ValueReader

Data = bytes  # inside the builders the name is a method's

SortTarget = Literal["key", "version", "create", "mod", "value"]
SortOrder = Literal["ascend", "descend", "none"]

OTHER_FACE = "this lease was made by a client of the other face; make it with the client that uses it, or pass its id"

TARGETS = ("key", "version", "create", "mod", "value")
ORDERS = ("ascend", "descend", "none")


class HasLeaseId(Protocol):
    """A lease, or anything else with its id."""

    @property
    def id(self) -> int | None:
        """The lease's id, None before it is granted."""
        ...


@define(eq=False)
class Builder(Pending, Bound[F]):
    """What all builders are: a face and the fields of a request."""

    _run: Runner
    _fields: dict[str, Any]

    def _with(self, **fields: Any) -> Self:
        return type(self)(self._run, {**self._fields, **fields})

    def _in_range(self, keys: KeyRange) -> Self:
        return self._with(key=keys[0], range_end=keys[1])

    def __repr__(self) -> str:
        key, end = self._fields.get("key", b""), self._fields.get("range_end", b"")
        shown = describe((key, end)) if end else repr(key.decode(errors="backslashreplace")) if key else ""
        return f"<{' '.join(filter(None, (type(self).__name__, shown)))} of {self._run}>"


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


class Put(Builder[F]):
    """A write of one key."""

    __slots__ = ()

    def lease(self, lease: int | HasLeaseId) -> Self:
        """Attach the key to a lease; one that is not granted yet is granted when the put runs."""
        known: Any = getattr(lease, "id", lease)
        owner = getattr(lease, "face", None)
        if owner is not None and self.face is not Unbound and owner is not self.face:
            raise TypeError(OTHER_FACE)
        ungranted = known is None and hasattr(lease, "__index__")
        return self._with(lease=lease if ungranted else count(known, "a lease id"))

    def ignore_lease(self) -> Self:
        """Keep the key's lease. Raises ``KeyNotFoundError`` if there is no such key."""
        return self._with(ignore_lease=True)

    def previous(self) -> Self:
        """Return the previous key and value too."""
        return self._with(prev_kv=True)

    @terminal
    def value(self, value: Value) -> Op[PutResponse]:
        """Write a value; a number as decimal text."""
        return Op("put", {**self._fields, "value": to_value(value)}, replies.put_response)

    @terminal
    def json(self, value: object) -> Op[PutResponse]:
        """Write a value as JSON."""
        return Op("put", {**self._fields, "value": to_json(value)}, replies.put_response)

    @terminal
    def touch(self) -> Op[PutResponse]:
        """Write the key with its present value. Raises ``KeyNotFoundError`` if there is no such key.

        As in etcd, the key loses its lease unless ``ignore_lease()`` or ``lease()`` is given.
        """
        return Op("put", {**self._fields, "ignore_value": True}, replies.put_response)


class Delete(Builder[F]):
    """A deletion; the terminal says of which keys."""

    __slots__ = ()

    def previous(self) -> Self:
        """Return the deleted keys and values too."""
        return self._with(prev_kv=True)

    def _of(self, keys: KeyRange) -> Op[DeleteResponse]:
        return Op("delete", {**self._fields, "key": keys[0], "range_end": keys[1]}, replies.delete_response)

    @terminal
    def key(self, key: Text) -> Op[DeleteResponse]:
        """Delete one key; a missing one is no error."""
        return self._of((to_bytes(key), b""))

    @terminal
    def prefix(self, prefix: Text) -> Op[DeleteResponse]:
        """Delete all keys that start with ``prefix``."""
        return self._of(prefix_range(to_bytes(prefix, "a prefix")))

    @terminal
    def range(self, start: Text, end: Text) -> Op[DeleteResponse]:
        """Delete the keys from ``start`` to before ``end``."""
        return self._of(key_range(start, end))

    @terminal
    def all(self) -> Op[DeleteResponse]:
        """Delete every key of the namespace."""
        return self._of(ALL)


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
