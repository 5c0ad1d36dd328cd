"""The journal of one run of a software transaction: what it has read, and what it is going to write."""

from __future__ import annotations

import operator
from collections.abc import Generator, Mapping
from typing import Any

from attrs import field, frozen

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Unbound, unrun
from etcd_factory.core.kv.txn import Txn, compare
from etcd_factory.core.op import Op
from etcd_factory.wire import messages

Check = tuple[str, int]
HOLDS = {"==": operator.eq, "<": operator.lt}


@frozen
class Level:
    """What an isolation level promises."""

    snapshot: bool  # all reads are of one revision, the first one's
    reads: bool  # what was read is unchanged at the commit
    writes: bool  # what is written was not changed since the first read


@frozen(eq=False)
class Conflict:
    """Why a commit was refused: ``found`` is what the checked keys had at ``revision``, ``changed`` the wrong ones."""

    revision: int = 0
    found: Mapping[bytes, Any] = field(factory=dict[bytes, Any])
    changed: tuple[bytes, ...] = ()


class Kept:
    """A write that is kept back until the commit. It may be awaited in asyncio; there is nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


class STMJournal:
    """What one run has read and is going to write. It begins with what the refusal of the run before it found."""

    def __init__(self, view: View, level: Level, last: Conflict) -> None:
        self._view, self._level, self._fetched = view, level, last.found
        self._base = last.revision if level.snapshot else 0
        self._seen: dict[bytes, Any] = {}
        self._writes: dict[bytes, Op[Any]] = {}

    def __call__(self, op: Op[Any]) -> Any:
        """What the client's face gives for a read."""
        return self._view.finish(self._answer(op))

    def keep(self, op: Op[Any]) -> Kept:
        """Write this at the commit, in place of what was to be written to its key."""
        self._writes[op.fields["key"]] = op
        return Kept()

    async def _answer(self, op: Op[Any]) -> Any:
        key = op.fields["key"]
        own = self._writes.get(key)
        reply = await self._read(key) if own is None else self._own(own)
        return op.read(reply, len(self._view.namespace))

    def _own(self, op: Op[Any]) -> Any:
        if op.kind == "delete":
            return messages.RangeResponse()
        lease = op.fields.get("lease", 0)  # an id, or a lease that may have none yet
        written = {"value": op.fields["value"], "lease": getattr(lease, "id", lease) or 0}
        return messages.RangeResponse(kvs=[{"key": self._view.namespace + op.fields["key"], **written}], count=1)

    async def _read(self, key: bytes) -> Any:
        while key not in self._seen:
            base = self._base
            reply = self._fetched.get(key) or await self._fetch(key, base)
            if base == self._base:  # else a read beside this one was the first, and this one is of another revision
                self._base = base or (reply.header.revision if self._level.snapshot else 0)
                self._seen.setdefault(key, reply)
        return self._seen[key]

    async def _fetch(self, key: bytes, revision: int) -> Any:
        # Go reads on from the member's own store (serializable). One that is behind, as after a change of hosts,
        # refuses that as a future revision; a linearizable read waits until it has caught up.
        return await self._view.execute(fetch(key, revision=revision))

    def checks(self) -> dict[bytes, Check]:
        """What must hold at the commit: by key, how its mod revision compares with a number."""
        bound: Check = ("<", self._base + 1)
        written = self._writes if self._level.writes and self._seen else ()
        read = self._seen if self._level.reads else {}
        return {**dict.fromkeys(written, bound), **{key: ("==", modified(reply)) for key, reply in read.items()}}

    async def commit(self) -> Conflict | None:
        """Write what was kept back, None where that is done. Of a conflict the same round trip fetches the keys."""
        checks = self.checks()
        if not checks and not self._writes:
            return None
        wanted = tuple(compare(key, "mod", *check) for key, check in checks.items())
        txn = Txn[Unbound](unrun, wanted, tuple(self._writes.values()), tuple(map(fetch, checks)))
        done = await self._view.execute(txn.op())
        return None if done.succeeded else conflict(done.revision, checks, done.results)


def fetch(key: bytes, **fields: Any) -> Op[Any]:
    """A read whose answer stays etcd's own message."""
    return Op("get", {"key": key, **fields}, lambda reply, _: reply)


def modified(reply: Any) -> int:
    """When the key was changed last; 0 where there is none."""
    return reply.kvs[0].mod_revision if reply.kvs else 0


def conflict(revision: int, checks: Mapping[bytes, Check], found: tuple[Any, ...]) -> Conflict:
    """The checks that did not hold."""
    by_key = dict(zip(checks, found, strict=True))
    changed = [key for key, (how, wanted) in checks.items() if not HOLDS[how](modified(by_key[key]), wanted)]
    return Conflict(revision, by_key, tuple(changed))
