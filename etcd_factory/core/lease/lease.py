"""Leases: what is put with one lives as long as it is kept alive."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from types import TracebackType
from typing import Any, overload

from typing_extensions import Self

from etcd_factory.core.call.rpc import ask
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Bound, F, Sync, operation
from etcd_factory.core.kv.builders import Put
from etcd_factory.core.op import Text, Ungranted, raw
from etcd_factory.errors import EtcdFactoryError, LeaseNotFoundError, suggestion
from etcd_factory.model import LeaseInfo
from etcd_factory.wire import methods

from .session import OVER, LeaseSession

log = logging.getLogger("etcd_factory.lease")

EVENTS = ("lost",)


class Done:
    """What needs no ``await``, and takes one."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


class Lease(Bound[F]):
    """A lease of ``ttl`` seconds. It is granted at its first use, and kept alive from then on in the background.

    ``with etcd.lease(10) as lease: lease.put("k").value("v")`` grants it, and revokes it at the end; in asyncio it is
    ``async with``. It can be given wherever the id of a lease can, and to locks and elections. In asyncio the event
    loop in which it was granted keeps it alive. A client that is closed revokes the leases that it was granted and
    still keeps alive; one of ``lease_of`` it only keeps alive no longer.
    """

    __slots__ = ("_run", "_tenure")

    _run: View

    def __init__(self, run: View, tenure: LeaseSession) -> None:
        self._run, self._tenure = run, tenure

    def __repr__(self) -> str:
        known = self.id or self._tenure.id
        name = f"{known:x}" if known else "not granted"
        return f"<Lease {name} ttl={self.ttl} {'alive' if self.alive else 'not alive'}>"

    def __index__(self) -> int:
        if self.id is None:
            raise Ungranted(self._tenure.grant)
        return self.id

    @property
    def id(self) -> int | None:
        """Its id, None before it is granted, or for one of ``lease_of`` before its first use."""
        renewal = self._tenure.life.renewal
        return renewal.id if renewal else None

    @property
    def ttl(self) -> int:
        """Seconds: those that were asked for, and once it is granted those that the server gave.

        That of ``lease_of`` is 0 before its first use.
        """
        renewal = self._tenure.life.renewal
        return renewal.ttl if renewal else self._tenure.ttl

    @property
    def alive(self) -> bool:
        """Whether it is kept alive: it is granted, neither released nor revoked, and surely not lost by now."""
        return self._tenure.alive

    @operation
    async def grant(self) -> int:
        """Its id; asked for at the first call. ``LeaseNotFoundError`` if it was revoked or lost.

        Of a lease whose id was chosen, ``LeaseExistsError`` if there is one already.
        """
        if self._tenure.over:
            raise LeaseNotFoundError(OVER)
        return await self._tenure.grant()

    @overload
    def release(self: Lease[Sync]) -> None: ...
    @overload
    def release(self: Lease[Async]) -> Awaitable[None]: ...
    def release(self) -> Awaitable[None] | None:
        """Keep it alive no longer: its keys live out their ttl. No I/O: in asyncio it may be awaited, or not."""
        self._tenure.end()
        return None if self._run.client.io.face is Sync else Done()

    @operation
    async def revoke(self) -> None:
        """End it, and delete its keys. One that is gone already, or was never granted, is no error."""
        await self._tenure.revoke()

    def put(self, key: Text) -> Put[F]:
        """Write a key that lives as long as this lease: ``lease.put("k").value("v")``."""
        return Put[F](self._run, {"key": raw(key)}).lease(self)

    @operation
    async def keepalive_once(self) -> int:
        """Renew it now; gives the seconds that it has left. ``LeaseNotFoundError`` if it is gone."""
        return await self._tenure.renew()

    @operation
    async def time_to_live(self, keys: bool = False) -> LeaseInfo:
        """What the server knows of it, on demand with its ``keys`` in this namespace; ``ttl`` is -1 if it is gone.

        To ask this of ``lease_of`` does not begin to keep the lease alive.
        """
        lease, view = await self._tenure.known(), self._run
        label = f"time to live of lease {lease:x}"
        reply = await ask(view, label, methods.LEASE_TIME_TO_LIVE, ID=lease, keys=keys)
        mine = tuple(key[len(view.namespace) :] for key in reply.keys if key.startswith(view.namespace))
        return LeaseInfo(lease, reply.TTL, reply.grantedTTL, mine)

    def on(self, event: str, handler: Callable[[Lease[F]], Any]) -> Self:
        """Call ``handler(lease)`` in the background when it is ``lost``; gives the lease.

        Lost is a lease whose ttl has passed with no answer, or that the server says is gone: told once, within one
        ttl, never after ``release`` or ``revoke``. The handler may use the client; what it raises is logged. In
        asyncio it may be ``async``.
        """
        if event not in EVENTS:
            raise ValueError(f"a lease has no event {event!r}{suggestion(str(event), EVENTS)}; it has: lost")
        self._tenure.listen(partial(handler, self))
        return self

    async def _leave(self, error: BaseException | None) -> None:
        try:
            await self._tenure.revoke()
        except EtcdFactoryError as failure:
            if error is None:
                raise
            log.warning("a lease could not be revoked and dies by its ttl: %s", failure)

    def __enter__(self: Lease[Sync]) -> Lease[Sync]:
        if self._run.client.io.face is not Sync:
            raise TypeError("enter it with 'async with'")
        self.grant()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.finish(self._leave(error))

    async def __aenter__(self: Lease[Async]) -> Lease[Async]:
        if self._run.client.io.face is Sync:
            raise TypeError("enter it with 'with'")
        await self.grant()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave(error)
