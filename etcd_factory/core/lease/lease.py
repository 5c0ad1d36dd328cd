"""Leases: a key attached to one lives as long as the lease is kept alive."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, to_bytes
from etcd_factory.core.bound import Scoped, operation, prompt
from etcd_factory.core.call import rpc
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Entered, F, Face
from etcd_factory.core.handlers import call_handler, checked
from etcd_factory.core.kv.writes import OTHER_FACE, Put
from etcd_factory.core.op import Ungranted
from etcd_factory.errors import EtcdFactoryError, LeaseNotFoundError, choice
from etcd_factory.model import LeaseInfo
from etcd_factory.wire import methods

from .session import OVER, LeaseSession

log = logging.getLogger("etcd_factory.lease")

EVENTS = ("lost",)


class Lease(Entered, Scoped[F]):
    """A lease of ``ttl`` seconds, granted at its first use and from then on kept alive in the background.

    ``with etcd.lease(10) as lease: lease.put("k").value("v")`` grants it, and revokes it at the end; in asyncio it is
    ``async with``. It can be passed wherever the id of a lease can, and to locks and elections. In asyncio it is kept
    alive by the event loop in which it was granted. Closing the client revokes the leases that it was granted and keeps
    alive; one of ``lease_of`` is only kept alive no longer.
    """

    __slots__ = ("_run", "_session")

    _awaited: ClassVar = "grant()"

    _run: View

    def __init__(self, run: View, session: LeaseSession) -> None:
        self._run, self._session = run, session

    def __repr__(self) -> str:
        known = self.id or self._session.id
        name = f"{known:x}" if known else "not granted"
        return f"<Lease {name} ttl={self.ttl} {'alive' if self.alive else 'not alive'}>"

    def __index__(self) -> int:
        if self.id is None:
            raise Ungranted(self._session.grant)
        self._session.check_owner()
        return self.id

    @property
    def id(self) -> int | None:
        """The lease's id; None before it is granted, or for ``lease_of`` before its first use."""
        renewal = self._session.state.renewal
        return renewal.id if renewal else None

    @property
    def ttl(self) -> int:
        """Seconds: as requested, after the grant as the server gave. 0 for ``lease_of`` before its first use."""
        renewal = self._session.state.renewal
        return renewal.ttl if renewal else self._session.ttl

    @property
    def alive(self) -> bool:
        """Whether it is kept alive: granted, neither released nor revoked, and certainly not expired yet."""
        return self._session.alive

    @operation
    async def grant(self) -> int:
        """Return its id, granted at the first call.

        Raises ``LeaseNotFoundError`` if it was revoked or lost, ``LeaseExistsError`` if its id was chosen and exists.
        """
        if self._session.over:
            raise LeaseNotFoundError(OVER)
        return await self._session.grant()

    @prompt
    def release(self) -> None:
        """Keep it alive no longer; its keys live until its ttl has passed. No I/O: awaiting it is optional."""
        self._session.release()

    @operation
    async def revoke(self) -> None:
        """End it, and delete its keys. One that is gone, or was never granted, is no error."""
        await self._session.revoke()

    def put(self, key: Text) -> Put[F]:
        """Write a key that lives as long as this lease: ``lease.put("k").value("v")``."""
        return Put[F](self._run, {"key": to_bytes(key)}).lease(self)

    @operation
    async def keepalive_once(self) -> int:
        """Renew it now, and return the seconds that it has left. Raises ``LeaseNotFoundError`` if it is gone."""
        return await self._session.renew()

    @operation
    async def time_to_live(self, keys: bool = False) -> LeaseInfo:
        """Return what the server knows of it, optionally with its ``keys`` in this namespace; ``ttl`` is -1 if it is
        gone.

        For ``lease_of`` this does not begin to keep the lease alive.
        """
        lease, view = await self._session.resolve_id(), self._run
        label = f"time to live of lease {lease:x}"
        reply = await rpc.call(view, label, methods.LEASE_TIME_TO_LIVE, ID=lease, keys=keys)
        self._session.seen(reply.TTL)
        mine = tuple(key[len(view.namespace) :] for key in reply.keys if key.startswith(view.namespace))
        return LeaseInfo(lease, reply.TTL, reply.grantedTTL, mine)

    def on(self, event: Literal["lost"], handler: Callable[[Lease[F]], object]) -> Self:
        """Call ``handler(lease)`` in the background when it is ``lost``; returns the lease.

        A lease is lost when its ttl has passed without a response, or the server says that it is gone: reported once,
        within one ttl, never after ``release`` or ``revoke``. The handler may use the client, and in asyncio be
        ``async``; what it raises is logged.
        """
        choice(event, EVENTS, "event of a lease")
        face = self._run.face
        self._session.listen(partial(call_handler, face, log, "a lost lease", checked(handler, face), self))
        return self

    async def _enter(self) -> None:
        if self._session.over:
            raise LeaseNotFoundError(OVER)
        try:
            await self._session.grant()
        except Exception:
            raise
        except BaseException:  # whoever was cancelled or interrupted never gets to the end of the block
            self._session.abandon()
            raise

    async def _exit(self, error: BaseException | None) -> None:
        if self._session.inherited:  # it is the parent's
            return
        try:
            await self._session.revoke()
        except EtcdFactoryError as failure:
            if error is None:
                raise
            log.warning("a lease could not be revoked and expires by its ttl: %s", failure)


def session_of(lease: object, face: Face | None = None) -> LeaseSession:
    """Return what a lease and its handles share; ``TypeError`` if it is no lease."""
    if not isinstance(lease, Lease):
        raise TypeError(f"a lease must be made by lease(ttl) or lease_of(id), not {type(lease).__name__}")
    if face is not None and lease.face is not face:
        raise TypeError(OTHER_FACE)
    return lease._session  # pyright: ignore[reportPrivateUsage]
