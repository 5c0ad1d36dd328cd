"""The part of a service for programs that work at the same time; the modules of its parts are loaded at their use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from etcd_factory.core.arguments import Text, count
from etcd_factory.core.bound import Bound
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.errors import choice

if TYPE_CHECKING:
    from etcd_factory.core.lease.lease import Lease

    from .election import Election
    from .lock import Lock
    from .queue import QueueEntry
    from .stm import STM, Isolation

LOCK_TTL, ELECTION_TTL = 30, 60  # seconds
RETRIES = 20  # of a software transaction after a conflict; with the default pauses about ten seconds


class Concurrency(Bound[F]):
    """Locks, elections and software transactions."""

    __slots__ = ()

    _run: View

    def lock(self, name: Text, ttl: int | None = None, *, lease: Lease[F] | None = None) -> Lock[F]:
        """Return a lock of that name, lost ``ttl`` seconds (30) after the last sign of life. No I/O: acquire or enter
        it.

        With ``lease``, which has its own ttl, it is held under that lease, as other locks may be. Releasing it then
        deletes only its key, and the lease stays; if the lease ends, all that is held under it is lost. A lease has one
        entry in the queue of a name: another contender beside it needs another lease.
        """
        made, entry_factory = locks()
        return made(self._run, name, entry_factory(self._run, name, ttl, LOCK_TTL, lease))

    def election(self, name: Text, ttl: int | None = None, *, lease: Lease[F] | None = None) -> Election[F]:
        """Return an election of that name; a leader is lost ``ttl`` seconds (60) after its last sign of life. No I/O.

        With ``lease``, which has its own ttl, one contends under that lease: resigning then deletes only the leader's
        key, and the lease stays. A lease that leads already, as after a restart, leads at once:
        ``lease=etcd.lease_of(id)``.
        """
        from .election import Election
        from .shared_lease import entry_factory

        return Election(self._run, name, entry_factory(self._run, name, ttl, ELECTION_TTL, lease))

    def stm(self, isolation: Isolation = "serializable_snapshot", retries: int = RETRIES) -> STM[F]:
        """Return a runner of software transactions: ``etcd.stm().transact(fn)`` runs ``fn(tx)`` until there is no
        conflict.

        - ``serializable_snapshot``: all reads are at one revision, and since then nobody has changed a key that was
          read or is written;
        - ``serializable``: the same, but a key that is only written may have been changed meanwhile;
        - ``repeatable_reads``: reading a key again returns the same, and it is unchanged at the commit, but two keys
          may be of two revisions;
        - ``read_committed``: nothing is checked; what others wrote since it was read is overwritten.

        At most ``retries`` runs follow the first one. The service's ``timeout`` applies to each call to etcd, not to
        all.
        """
        from .stm import LEVELS, STM

        return STM(self._run, LEVELS[choice(isolation, LEVELS, "isolation")], count(retries, "retries"))


@cache
def locks() -> tuple[type[Lock[Any]], Callable[..., Callable[[], QueueEntry]]]:
    """Return the class of locks, and what makes their entries; an ``import`` in each call takes as long as the rest."""
    from .lock import Lock
    from .shared_lease import entry_factory

    return Lock, entry_factory
