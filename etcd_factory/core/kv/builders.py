"""Reading and writing keys: builders, each modifier giving a new one, each terminal running the request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from attrs import define
from typing_extensions import Self

from etcd_factory.core.face import Async, Bound, F, Runner, Sync, finish, terminal
from etcd_factory.core.op import Op, Text, encoded, number, raw, stored
from etcd_factory.errors import suggestion
from etcd_factory.model import DeleteResponse, KeyValue, PutResponse, RangeResponse
from etcd_factory.model.ranges import ALL, Span, prefixed
from etcd_factory.wire import replies

from .ranges import RangeModifiers, span
from .values import ValueReader

T = TypeVar("T")

Data = bytes  # inside the builders the name is a method's

TARGETS = {"key": "KEY", "version": "VERSION", "create": "CREATE", "mod": "MOD", "value": "VALUE"}
ORDERS = {"ascend": "ASCEND", "descend": "DESCEND", "none": "NONE"}


class HasId(Protocol):
    """A lease, or whatever else has its id."""

    @property
    def id(self) -> int | None:
        """The lease's id, None before it is granted."""
        ...


def word(value: str, table: Mapping[str, T], what: str) -> T:
    """etcd's name for one of a few words; ``ValueError`` lists them."""
    if value not in table:
        raise ValueError(f"{what} {value!r} is none of {', '.join(table)}{suggestion(str(value), table)}")
    return table[value]


@define(eq=False)
class Builder(Bound[F]):
    """What all builders are: a face and the fields of a request."""

    _run: Runner
    _fields: dict[str, Any]

    def _with(self, **fields: Any) -> Self:
        return type(self)(self._run, {**self._fields, **fields})

    def _within(self, span: Span) -> Self:
        return self._with(key=span[0], range_end=span[1])


class Read(Builder[F]):
    """What single and ranged reads share."""

    __slots__ = ()

    def revision(self, revision: int) -> Self:
        """Read the store as it was at this revision."""
        return self._with(revision=number(revision, "a revision"))

    def serializable(self) -> Self:
        """Let the member answer from its own store: faster, and possibly behind."""
        return self._with(serializable=True)

    def op(self) -> Op[RangeResponse]:
        """The read as an operation, not run."""
        return Op("get", self._fields, replies.got)


class Get(ValueReader[F], Read[F]):
    """A read of one key. Every terminal but ``exec`` and ``exists`` gives None if there is no such key."""

    __slots__ = ()

    @terminal
    def exec(self) -> Op[RangeResponse]:
        """The whole answer."""
        return self.op()


JSONS = replies.by_text(replies.json)
NUMBERS = replies.by_text(replies.number)


class GetAll(Read[F], RangeModifiers):
    """A read of many keys, by default of all in the namespace. A large one is fetched in pages of one revision.

    Iterating gives ``KeyValue``s page by page, in memory for one page. Only a read in key order can be cut into pages;
    sorted otherwise it is one message.
    """

    __slots__ = ()

    def limit(self, limit: int) -> Self:
        """At most so many keys; 0 means no limit."""
        return self._with(limit=number(limit, "a limit"))

    def sort(self, target: str, order: str = "ascend") -> Self:
        """By ``key version create mod value``, in the order ``ascend descend none``."""
        return self._with(
            sort_target=word(target, TARGETS, "the sort target"), sort_order=word(order, ORDERS, "the sort order")
        )

    def min_mod_revision(self, revision: int) -> Self:
        """Only keys last changed at this revision or later."""
        return self._with(min_mod_revision=number(revision, "a revision"))

    def max_mod_revision(self, revision: int) -> Self:
        """Only keys last changed at this revision or earlier."""
        return self._with(max_mod_revision=number(revision, "a revision"))

    def min_create_revision(self, revision: int) -> Self:
        """Only keys created at this revision or later."""
        return self._with(min_create_revision=number(revision, "a revision"))

    def max_create_revision(self, revision: int) -> Self:
        """Only keys created at this revision or earlier."""
        return self._with(max_create_revision=number(revision, "a revision"))

    @terminal
    def keys(self) -> Op[list[str]]:
        """The keys as text, in the server's order; ``UnicodeDecodeError`` names one that is not UTF-8."""
        return Op("get", {**self._fields, "keys_only": True}, replies.keys, paged=True)

    @terminal
    def key_bytes(self) -> Op[list[Data]]:
        """The keys, in the server's order."""
        return Op("get", {**self._fields, "keys_only": True}, replies.key_bytes, paged=True)

    @terminal
    def strings(self) -> Op[dict[str, str]]:
        """Keys and values as text, in the server's order."""
        return Op("get", self._fields, replies.texts, paged=True)

    @terminal
    def bytes(self) -> Op[dict[Data, Data]]:
        """Keys and values as they are, in the server's order."""
        return Op("get", self._fields, replies.by_key, paged=True)

    @terminal
    def json(self) -> Op[dict[str, Any]]:
        """Values read as JSON, by key; ``ValueError`` names the key of one that is none."""
        return Op("get", self._fields, JSONS, paged=True)

    @terminal
    def numbers(self) -> Op[dict[str, int | float]]:
        """Values read as numbers, by key; ``ValueError`` names the key of one that is none."""
        return Op("get", self._fields, NUMBERS, paged=True)

    @terminal
    def count(self) -> Op[int]:
        """How many keys there are; none is fetched."""
        return Op("get", {**self._fields, "count_only": True}, replies.count)

    @terminal
    def kvs(self) -> Op[list[KeyValue]]:
        """The keys with values, revisions, versions and leases."""
        return Op("get", self._fields, replies.kvs, paged=True)

    @terminal
    def exec(self) -> Op[RangeResponse]:
        """The whole answer, in one message."""
        return self.op()

    def __iter__(self: GetAll[Sync]) -> Iterator[KeyValue]:
        pages = self._run.pages(self._fields, Sync)
        while page := finish(pages.next()):
            yield from replies.key_values(page.kvs, pages.skip)

    async def __aiter__(self: GetAll[Async]) -> AsyncIterator[KeyValue]:
        pages = self._run.pages(self._fields, Async)
        while page := await pages.next():
            for kv in replies.key_values(page.kvs, pages.skip):
                yield kv


