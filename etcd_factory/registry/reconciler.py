"""Keeps one key registered: brings what etcd has to what is wanted, again and again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve

from etcd_factory.core.call.view import View
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.lease.session import LeaseSession
from etcd_factory.core.op import Op
from etcd_factory.core.watch.key_watch import KeyWatch
from etcd_factory.errors import ClientClosedError, EtcdFactoryError, LeaseNotFoundError
from etcd_factory.model import DeleteResponse, PutResponse, TxnResponse

from .formats import Format
from .instance import DOWN, UP, ServiceInstance, checked, log

if TYPE_CHECKING:
    from etcd_factory.wire import messages as m

RegistrationEvent = Literal["lost", "restored"]
LEAVING = "etcd_factory registration left"

Listener = Callable[[RegistrationEvent], None]
Change = Op[PutResponse] | Op[DeleteResponse]

INHERITED = "a registration belongs to the process that made it; register another instance in a forked child"


class Replaced(Exception):  # noqa: N818  # never seen by users
    """Another process has registered the same id."""


class Reconciler:
    """One instance under a lease of its own.

    Writes run one after another, each of what is wanted when it begins: an error or a loss leaves work, which is done
    in the background until it succeeds. While the format has no value for the instance, its key is removed. In a forked
    child it is ``inherited``: the parent's, and never touched.
    """

    def __init__(self, view: View, prefix: bytes, goal: ServiceInstance, form: Format) -> None:
        self.goal, self._format = storable(goal, form), form
        self._view, self._client, self._runtime = view, view.client, view.client.runtime
        self._lock = self._runtime.lock()
        self._prefix = prefix
        self._name(goal.id)
        self._session: LeaseSession | None = None
        self._leases: set[int] = set()
        self._wanted, self._done, self._revision = 1, 0, 0
        self._written = self._lost = self._over = self._has_left = self._was_put = self.inherited = False
        self._signal = self._runtime.signal()
        self._listeners: list[Listener] = []
        self._client.background.register(self)

    def _name(self, id: str) -> None:  # noqa: A002
        """Give the instance an id, and with it a key."""
        self.goal = evolve(self.goal, id=id)
        self._key = self._prefix + f"{self.goal.service}/{id}".encode()
        self._watch = KeyWatch(self._view, self._key, self._on_change, self._on_read)

    def forget(self) -> object:
        """Leave the registration to the parent."""
        left = self._lock, self._signal
        self._lock, self._signal, self.inherited = self._runtime.lock(), self._runtime.signal(), True
        return left

    def check_owner(self) -> None:
        """Raise ``ClientClosedError`` in a forked child."""
        if self.inherited:
            raise ClientClosedError(INHERITED)

    def listen(self, listener: Listener) -> None:
        """Call it when the key is ``lost``, and when it is ``restored``. It must not wait."""
        self._listeners.append(listener)

    @property
    def alive(self) -> bool:
        """Whether the key certainly exists in etcd, as far as is known here."""
        return self._written and not self.inherited and self._session is not None and self._session.alive

    @property
    def ended(self) -> bool:
        """Whether it is left, or another process has replaced it."""
        return self._over

    @property
    def _is_hidden(self) -> bool:
        """Whether the key must not be there: its format has no value for the status."""
        return self._format.encode(self.goal) is None

    # --- what is wanted

    async def begin(self) -> None:
        """Register, and keep it registered from then on."""
        try:
            if not self.goal.id:  # it is that of the lease, and stays when another lease follows
                self._name(str(await self._lease()))
            await self._reconcile(self._wanted)
            await self._watch.open(self._revision + 1)
            self._runtime.spawn(self._run(), "etcd_factory registration")
        except BaseException:
            await self.quit()
            raise

    async def quit(self) -> None:
        """End what has begun in part, even if the caller is cancelled."""
        self._over = self._has_left = True
        await self._client.background.complete(self._quit, LEAVING)

    async def update(self, **changes: Any) -> None:
        """Change what is registered. If that fails the error is raised, and the background retries."""
        self.check_owner()
        with self._lock:
            self.goal = storable(evolve(self.goal, **changes), self._format)
            self._wanted += 1
            wanted = self._wanted
        try:
            await self._reconcile(wanted)
        finally:
            self._signal.set()  # what failed is left to the background
        if self._done < wanted:
            raise ClientClosedError(f"the registration of {self.goal.service}/{self.goal.id} has ended; register again")

    async def leave(self) -> None:
        """Deregister, even if the caller is cancelled; who calls it meanwhile waits, and gets the same error."""
        self.check_owner()
        if not self._has_left:
            await self._client.background.complete(self._leave_together, LEAVING)

    async def _leave_together(self) -> None:
        await self._client.single_flight.run((self, LEAVING), self._leave_once)

    async def _leave_once(self) -> None:
        if self._has_left:  # since it was looked at
            return
        try:
            await self._leave()
        except Exception:
            self._has_left = True
            raise
        self._has_left = True

    async def _leave(self) -> None:
        """Mark it as leaving, so that others know that it is intended, then revoke its lease."""
        self._over = True
        self._signal.set()
        await self._watch.end()
        with suppress(EtcdFactoryError):  # a write under way ends first; no other begins any more
            await self._client.single_flight.join(self, self._view.timeout)
        if self._session is None:
            return
        self._session.release()
        down = self._format.encode(evolve(self.goal, status=DOWN))
        if self._written and down is not None:
            await self._mark_down(down)
        await self._session.revoke()

    async def _mark_down(self, value: bytes) -> None:
        view = evolve(self._view, timeout=self._view.timeout / 2)
        lease = await self._lease()
        put = ops.put(self._key).lease(lease).value(value)
        try:
            await view.execute(ops.if_(self._key, "lease", "==", lease).then(put).op())
        except EtcdFactoryError as error:
            log.info("%r could not be marked as leaving: %s", self._key, error)

    # --- what is found

    def _on_change(self, kv: m.KeyValue | None, revision: int) -> None:
        if revision > self._revision:  # else it is older than what was written since
            self._judge(kv)

    def _on_read(self, kv: m.KeyValue | None, revision: int, rolled_back: bool) -> None:
        self._revision = revision  # of a store that may have been rolled back
        if (
            rolled_back
            and kv is not None
            and kv.lease not in self._leases
            and self._started(kv.value) <= self.goal.started
        ):
            self._leases.add(kv.lease)  # a predecessor's, which the backup still had: it may be overwritten
            kv = None
        self._judge(kv)

    def _started(self, value: bytes, unknown: float = 0.0) -> float:
        """Return when the instance of a value was registered; ``unknown`` if its format does not tell."""
        try:
            return self._format.decode(self.goal.service, self.goal.id, value).started or unknown
        except Exception:  # it is of no instance
            return 0.0

    def _judge(self, kv: m.KeyValue | None) -> None:
        if kv is None or kv.lease == 0:  # deleted, or overwritten by hand
            self._on_lost()
        elif kv.lease not in self._leases:
            self._yield()

    def _on_lost(self) -> None:
        """The key is gone, or will be with its lease: register again."""
        with self._lock:
            if self._over or self._is_hidden:
                return
            first = self._written and not self._lost
            self._lost, self._written = self._lost or first, False
            self._wanted += 1
            if first:
                log.warning("%r is lost, registering it again", self._key)
                self._notify("lost")  # under the lock: before another thread reports that it is restored
        self._signal.set()

    def _yield(self) -> None:
        """Another process has registered the key: leave it alone."""
        with self._lock:
            first, self._over, self._written = not self._over, True, False
            self._has_left = self._has_left or first
            notified, self._lost = self._lost, True
            if first and not notified:
                self._notify("lost")
        if first:
            log.warning("%r was registered by another process, which keeps it", self._key)
            self._signal.set()
            self._runtime.spawn(self._quit(), "etcd_factory registration replaced")

    def _notify(self, event: RegistrationEvent) -> None:
        for listener in self._listeners:
            listener(event)

    async def _quit(self) -> None:
        self._signal.set()  # ends who writes in the background
        try:
            await self._watch.end()
            if self._session is not None:
                await self._session.revoke()
        except EtcdFactoryError as error:
            log.info("the lease of %r could not be revoked and expires by its ttl: %s", self._key, error)

    # --- what is done

    async def _run(self) -> None:
        failures = 0
        while not self._over:
            await self._signal.wait()
            self._signal.clear()
            while self._done < self._wanted and not self._over:
                try:
                    await self._reconcile(self._wanted)
                except ClientClosedError:
                    return
                except EtcdFactoryError as error:
                    failures += 1
                    log.debug("%r could not be registered, retrying: %s", self._key, error)
                    await self._runtime.sleep(self._client.backoff(failures))
                else:
                    failures = 0

    async def _reconcile(self, wanted: int) -> None:
        while self._done < wanted and not self._over:
            await self._client.single_flight.run(self, self._write, self._view.timeout)

    async def _write(self) -> None:
        """Write what is wanted now, with a lease that is alive."""
        with self._lock:
            wanted, goal = self._wanted, self.goal
        while not self._over:
            value = self._format.encode(goal)
            try:
                revision = await self._store(await self._lease(), value)
            except LeaseNotFoundError:  # gone at the server, and not known here yet
                assert self._session is not None
                self._session.release()
                self._session = None
            except Replaced:
                return self._yield()
            else:
                return self._on_written(wanted, revision, there=value is not None)
        return None

    def _on_written(self, wanted: int, revision: int, *, there: bool) -> None:
        with self._lock:
            self._done, self._revision, self._written = wanted, revision, there
            restored = self._lost and there and wanted == self._wanted and not self._over
            if restored:
                self._lost = False
                self._notify("restored")

    async def _lease(self) -> int:
        session = self._session
        if session is None or session.state.lost:
            session = self._session = LeaseSession(self._view, self.goal.ttl)
            session.listen(lambda: self._on_lost() if self._session is session else None)
        lease = await session.grant()
        self._leases.add(lease)
        return lease

    async def _store(self, lease: int, value: bytes | None) -> int:
        """Write a value, or remove the key for None; returns the revision."""
        return await (self._remove(lease) if value is None else self._put(lease, value))

    async def _put(self, lease: int, value: bytes) -> int:
        """Write it: the first time whatever the key has, later only over what this process wrote."""
        put = ops.put(self._key).lease(lease).value(value)
        if not self._was_put:
            revision = (await self._view.execute(put)).revision
            self._was_put = True
            return revision
        while True:
            got = await self._change_if("lease", lease, put)
            if got.succeeded:
                return got.revision
            found = got.results[0].kvs
            if found and found[0].lease not in {0, *self._leases} and self._is_later(found[0].value):
                raise Replaced
            got = await self._change_if("mod", found[0].mod_revision if found else 0, put)
            if got.succeeded:
                return got.revision

    def _is_later(self, value: bytes) -> bool:
        """Whether another process registered after this one. Whoever is found there did, unless the format tells."""
        return self._started(value, unknown=inf) > self.goal.started

    async def _remove(self, lease: int) -> int:
        """Remove what this process wrote."""
        delete = ops.delete().key(self._key)
        got = await self._change_if("lease", lease, delete)
        while not got.succeeded and (found := got.results[0].kvs) and found[0].lease in self._leases:
            got = await self._change_if("mod", found[0].mod_revision, delete)
        return got.revision

    async def _change_if(self, column: Literal["lease", "mod"], value: int, change: Change) -> TxnResponse:
        compared = ops.if_(self._key, column, "==", value)
        return await self._view.execute(compared.then(change).else_(ops.get(self._key)).op())


def storable(instance: ServiceInstance, form: Format) -> ServiceInstance:
    """Return the instance if the format can store it; else raise ``TypeError`` or ``ValueError``."""
    form.encode(evolve(checked(instance), status=UP))
    return instance
