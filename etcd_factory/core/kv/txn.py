"""Several operations as one: transactions, and batches that are cut into as few of them as etcd allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Union, cast

from attrs import evolve, frozen
from typing_extensions import Self

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, Runner, Unbound, terminal, unrun
from etcd_factory.core.op import Op, Text, number, raw, stored
from etcd_factory.errors import EtcdError, suggestion
from etcd_factory.model import TxnResponse
from etcd_factory.model.ranges import Span, prefixed
from etcd_factory.wire import replies

from .batch import groups
from .builders import KV, Get, GetAll
from .ranges import span

COLUMNS = {
    "value": ("VALUE", "value"),
    "version": ("VERSION", "version"),
    "create": ("CREATE", "create_revision"),
    "mod": ("MOD", "mod_revision"),
    "lease": ("LEASE", "lease"),
}
COMPARISONS = {"==": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}

Compare = Mapping[str, Any]


def compare(key: Text, column: str, comparison: str, value: Any, end: bytes = b"") -> Compare:
    """One comparison as the fields of etcd's message; with ``end`` it is one of all keys from ``key`` to there."""
    for word, table, what in ((column, COLUMNS, "the column"), (comparison, COMPARISONS, "the comparison")):
        if word not in table:
            raise ValueError(f"{what} {word!r} is none of {' '.join(table)}{suggestion(str(word), table)}")
    target, field = COLUMNS[column]
    wanted = stored(value) if column == "value" else number(value, f"the {column} to compare with")
    fields = {"key": raw(key), "target": target, "result": COMPARISONS[comparison], field: wanted}
    return {**fields, "range_end": end} if end else fields


def compared(key: Text, prefix: bool, end: Text | None) -> Span:
    """The keys that a comparison is about."""
    if prefix and end is not None:
        raise ValueError("a comparison is about a prefix, or about a range that has an end; give one of both")
    if end is not None:
        return span(key, end)
    return prefixed(raw(key, "a prefix")) if prefix else (raw(key), b"")


def as_op(given: Any) -> Op[Any]:
    """An operation, from one or from a builder of ``ops`` that needs no terminal."""
    if isinstance(given, Op):
        return cast("Any", given)  # type: ignore[no-any-return]
    if getattr(given, "_run", None) is unrun and hasattr(given, "op"):
        return cast("Op[Any]", given.op())
    own = "; a client's own builder runs at once" if isinstance(given, Bound) else ""
    kind = type(cast("object", given)).__name__
    raise TypeError(f"an operation is made by ops, like ops.put('k').value('v'); got {kind}{own}")


Part = Union[Op[Any], Get[Unbound], GetAll[Unbound], "Txn[Unbound]"]


@frozen(eq=False)
class Txn(Bound[F]):
    """A transaction: if all comparisons hold the operations of ``then`` run, else those of ``else_``; all or none."""

    _run: Runner
    _compare: tuple[Compare, ...] = ()
    _success: tuple[Op[Any], ...] = ()
    _failure: tuple[Op[Any], ...] = ()

    def and_(
        self, key: Text, column: str, comparison: str, value: Any, *, prefix: bool = False, end: Text | None = None
    ) -> Self:
        r"""One more comparison that must hold.

        Columns: ``value version create mod lease``; comparisons: ``== != < >``. A missing key has version 0 and no
        value: comparing its value is never true.

        With ``prefix=True`` it must hold for each key that begins with ``key``, with ``end`` for each from ``key`` up
        to but not with ``end`` (``"\0"``: the end of all keys). Where there is no such key etcd compares as with a
        missing one: ``if_("p/", "version", "==", 0, prefix=True)`` holds only if there is none below ``p/``, and
        ``"mod", "<", 5`` holds too; comparing values never does.
        """
        key, stop = compared(key, prefix, end)
        return evolve(self, compare=(*self._compare, compare(key, column, comparison, value, stop)))

    def then(self, *operations: Part) -> Self:
        """Operations for when the comparisons hold; a second call adds to the first."""
        return evolve(self, success=(*self._success, *map(as_op, operations)))

    def else_(self, *operations: Part) -> Self:
        """Operations for when they do not hold; a second call adds to the first."""
        return evolve(self, failure=(*self._failure, *map(as_op, operations)))

    def op(self) -> Op[TxnResponse]:
        """The transaction as an operation, not run."""
        fields = {"compare": self._compare, "success": self._success, "failure": self._failure}
        return Op("txn", fields, replies.committed(self._success, self._failure))

    @terminal
    def commit(self) -> Op[TxnResponse]:
        """Run it. ``DuplicateKeyError`` if one branch writes a key twice."""
        return self.op()


class Transactions(Bound[F]):
    """The part of a service that runs several operations as one."""

    __slots__ = ()

    def txn(self) -> Txn[F]:
        """A transaction without a comparison."""
        return Txn(self._run)

    def if_(
        self, key: Text, column: str, comparison: str, value: Any, *, prefix: bool = False, end: Text | None = None
    ) -> Txn[F]:
        """A transaction that begins with a comparison: ``if_("k", "version", "==", 0)``; see ``Txn.and_``."""
        return Txn[F](self._run).and_(key, column, comparison, value, prefix=prefix, end=end)


async def batch(view: View, operations: Iterable[Part]) -> list[Any]:
    """The results of all operations, in order; see the services' ``batch``."""
    results: list[Any] = []
    ops = [as_op(given) for given in operations]
    for group in groups(ops):
        try:
            results += await commit(view, group)
        except EtcdError as error:
            error.operation = f"batch, {len(group)} of {len(ops)} operations, the {len(results)} before them are done"
            raise
    return results


async def commit(view: View, group: list[Op[Any]]) -> tuple[Any, ...]:
    """The results of operations that one transaction can hold."""
    if len(group) == 1:
        return (await view.execute(group[0]),)
    reply: TxnResponse = await view.execute(Txn[Unbound](unrun, (), tuple(group)).op())
    return reply.results


class Ops(KV[Unbound], Transactions[Unbound]):
    """The builders without a client: what they give is put into ``then``, ``else_`` and ``batch``."""

    _run = unrun


ops = Ops()