class Put(Builder[F]):
    """A write of one key."""

    __slots__ = ()

    def lease(self, lease: int | HasId) -> Self:
        """Let the key live as long as this lease; one that is not granted yet will be when the put is run."""
        known = getattr(lease, "id", lease)
        if known is None and hasattr(lease, "__index__"):
            return self._with(lease=lease)
        return self._with(lease=number(known, "a lease id"))

    def ignore_lease(self) -> Self:
        """Keep the lease that the key has; ``KeyNotFoundError`` if there is no such key."""
        return self._with(ignore_lease=True)

    def previous(self) -> Self:
        """Tell what stood there."""
        return self._with(prev_kv=True)

    @terminal
    def value(self, value: str | bytes | int | float) -> Op[PutResponse]:
        """Write the value; a number as decimal text."""
        return Op("put", {**self._fields, "value": stored(value)}, replies.was_put)

    @terminal
    def json(self, value: Any) -> Op[PutResponse]:
        """Write the value as JSON."""
        return Op("put", {**self._fields, "value": encoded(value)}, replies.was_put)

    @terminal
    def touch(self) -> Op[PutResponse]:
        """Write the key with the value that it has; ``KeyNotFoundError`` if there is no such key.

        As in etcd, the key's lease goes unless ``ignore_lease()`` or ``lease()`` is given.
        """
        return Op("put", {**self._fields, "ignore_value": True}, replies.was_put)


class Delete(Builder[F]):
    """A deletion; each terminal says of what."""

    __slots__ = ()

    def previous(self) -> Self:
        """Tell what stood there."""
        return self._with(prev_kv=True)

    def _of(self, span: Span) -> Op[DeleteResponse]:
        return Op("delete", {**self._fields, "key": span[0], "range_end": span[1]}, replies.deleted)

    @terminal
    def key(self, key: Text) -> Op[DeleteResponse]:
        """One key; none there is no error."""
        return self._of((raw(key), b""))

    @terminal
    def prefix(self, prefix: Text) -> Op[DeleteResponse]:
        """All keys that begin with ``prefix``."""
        return self._of(prefixed(raw(prefix, "a prefix")))

    @terminal
    def range(self, start: Text, end: Text) -> Op[DeleteResponse]:
        """The keys from ``start`` up to but not with ``end``."""
        return self._of(span(start, end))

    @terminal
    def all(self) -> Op[DeleteResponse]:
        """Every key of the namespace."""
        return self._of(ALL)


class KV(Bound[F]):
    """The part of a service that reads and writes keys."""

    __slots__ = ()

    def get(self, key: Text) -> Get[F]:
        """Read one key: ``get("k").string()``."""
        return Get(self._run, {"key": raw(key)})

    def get_all(self) -> GetAll[F]:
        """Read many keys: ``get_all().prefix("p").keys()``; without a modifier every key of the namespace."""
        return GetAll(self._run, {"key": ALL[0], "range_end": ALL[1]})

    def put(self, key: Text) -> Put[F]:
        """Write one key: ``put("k").value("v")``."""
        return Put(self._run, {"key": raw(key)})

    def delete(self) -> Delete[F]:
        """Delete keys: ``delete().key("k")``, ``delete().prefix("p")``, ``delete().all()``."""
        return Delete(self._run, {})
