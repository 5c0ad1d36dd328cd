"""Workers that hold something: a lock that guards a counter, leases, a registration."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count

from attrs import define, field

from etcd_factory import errors, ops
from tests.support.registering import REGISTRIES, record_events

WAIT = 3.0  # seconds for a lock
ROUNDS = (1, 2, 30)  # increments under one lock
REPORTED = 3.0  # seconds after which the loss of a lease must have been reported
ABSENT = 20.0  # seconds that a registration may be missing while faults come and go
LOOK = 0.2  # seconds between looks at the store


# --- a lock


@define
class Counter:
    """A counter that holders of a lock increment; ``outcomes`` of each increment."""

    scene: object
    outcomes: dict = field(factory=dict)

    async def work(self, worker):
        history, ids = self.scene.history(), (f"{worker}.{number}" for number in count())
        while not self.scene.over:
            lock, since = self.scene.client.lock("counter", self.scene.ttl), self.scene.now()
            if (await history.call("acquire", partial(lock.acquire, WAIT))).error is None:
                await self._hold(history, lock, ids, since)
                await history.call("release", lock.release)
            await self.scene.pause()

    async def _hold(self, history, lock, ids, since):
        """Increment, and for a while after the first failure only look at the lock."""
        rounds = self.scene.chance.choice(ROUNDS)
        works = True
        for _ in range(rounds):
            works = works and await self._increment(history, lock, next(ids))
            if rounds == max(ROUNDS):
                await self._check(lock, since)
            if self.scene.over or not lock.held:
                break

    async def _increment(self, history, lock, id):  # noqa: A002
        """Return whether the counter was incremented; after any failure the lock must be given up.

        A write whose result is unknown may still be under way: only the lock's key stops it.
        """
        try:
            key, token = lock.key, lock.fencing_token
        except errors.LockFailedError:
            return False
        client = self.scene.client
        read = await history.call("get", client.get("counter").number)
        if read.error:
            return False
        number = (read.result or 0) + 1
        puts = ops.put("counter").value(number), ops.put(f"counted/{number}").value(f"{id} {token}")
        write = await history.call("increment", client.if_(key, "create", "==", token).then(*puts).commit)
        is_refused = write.outcome == "done" and not write.result.succeeded
        self.outcomes[id] = "not done" if is_refused else write.outcome
        return self.outcomes[id] == "done"

    async def _check(self, lock, since):
        """Check that a lock which says that it is held has its key in the store."""
        await self.scene.pause(LOOK)
        try:
            key, token = lock.key, lock.fencing_token
            kv = await self.scene.look(self.scene.direct.get(key).kv)
        except errors.EtcdError:
            return
        is_lost = kv is None or kv.create_revision != token
        if is_lost and lock.held and not self.scene.revoked_since(since):
            self.scene.found("lock", f"{lock!r} is held since {since} with token {token}, but its key {key!r} is {kv}")


# --- leases


async def leases(scene, worker, ttl):
    """Hold one lease after another, each until it is lost."""
    history = scene.history()
    for number in count():
        if scene.over:
            break
        lost = []
        lease = scene.client.lease(ttl).on("lost", lost.append)
        key = f"leases/{worker}/{number}"
        if (await history.call("grant", lease.grant)).error is None:
            await keep(scene, history, lease, key)
            await end(scene, history, lease, lost)
        await scene.pause()


async def keep(scene, history, lease, key):
    """Attach a key to a lease and look at it until the lease is lost."""
    call = await history.call("attach", partial(lease.put(key).value, "v"))
    while call.error is None and lease.alive and not scene.over:
        await scene.pause(LOOK)
        if await is_gone(scene, key) and lease.alive and lease.id not in scene.revoked:
            scene.found("lease", f"{lease!r} is alive, but its key {key} is gone")
            break


async def is_gone(scene, key):
    """Return whether a key is certainly missing, seen around the proxies."""
    try:
        return await scene.look(scene.direct.get(key).kv) is None
    except errors.EtcdError:
        return False


async def end(scene, history, lease, lost):
    """Check that the loss of a lease was reported, once; revoke one that was not lost."""
    scene.count("leases")
    if lease.alive:
        await history.call("revoke", lease.revoke)
        return
    await scene.pause(REPORTED)
    scene.count("leases lost")
    if len(lost) != 1:
        scene.found("lease", f"the loss of {lease!r} was reported {len(lost)} times")


# --- a registration


@define
class Registered:
    """An instance that is registered; it must be discovered again after each fault. ``log`` has what happened to it."""

    scene: object
    service: str = "soak"
    one: object = None
    is_present: bool = True
    since: float = 0.0
    log: list = field(factory=list)

    async def register(self):
        """Register it, before the first fault."""
        registry = REGISTRIES[self.scene.face.name](self.scene.client)
        self.one = await self.scene.face.begin(partial(registry.register, self.service, "one", ttl=self.scene.ttl))
        record_events(lambda event, _: self._note(f"reported as {event}"), self.one)
        self.since = self.scene.now()

    def _note(self, text):
        self.log.append(f"at {self.scene.now():.1f} s: {text}")

    @property
    def absence(self):
        """For how many seconds it has been absent."""
        return 0.0 if self.is_present else self.scene.now() - self.since

    async def is_discovered(self):
        """Look for it, around the proxies."""
        discover = REGISTRIES["blocking"](self.scene.direct).discover
        try:
            found = bool(await asyncio.to_thread(discover, self.service))
        except errors.EtcdError:
            return False
        self.scene.largest("longest absence of the registration, s", self.absence)
        if found != self.is_present:
            self.is_present, self.since = found, self.scene.now()
            self._note("present" if found else "absent")
        return found

    async def work(self):
        is_reported = False
        while not self.scene.over:
            await self.scene.pause(LOOK)
            await self.is_discovered()
            if not is_reported and self.absence > ABSENT:
                is_reported = True
                self.scene.found("registration", f"{self.one!r} is absent since {self.since:.1f} s", *self.log)
