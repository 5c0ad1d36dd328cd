"""Writing and deleting keys, whatever they are now or only if they are as expected."""

from __future__ import annotations

from typing import Any, Protocol

from attrs import define

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, Value, count, to_bytes, to_json, to_value
from etcd_factory.core.bound import terminal
from etcd_factory.core.face import F, Unbound
from etcd_factory.core.op import Op
from etcd_factory.model import CasResponse, DeleteResponse, PutResponse
from etcd_factory.model.ranges import ALL, KeyRange, prefix_range
from etcd_factory.wire import replies

from .builder import Builder
from .ranges import key_range
from .values import KV

OTHER_FACE = "this lease was made by a client of the other face; make it with the client that uses it, or pass its id"
UNTOLD = "what a conditional write replaces has the revision that it is given: read it before, without previous()"


class HasLeaseId(Protocol):
    """A lease, or anything else with its id."""

    @property
    def id(self) -> int | None:
        """The lease's id, None before it is granted."""
        ...


class PutModifiers(Builder[F]):
    """What puts share."""

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

    def _value(self, value: Value) -> Op[PutResponse]:
        return Op("put", {**self._fields, "value": to_value(value)}, replies.put_response)

    def _json(self, value: object) -> Op[PutResponse]:
        return Op("put", {**self._fields, "value": to_json(value)}, replies.put_response)

    def _touch(self) -> Op[PutResponse]:
        return Op("put", {**self._fields, "ignore_value": True}, replies.put_response)


class Put(PutModifiers[F]):
    """A write of one key."""

    __slots__ = ()

    def previous(self) -> Self:
        """Return the previous key and value too."""
        return self._with(prev_kv=True)

    def if_revision(self, revision: int) -> ConditionalPut[F]:
        """Write only if the key was last changed at this revision (``mod_revision``); 0: if there is no such key."""
        return ConditionalPut(self._run, told(self._fields), count(revision, "a revision"))

    def if_absent(self) -> ConditionalPut[F]:
        """Write only if there is no such key."""
        return self.if_revision(0)

    @terminal
    def value(self, value: Value) -> Op[PutResponse]:
        """Write a value; a number as decimal text."""
        return self._value(value)

    @terminal
    def json(self, value: object) -> Op[PutResponse]:
        """Write a value as JSON."""
        return self._json(value)

    @terminal
    def touch(self) -> Op[PutResponse]:
        """Write the key with its present value. Raises ``KeyNotFoundError`` if there is no such key.

        As in etcd, the key loses its lease unless ``ignore_lease()`` or ``lease()`` is given.
        """
        return self._touch()


@define(eq=False, repr=False)
class Conditional(Builder[F]):
    """A write that is applied only if the key was last changed at one revision, in one transaction."""

    _revision: int

    def _with(self, **fields: Any) -> Self:
        return type(self)(self._run, {**self._fields, **fields}, self._revision)


class ConditionalPut(PutModifiers[F], Conditional[F]):
    """A write of one key if it is as expected. Its terminals return a ``CasResponse``; a conflict is no error."""

    __slots__ = ()

    @terminal
    def value(self, value: Value) -> Op[CasResponse]:
        """Write a value; a number as decimal text."""
        return conditional(self._value(value), self._revision)

    @terminal
    def json(self, value: object) -> Op[CasResponse]:
        """Write a value as JSON."""
        return conditional(self._json(value), self._revision)

    @terminal
    def touch(self) -> Op[CasResponse]:
        """Write the key with its present value; it loses its lease unless ``ignore_lease()`` is given."""
        return conditional(self._touch(), self._revision)


class Delete(Builder[F]):
    """A deletion; the terminal says of which keys."""

    __slots__ = ()

    def previous(self) -> Self:
        """Return the deleted keys and values too."""
        return self._with(prev_kv=True)

    def if_revision(self, revision: int) -> ConditionalDelete[F]:
        """Delete a key only if it was last changed at this revision (``mod_revision``)."""
        return ConditionalDelete(self._run, told(self._fields), count(revision, "a revision"))

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


class ConditionalDelete(Conditional[F]):
    """A deletion of one key if it is as expected."""

    __slots__ = ()

    @terminal
    def key(self, key: Text) -> Op[CasResponse]:
        """Delete the key. Returns a ``CasResponse``; a conflict, and a missing key, are no errors."""
        return conditional(Op("delete", {"key": to_bytes(key)}, replies.delete_response), self._revision)


def told(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a write that becomes conditional; ``TypeError`` if it asks for what it replaces."""
    if "prev_kv" in fields:
        raise TypeError(UNTOLD)
    return fields


def conditional(write: Op[Any], revision: int) -> Op[CasResponse]:
    """Return a write of one key that is applied only if the key was last changed at ``revision``, 0 for no such key.

    If it was not, the key is read in the same transaction.
    """
    key = write.fields["key"]
    unchanged = {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision}
    found = Op("get", {"key": key}, KV)
    fields = {"compare": (unchanged,), "success": (write,), "failure": (found,)}
    return Op("txn", fields, replies.cas_response(write, found), name=write.label)
