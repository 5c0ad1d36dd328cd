"""Reading what a mirror holds, with the service's builders and readers, without the network."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, ge, le
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, evolve

from etcd_factory.core.arguments import Text, to_bytes
from etcd_factory.core.face import F, Face, Runner, Sync
from etcd_factory.core.kv.builders import GetAll
from etcd_factory.core.kv.values import ValueReader
from etcd_factory.core.op import Fields, Op, Pages
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import ALL, KeyRange, describe, explicit, prefix_range, within

from .fresh_read import result

if TYPE_CHECKING:
    from .store import KeyValueStore

T = TypeVar("T")

Field = Callable[[KeyValue], Any]

KEY, VERSION, VALUE = attrgetter("key"), attrgetter("version"), attrgetter("value")
CREATED, MODIFIED = attrgetter("create_revision"), attrgetter("mod_revision")
SORTS: dict[str, Field] = {"KEY": KEY, "VERSION": VERSION, "CREATE": CREATED, "MOD": MODIFIED, "VALUE": VALUE}
BOUNDS: dict[str, tuple[Field, Callable[[int, int], bool]]] = {
    "min_mod_revision": (MODIFIED, ge),
    "max_mod_revision": (MODIFIED, le),
    "min_create_revision": (CREATED, ge),
    "max_create_revision": (CREATED, le),
}


@define(eq=False, repr=False)  # made for each read: frozen ones take longer
class Get(ValueReader[F]):
    """A read of one key from a mirror."""

    _run: Runner
    _fields: dict[str, Any]


@define(eq=False)
class Held:
    """Runs reads of one key on the state that is held: at once, in every face."""

    store: KeyValueStore
    face: Face = Sync

    def __str__(self) -> str:
        return repr(self.store)

    async def execute(self, op: Op[T]) -> T:
        """Return the result."""
        return result(op, self.store.held(op.fields["key"]), 0)

    def pages(self, fields: Fields) -> Pages:
        """Raise ``TypeError``: a mirror is a mapping."""
        del fields
        raise TypeError("iterate over the mirror itself")


@define(eq=False)
class Local:
    """Runs reads of ranges on the state that is held: at once, in every face."""

    store: KeyValueStore
    prefix: bytes
    at: Callable[[int], KeyValueStore]
    face: Face = Sync

    def __str__(self) -> str:
        return repr(self.store)

    async def execute(self, op: Op[T]) -> T:
        """Return the result."""
        return op.read(self.answer(op.fields), 0)

    def pages(self, fields: Fields) -> Page:
        """Return all that is read as one page."""
        return Page(self.answer(fields))

    def answer(self, fields: Fields) -> Any:
        """Return what etcd would answer."""
        store = self.at(fields["revision"]) if fields.get("revision") else self.store
        span = inside((fields["key"], fields["range_end"]), self.prefix)
        if fields.get("count_only"):
            return SimpleNamespace(kvs=(), count=store.count(span))
        kvs, count, revision = found(store, span, fields)
        header = SimpleNamespace(revision=revision if store is self.store else self.store.revision)
        more = bool(fields.get("limit")) and len(kvs) > fields["limit"]
        kvs = kvs[: fields["limit"]] if more else kvs
        if fields.get("keys_only"):
            kvs = [evolve(kv, value=b"") for kv in kvs]
        return SimpleNamespace(kvs=kvs, count=count, more=more, header=header)


@define(eq=False)
class Page:
    """One page, which is all."""

    _answer: Any
    skip: int = 0

    async def next(self) -> Any:
        """Return the page, then None."""
        page, self._answer = self._answer, None
        return page if page is not None and page.kvs else None

    async def close(self) -> None:
        """Return no more."""
        self._answer = None


def found(store: KeyValueStore, span: KeyRange, fields: Fields) -> tuple[list[KeyValue], int, int]:
    """Return the keys that a read wants, one more than its limit if there are; the count; the revision."""
    bounds = [(*BOUNDS[name], fields[name]) for name in BOUNDS if fields.get(name)]
    target, order = fields.get("sort_target", "KEY"), fields.get("sort_order", "NONE")
    in_order = target == "KEY" and order != "DESCEND"
    few = not bounds and (in_order or order == "NONE")  # etcd then sorts only those that it has read up to the limit
    limit = fields.get("limit", 0)
    kvs, count, revision = store.select(span, limit + 1 if few and limit else 0)
    if bounds:
        kvs = [kv for kv in kvs if all(holds(field(kv), bound) for field, holds, bound in bounds)]
    if not in_order:
        kvs.sort(key=SORTS[target], reverse=order == "DESCEND")
    return kvs, count, revision


def inside(span: KeyRange, prefix: bytes) -> KeyRange:
    """Return the range, for all keys that of the prefix; ``ValueError`` if a mirror of that does not hold all of it."""
    whole = prefix_range(prefix)
    if span == ALL or within(explicit(span), whole):
        return whole if span == ALL else span
    raise ValueError(f"{describe(span)} is not in the mirrored {describe(whole)}; read it with the service")


def get(store: KeyValueStore, key: Text) -> Get[Sync]:
    """Return a read of one key."""
    return Get(Held(store), {"key": to_bytes(key)})


def get_all(store: KeyValueStore, prefix: bytes, at: Callable[[int], KeyValueStore]) -> GetAll[Sync]:
    """Return a read of all that is held, to be narrowed down."""
    return GetAll(Local(store, prefix, at), {"key": ALL[0], "range_end": ALL[1]})
