"""How members fare, and what keeps them well."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from attrs import field, frozen

from etcd_factory.core.call.rpc import ask, host_of, labelled, visit
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, operation
from etcd_factory.core.kv.builders import word
from etcd_factory.core.op import number
from etcd_factory.errors import ConnectionFailedError, NotLeaderError
from etcd_factory.model.cluster import Alarm, HashKV, Member, Snapshot, Status
from etcd_factory.wire import admin, messages, methods
from etcd_factory.wire.methods import Method

from .cluster import id_of

ANYBODY_ELSE = (NotLeaderError, ConnectionFailedError)  # another host may be the leader


@frozen
class Maintenance(Bound[F]):
    """How members fare, and what keeps them well.

    ``endpoint`` chooses one of the client's hosts, written as hosts are; ``ValueError`` lists them. By default it is
    the host in use, and another one where that does not answer.
    """

    _run: View = field(repr=False)

    async def _ask(self, what: str, method: Method, /, **fields: Any) -> Any:
        return await ask(self._run, f"maintenance {what}", method, **fields)

    async def _visit(self, what: str, method: Method, endpoint: str | None, /, **fields: Any) -> tuple[Any, str]:
        return await visit(self._run, f"maintenance {what}", method, endpoint, **fields)

    @operation
    async def status(self, endpoint: str | None = None) -> Status:
        """How one member fares."""
        return admin.status(*await self._visit("status", methods.STATUS, endpoint))

    @operation
    async def defragment(self, endpoint: str | None = None) -> None:
        """Give one member's free space back to its disk. It answers nobody meanwhile: raise ``timeout`` for much."""
        await self._visit("defragment", methods.DEFRAGMENT, endpoint)

    @operation
    async def hash(self, endpoint: str | None = None) -> int:
        """The hash of one member's whole database; members that agree may still differ in it (see ``hash_kv``)."""
        reply, _ = await self._visit("hash", methods.HASH, endpoint)
        return int(reply.hash)

    @operation
    async def hash_kv(self, revision: int = 0, endpoint: str | None = None) -> HashKV:
        """The hash of one member's keys up to a revision, by default the newest.

        ``CompactedError`` or ``FutureRevisionError`` if it has no such revision.
        """
        asked = number(revision, "a revision")
        reply, host = await self._visit("hash_kv", methods.HASH_KV, endpoint, revision=asked)
        return admin.hash_kv(reply, asked, host)

    @operation
    async def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that stand."""
        return admin.alarms(await self._ask("alarms", methods.ALARM, action="GET"))

    @operation
    async def alarm(self, kind: str, member: int | Member = 0) -> None:
        """Raise an alarm, ``nospace`` or ``corrupt``: until it is ended the cluster takes no more writes."""
        alarm = word(kind, admin.ALARMS, "the alarm")
        await self._ask("alarm", methods.ALARM, action="ACTIVATE", alarm=alarm, memberID=id_of(member))

    @operation
    async def disarm(self, kind: str | None = None, member: int | Member = 0) -> tuple[Alarm, ...]:
        """End alarms, by default all: only those of a kind, only those of a member. Gives those that were ended."""
        kinds = admin.ALARMS if kind is None else {kind: word(kind, admin.ALARMS, "the alarm")}
        whose = id_of(member)
        standing = admin.alarms(await self._ask("disarm", methods.ALARM, action="GET"))
        ended = tuple(one for one in standing if one.kind in kinds and whose in (0, one.member))
        for one in ended:
            await self._ask("disarm", methods.ALARM, action="DEACTIVATE", alarm=kinds[one.kind], memberID=one.member)
        return ended

    @operation
    async def move_leader(self, member: int | Member) -> None:
        """Make another member the leader. ``NotLeaderError`` if none of the client's hosts is the present one."""
        request, client = messages.MoveLeaderRequest(targetID=id_of(member)), self._run.client
        end = client.io.now() + self._run.timeout
        await client.locate(self._run.timeout)
        *others, last = sorted(client.hosts.urls, key=lambda url: url != client.hosts.current)
        with labelled("maintenance move_leader"):
            for host in others:
                try:
                    return await self._move(request, host, end)
                except ANYBODY_ELSE:
                    continue
            return await self._move(request, last, end)

    async def _move(self, request: Any, host: str, end: float) -> None:
        client = self._run.client
        await client.visit(methods.MOVE_LEADER, request, max(0.001, end - client.io.now()), host)

    @operation
    async def downgrade(self, action: str, version: str = "") -> str:
        """``validate``, ``enable`` or ``cancel`` the cluster's downgrade to a version like ``3.5``; gives its own.

        A version that it can't go to is an error, and so is ``cancel`` where it is not under way
        (``PreconditionError``). From etcd 3.5 on; it is ready for use from 3.6 on.
        """
        fields = {"action": word(action, admin.DOWNGRADES, "the action"), "version": version}
        reply = await self._ask(f"downgrade {action}", methods.DOWNGRADE, **fields)
        return str(reply.version)

    @operation
    async def snapshot(
        self,
        file: str | PathLike[str],
        on_progress: Callable[[int, int], Any] | None = None,
        endpoint: str | None = None,
    ) -> Snapshot:
        """Write one member's whole store to a file, from which ``etcdutl snapshot restore`` makes a cluster.

        Until all has come and matches its checksum it is ``<file>.….part`` beside it, and on any failure there is none.
        ``on_progress(done, total)`` is told bytes. However long it all takes, each part of it must come within
        ``timeout`` seconds; a broken stream is not begun anew.
        """
        from .snapshot import save

        with labelled("maintenance snapshot"):
            chosen = await host_of(self._run, endpoint)
            return await save(self._run, file, on_progress, chosen)
