"""What keeps one key registered: it brings what stands in etcd to what is wanted, again and again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import evolve

from etcd_factory.core.call.retry import backoff
from etcd_factory.core.call.view import View
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.lease.session import LeaseSession
from etcd_factory.core.op import Op
from etcd_factory.errors import ClientClosedError, EtcdFactoryError, LeaseNotFoundError
from etcd_factory.model import KeyValue, PutResponse, TxnResponse

from .instance import DOWN, ServiceInstance, checked, decoded, encoded, log
from .key_watch import KeyWatch

Listener = Callable[[str], None]
Encode = Callable[[ServiceInstance], bytes]


class Replaced(Exception):  # noqa: N818  # never seen by users
    """Somebody has registered the same id anew."""


class Reconciler:
    """One instance under a lease of its own.

    All writes are one after another, each of what is wanted when it begins: an error or a loss leaves something to do,
    and that is done in the background until it is done.
    """

    def __init__(self, view: View, prefix: bytes, goal: ServiceInstance, encode: Encode = encoded) -> None:
        self.goal, self._encode = checked(goal), encode
        self._view, self._client, self._io = view, view.client, view.client.io
        self._guard = view.client.guard()
        self._cut = len(prefix)
        self._key = prefix + f"{goal.service}/{goal.id}".encode()
        self._sentry = KeyWatch(view, self._key, self._changed, self._found)
        self._tenure: LeaseSession | None = None
        self._leases: set[int] = set()
        self._wanted, self._done, self._revision = 1, 0, 0
        self._stands = self._lost = self._over = False
        self._signal = self._io.signal()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call it when the key is ``lost``, and when it is ``restored``. It must not wait."""
        self._listeners.append(listener)

    @property
    def alive(self) -> bool:
        """Whether the key surely stands in etcd, as far as is known here."""
        if not self._stands or self._tenure is None:
            return False
        life = self._tenure.life
        renewal = None if life.ended or life.lost else life.renewal
        return renewal is not None and self._io.now() < renewal.deadline

    # --- what is wanted

    async def begin(self) -> None:
        """Register, and keep it so from then on."""
        try:
            await self._settle(self._wanted)
            await self._sentry.open(self._revision + 1)
        except BaseException:
            self._over = True
            await self._quit()
            raise
        self._io.spawn(self._tend(), "etcd_factory registration")

    async def aim(self, **changes: Any) -> None:
        """Let this stand there too."""
        with self._guard:
            self.goal = checked(evolve(self.goal, **changes))
            self._wanted += 1
            wanted = self._wanted
        try:
            await self._settle(wanted)
        finally:
            self._signal.set()  # what failed is left to the background
        if self._done < wanted:
            raise ClientClosedError(f"{self.goal.service}/{self.goal.id} is registered no more; register it anew")

    async def leave(self) -> None:
        """Take it away: marked first, so that others know that it is meant, gone with its lease, so only if its own."""
        with self._guard:
            first, self._over = not self._over, True
        self._signal.set()
        if not first:
            return
        await self._sentry.leave()
        await self._rest()
        if self._tenure is None:
            return
        self._tenure.end()
        if self._stands and self._encode is encoded:
            await self._mark()
        await self._tenure.revoke()

    async def _rest(self) -> None:
        """Wait until no write is under way; none begins any more."""

        async def nothing() -> None: ...

        with suppress(EtcdFactoryError):
            await self._client.flights.once(self, nothing, self._view.timeout)

    async def _mark(self) -> None:
        view = evolve(self._view, timeout=self._view.timeout / 2)
        lease = await self._lease()
        put = ops.put(self._key).lease(lease).value(self._encode(evolve(self.goal, status=DOWN)))
        try:
            await view.execute(ops.if_(self._key, "lease", "==", lease).then(put).op())
        except EtcdFactoryError as error:
            log.info("%r could not be marked as leaving: %s", self._key, error)

    # --- what is found

    def _changed(self, kv: Any, revision: int) -> None:
        if revision > self._revision:  # else it is older than what was written since
            self._judge(kv)

    def _found(self, kv: Any, revision: int, back: bool) -> None:
        self._revision = revision  # of a store that may have gone back
        if back and kv is not None and kv.lease not in self._leases and not self._is_newer(kv.value):
            self._leases.add(kv.lease)  # a predecessor's, which the backup still had: it may be written over
            kv = None
        self._judge(kv)

    def _is_newer(self, value: bytes) -> bool:
        """Whether what stands there is of one who registered after this one."""
        other = decoded(KeyValue(self._key, value), self._cut)
        return other is not None and other.started > self.goal.started

    def _judge(self, kv: Any) -> None:
        if kv is None or kv.lease == 0:  # deleted, or overwritten by hand
            self._lose()
        elif kv.lease not in self._leases:
            self._yield()

    def _lose(self) -> None:
        """The key is gone, or will be with its lease: there is something to do."""
        with self._guard:
            if self._over:
                return
            first, self._lost = self._stands and not self._lost, True
            self._stands = False
            self._wanted += 1
        if first:
            log.warning("%r is registered no more, and is registered again", self._key)
            self._tell("lost")
        self._signal.set()

    def _yield(self) -> None:
        """The key is another's."""
        with self._guard:
            first, self._over, self._stands = not self._over, True, False
            told, self._lost = self._lost, True
        if first:
            log.warning("%r was registered anew by another, and is left to it", self._key)
            if not told:
                self._tell("lost")
            self._signal.set()
            self._io.spawn(self._quit(), "etcd_factory registration replaced")

    def _tell(self, kind: str) -> None:
        for listener in self._listeners:
            listener(kind)

    async def _quit(self) -> None:
        try:
            await self._sentry.leave()
            if self._tenure is not None:
                await self._tenure.revoke()
        except EtcdFactoryError as error:
            log.info("the lease of %r dies by its ttl: %s", self._key, error)

    # --- what is done

    async def _tend(self) -> None:
        failures = 0
        while not self._over:
            await self._signal.wait()
            self._signal.clear()
            while self._done < self._wanted and not self._over:
                try:
                    await self._settle(self._wanted)
                except ClientClosedError:
                    return
                except EtcdFactoryError as error:
                    failures += 1
                    log.info("%r could not be registered, and is tried again: %s", self._key, error)
                    await self._io.sleep(backoff(self._client.options.retry, failures, self._client.chance()))
                else:
                    failures = 0

    async def _settle(self, wanted: int) -> None:
        while self._done < wanted and not self._over:
            await self._client.flights.once(self, self._write, self._view.timeout)

    async def _write(self) -> None:
        """Write what is wanted now, with a lease that lives."""
        with self._guard:
            wanted, goal = self._wanted, self.goal
        while not self._over:
            try:
                revision = await self._put(await self._lease(), goal)
            except LeaseNotFoundError:  # gone at the server, and not known here yet
                assert self._tenure is not None
                self._tenure.end()
                self._tenure = None
            except Replaced:
                return self._yield()
            else:
                return self._written(wanted, revision)
        return None

    def _written(self, wanted: int, revision: int) -> None:
        with self._guard:
            self._done, self._revision, self._stands = wanted, revision, True
            restored = self._lost and wanted == self._wanted and not self._over
            if restored:
                self._lost = False
        if restored:
            self._tell("restored")

    async def _lease(self) -> int:
        tenure = self._tenure
        if tenure is None or tenure.life.lost:
            tenure = self._tenure = LeaseSession(self._view, self.goal.ttl)
            tenure.listen(lambda: self._lose() if self._tenure is tenure else None)
        lease = await tenure.grant()
        self._leases.add(lease)
        return lease

    async def _put(self, lease: int, goal: ServiceInstance) -> int:
        """Write it; at first whatever stands there, then only over one's own."""
        put = ops.put(self._key).lease(lease).value(self._encode(goal))
        if not self._done:
            return (await self._view.execute(put)).revision
        while True:
            got = await self._try("lease", lease, put)
            if got.succeeded:
                return got.revision
            found = got.results[0].kvs
            if found and found[0].lease not in {0, *self._leases} and self._is_newer(found[0].value):
                raise Replaced
            got = await self._try("mod", found[0].mod_revision if found else 0, put)
            if got.succeeded:
                return got.revision

    async def _try(self, column: str, value: int, put: Op[PutResponse]) -> TxnResponse:
        return await self._view.execute(
            ops.if_(self._key, column, "==", value).then(put).else_(ops.get(self._key)).op()
        )
