"""Several operations as one: transactions, and batches cut into as few of them as etcd allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from attrs import frozen

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, Value, count, to_bytes, to_value
from etcd_factory.core.bound import Bound, terminal, usage
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F, Runner, Unbound
from etcd_factory.core.op import Fields, Op, Pages, message
from etcd_factory.core.pending import Pending, advice
from etcd_factory.errors import EtcdError, choice
from etcd_factory.model import TxnResponse
from etcd_factory.model.ranges import KeyRange, prefix_range
from etcd_factory.wire import replies

from .batch import groups
from .builders import KV, Get, GetAll
from .ranges import key_range

if TYPE_CHECKING:
    from etcd_factory.wire.messages import RangeResponse

NumberColumn = Literal["version", "create", "mod", "lease"]
Column = Literal["value"] | NumberColumn
Comparison = Literal["==", "!=", "<", ">"]

COLUMNS: dict[str, tuple[str, str]] = {
    "value": ("VALUE", "value"),
    "version": ("VERSION", "version"),
    "create": ("CREATE", "create_revision"),
    "mod": ("MOD", "mod_revision"),
    "lease": ("LEASE", "lease"),
}
COMPARISONS = {"==": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}

Compare = Mapping[str, Any]


class Describer:
    """The runner of ``ops``: nothing is run."""

    face = Unbound

    def __str__(self) -> str:
        return "ops"

    async def execute(self, op: Op[Any]) -> Any:
        """Raise ``TypeError``: there is no client."""
        raise TypeError(f"ops only describe operations; run {op.label} with a client")

    def pages(self, fields: Fields) -> Pages:
        """Raise ``TypeError``: there is no client."""
        del fields
        raise TypeError("ops only describe operations; iterate over a client's get_all()")


DESCRIBER = Describer()


def compare(key: Text, column: str, comparison: str, value: Value, end: bytes = b"") -> Compare:
    """Return a comparison as the fields of etcd's message; with ``end`` of all keys from ``key`` to before it."""
    target, field = COLUMNS[choice(column, COLUMNS, "column")]
    result = COMPARISONS[choice(comparison, COMPARISONS, "comparison")]
    wanted = to_value(value) if column == "value" else count(cast("int", value), f"the {column} to compare with")
    fields = {"key": to_bytes(key), "target": target, "result": result, field: wanted}
    return {**fields, "range_end": end} if end else fields


def compared(key: Text, prefix: bool, end: Text | None) -> KeyRange:
    """Return the keys that a comparison is about."""
    if prefix and end is not None:
        raise ValueError("pass prefix=True or end, not both")
    if end is not None:
        return key_range(key, end)
    return prefix_range(to_bytes(key, "a prefix")) if prefix else (to_bytes(key), b"")


def as_op(given: Any) -> Op[Any]:
    """Return an operation, from one or from a builder of ``ops`` that needs no terminal."""
    if isinstance(given, Op):
        return cast("Any", given)  # type: ignore[no-any-return]
    if getattr(given, "face", None) is Unbound and hasattr(given, "op"):
        return cast("Op[Any]", given.op())
    expected = "expected an operation made by ops, like ops.put('k').value('v')"
    if isinstance(given, Pending) and getattr(given, "face", None) is Unbound:
        raise TypeError(f"{expected}, not {given!r}: {advice(given)}")
    hint = "; a client's own builder runs at once" if isinstance(given, Bound) else ""
    raise TypeError(f"{expected}, not {type(cast('object', given)).__name__}{hint}")


