"""Status and maintenance of members."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from etcd_factory.core.arguments import count
from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call import rpc
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.handlers import checked
from etcd_factory.core.ports import Q, R
from etcd_factory.errors import ConnectionFailedError, NotLeaderError, choice
from etcd_factory.model.cluster import Alarm, HashKV, Member, Snapshot, Status
from etcd_factory.wire import admin, messages, methods
from etcd_factory.wire.methods import Method

from .cluster import id_of

if TYPE_CHECKING:
    from etcd_factory.wire.messages import MoveLeaderRequest

AlarmKind = Literal["nospace", "corrupt"]
DowngradeAction = Literal["validate", "enable", "cancel"]

TRY_ANOTHER = (NotLeaderError, ConnectionFailedError)  # another host may be the leader


@frozen
class Maintenance(Bound[F]):
    """Status and maintenance of members.

    ``endpoint`` chooses one of the client's hosts, written as hosts are; ``ValueError`` lists them. The default is the
    host in use, or another one if that does not answer.
    """

    _run: View = field(repr=False)

    async def _call(self, what: str, method: Method[Q, R], /, **fields: object) -> R:
        return await rpc.call(self._run, f"maintenance {what}", method, **fields)

    async def _call_endpoint(
        self, what: str, method: Method[Q, R], endpoint: str | None, /, **fields: object
    ) -> tuple[R, str]:
        return await rpc.call_endpoint(self._run, f"maintenance {what}", method, endpoint, **fields)

    @operation
    async def status(self, endpoint: str | None = None) -> Status:
        """Return the status of one member."""
        return admin.status(*await self._call_endpoint("status", methods.STATUS, endpoint))

    @operation
    async def defragment(self, endpoint: str | None = None) -> None:
        """Free unused space of one member's database. It serves nobody meanwhile: raise ``timeout`` for a large one."""
        await self._call_endpoint("defragment", methods.DEFRAGMENT, endpoint)

    @operation
    async def hash(self, endpoint: str | None = None) -> int:
        """Return the hash of one member's database file; members with equal keys may differ in it (see ``hash_kv``)."""
        reply, _ = await self._call_endpoint("hash", methods.HASH, endpoint)
        return reply.hash

    @operation
    async def hash_kv(self, revision: int = 0, endpoint: str | None = None) -> HashKV:
        """Return the hash of one member's keys up to a revision, the newest by default.

        Raises ``CompactedError`` or ``FutureRevisionError`` if it does not have that revision. From 3.5.5 on etcd may
        return the hash of the compaction for a revision below it.
        """
        asked = count(revision, "a revision")
        reply, host = await self._call_endpoint("hash_kv", methods.HASH_KV, endpoint, revision=asked)
        return admin.hash_kv(reply, asked, host)

    @operation
    async def alarms(self) -> tuple[Alarm, ...]:
        """Return the active alarms."""
        return admin.alarms(await self._call("alarms", methods.ALARM, action="GET"))

    @operation
    async def alarm(self, kind: AlarmKind, member: int | Member = 0) -> None:
        """Activate an alarm, ``nospace`` or ``corrupt``: until it is disarmed the cluster refuses writes."""
        alarm = admin.ALARMS[choice(kind, admin.ALARMS, "alarm")]
        await self._call("alarm", methods.ALARM, action="ACTIVATE", alarm=alarm, memberID=id_of(member))

    @operation
    async def disarm(self, kind: AlarmKind | None = None, member: int | Member = 0) -> tuple[Alarm, ...]:
        """Disarm alarms and return them: all by default, or those of a kind, or of a member."""
        kinds = admin.ALARMS if kind is None else {str(kind): admin.ALARMS[choice(kind, admin.ALARMS, "alarm")]}
        whose = id_of(member)
        active = admin.alarms(await self._call("disarm", methods.ALARM, action="GET"))
        chosen = tuple(one for one in active if one.kind in kinds and whose in (0, one.member))
        for one in chosen:
            await self._call("disarm", methods.ALARM, action="DEACTIVATE", alarm=kinds[one.kind], memberID=one.member)
        return chosen

    @operation
    async def move_leader(self, member: int | Member) -> None:
        """Make another member the leader. Raises ``NotLeaderError`` if the present one is not among the hosts."""
        request, client = messages.MoveLeaderRequest(targetID=id_of(member)), self._run.client
        end = client.runtime.now() + self._run.timeout
        await client.discover(self._run.timeout)
        *others, last = sorted(client.endpoints.urls, key=lambda url: url != client.endpoints.current)
        with rpc.labelled("maintenance move_leader"):
            for host in others:
                try:
                    return await self._move(request, host, end)
                except TRY_ANOTHER:
                    continue
            return await self._move(request, last, end)

    async def _move(self, request: MoveLeaderRequest, host: str, end: float) -> None:
        client = self._run.client
        await client.call_endpoint(methods.MOVE_LEADER, request, max(0.001, end - client.runtime.now()), host)

    @operation
    async def downgrade(self, action: DowngradeAction, version: str = "") -> str:
        """``validate``, ``enable`` or ``cancel`` the cluster's downgrade to a version like ``3.5``; returns its
        version.

        Raises an error for a version that it cannot downgrade to, ``PreconditionError`` for ``cancel`` if no downgrade
        is under way. Known from etcd 3.5 on, usable from 3.6 on.
        """
        fields = {"action": admin.DOWNGRADES[choice(action, admin.DOWNGRADES, "action")], "version": version}
        reply = await self._call(f"downgrade {action}", methods.DOWNGRADE, **fields)
        return reply.version

    @operation
    async def snapshot(
        self,
        file: str | PathLike[str],
        on_progress: Callable[[int, int], object] | None = None,
        endpoint: str | None = None,
    ) -> Snapshot:
        """Write one member's whole store to a file, from which ``etcdutl snapshot restore`` creates a cluster.

        Until all has arrived and matches its checksum it is ``<file>.….part`` beside it, which any failure removes.
        ``on_progress(done, total)`` gets bytes. Each message must arrive within ``timeout`` seconds, the whole may take
        longer; a broken stream is not resumed.
        """
        from .snapshot import save

        if on_progress is not None:
            checked(on_progress, self._run.face, "on_progress")
        with rpc.labelled("maintenance snapshot"):
            host = await rpc.url_of(self._run, endpoint)
            return await save(self._run, file, on_progress, host)