@frozen(eq=False, repr=False)
class Txn(Pending, Bound[F]):
    """A transaction: if all comparisons hold the operations of ``then`` run, else those of ``else_``; all or none."""

    _run: Runner
    _compare: tuple[Compare, ...] = ()
    _success: tuple[Op[Any], ...] = ()
    _failure: tuple[Op[Any], ...] = ()

    def __repr__(self) -> str:
        then, otherwise = (", ".join(op.label for op in branch) for branch in (self._success, self._failure))
        return f"<Txn if {len(self._compare)} comparisons hold [{then}] else [{otherwise}] of {self._run}>"

    @overload
    def and_(
        self,
        key: Text,
        column: Literal["value"],
        comparison: Comparison,
        value: Value,
        *,
        prefix: bool = False,
        end: Text | None = None,
    ) -> Self: ...
    @overload
    def and_(
        self,
        key: Text,
        column: NumberColumn,
        comparison: Comparison,
        value: int,
        *,
        prefix: bool = False,
        end: Text | None = None,
    ) -> Self: ...
    def and_(
        self,
        key: Text,
        column: Column,
        comparison: Comparison,
        value: Value,
        *,
        prefix: bool = False,
        end: Text | None = None,
    ) -> Self:
        r"""Add a comparison that must hold too.

        Columns: ``value``, ``version``, ``create``, ``mod``, ``lease``; comparisons: ``==``, ``!=``, ``<``, ``>``. A
        missing key has version 0 and no value: comparing its value never holds.

        With ``prefix=True`` it must hold for each key that starts with ``key``, with ``end`` for each from ``key`` to
        before ``end`` (``"\0"``: the end of all keys). If there is no such key etcd compares as with a missing one:
        ``if_("p/", "version", "==", 0, prefix=True)`` holds only if no key starts with ``p/``, and ``"mod", "<", 5``
        holds too; comparing values never does.
        """
        start, stop = compared(key, prefix, end)
        added = compare(start, column, comparison, value, stop)
        return type(self)(self._run, (*self._compare, added), self._success, self._failure)

    def then(self, *operations: OperationLike) -> Self:
        """Add operations to run if the comparisons hold."""
        return type(self)(self._run, self._compare, (*self._success, *map(as_op, operations)), self._failure)

    def else_(self, *operations: OperationLike) -> Self:
        """Add operations to run if they do not hold."""
        return type(self)(self._run, self._compare, self._success, (*self._failure, *map(as_op, operations)))

    def op(self) -> Op[TxnResponse]:
        """Return the transaction as an operation, without running it."""
        fields = {"compare": self._compare, "success": self._success, "failure": self._failure}
        return Op("txn", fields, replies.txn_response(self._success, self._failure))

    @terminal
    def commit(self) -> Op[TxnResponse]:
        """Run it. Raises ``DuplicateKeyError`` if one branch writes a key twice."""
        return self.op()


OperationLike = Op[Any] | Get[Unbound] | GetAll[Unbound] | Txn[Unbound]


class Transactions(Bound[F]):
    """The part of a service that runs several operations as one."""

    __slots__ = ()

    @usage("txn().then(ops.put('k').value('v')).commit()")
    def txn(self) -> Txn[F]:
        """Begin a transaction without a comparison."""
        return Txn(self._run)

    @overload
    def if_(
        self,
        key: Text,
        column: Literal["value"],
        comparison: Comparison,
        value: Value,
        *,
        prefix: bool = False,
        end: Text | None = None,
    ) -> Txn[F]: ...
    @overload
    def if_(
        self,
        key: Text,
        column: NumberColumn,
        comparison: Comparison,
        value: int,
        *,
        prefix: bool = False,
        end: Text | None = None,
    ) -> Txn[F]: ...
    @usage("if_('k', 'version', '==', 0).then(ops.put('k').value('v')).commit()")
    def if_(
        self,
        key: Text,
        column: Column,
        comparison: Comparison,
        value: Value,
        *,
        prefix: bool = False,
        end: Text | None = None,
    ) -> Txn[F]:
        """Begin a transaction with a comparison: ``if_("k", "version", "==", 0)``; see ``Txn.and_``."""
        begun: Any = Txn(self._run).and_  # its overloads are those of this method
        txn: Txn[F] = begun(key, column, comparison, value, prefix=prefix, end=end)
        return txn


async def batch(view: View, operations: Iterable[OperationLike]) -> list[Any]:
    """Return the results of all operations, in order; see the services' ``batch``."""
    results: list[Any] = []
    ops = [as_op(given) for given in operations]
    for group in groups(ops):
        try:
            results += await commit(view, group)
        except EtcdError as error:
            error.operation = f"batch, {len(group)} of {len(ops)} operations; the {len(results)} before them are done"
            raise
    return results


async def commit(view: View, group: list[Op[Any]]) -> tuple[Any, ...]:
    """Return the results of operations that fit into one transaction."""
    if len(group) == 1:
        return (await view.execute(group[0]),)
    reply: TxnResponse = await view.execute(Txn[Unbound](DESCRIBER, (), tuple(group)).op())
    return reply.results


def read_message(key: bytes, **fields: object) -> Op[RangeResponse]:
    """Return a read of one key whose result is etcd's own message."""
    return Op("get", {"key": key, **fields}, message)


def mod_revision(reply: RangeResponse) -> int:
    """Return when the key was changed last; 0 if it does not exist."""
    return reply.kvs[0].mod_revision if reply.kvs else 0


class Ops(KV[Unbound], Transactions[Unbound]):
    """The builders without a client: what they return goes into ``then``, ``else_`` and ``batch``."""

    _run = DESCRIBER


ops = Ops()
