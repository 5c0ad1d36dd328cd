"""Leases and locks: the same requests in the same order through the service and through the bare stub.

The service keeps a lease alive from its grant on. If it is the only one, a stream is opened for it and closed after it;
"beside" has another lease that keeps the stream open. "bare, kept" sends a renewal after each grant too, on a stream
that stays open. "bare, h2" and "bare, h2, kept" are the same on the service's own transport.
"""

from __future__ import annotations

from functools import partial

from etcd_factory import AsyncETCDService, ETCDService

from .cases import arepeated, repeated
from .measure import Bar
from .own import AOwnKept, OwnKept
from .stub_streams import AKeepAliveStub, KeepAliveStub
from .stubs import TTL, Awaited, Blocking
from .world import Case, Sides, World

LEASES, LOCKS = 128, 64  # in a turn
LONG = 3600  # seconds; a lease of this ttl is not renewed while a case runs
NAME = "benchmark/lock"


def with_lease(world: World) -> ETCDService:
    """Return a client that keeps a lease alive."""
    etcd = world.service()
    etcd.lease(LONG).grant()
    return etcd


def awith_lease(world: World) -> AsyncETCDService:
    """Return an asyncio client that keeps a lease alive."""
    etcd = world.aservice()
    world.run(etcd.lease(LONG).grant())
    return etcd


def lease(etcd: ETCDService) -> None:
    """Grant a lease and revoke it."""
    granted = etcd.lease(TTL)
    granted.grant()
    granted.revoke()


async def alease(etcd: AsyncETCDService) -> None:
    """Grant a lease and revoke it, in asyncio."""
    granted = etcd.lease(TTL)
    await granted.grant()
    await granted.revoke()


def lock(etcd: ETCDService) -> None:
    """Acquire a free lock and release it."""
    etcd.lock(NAME, TTL).acquire().release()


async def alock(etcd: AsyncETCDService) -> None:
    """Acquire a free lock and release it, in asyncio."""
    await (await etcd.lock(NAME, TTL).acquire()).release()


def stubs(world: World) -> dict[str, Blocking]:
    """Return what the service is compared with."""
    limit = world.options.timeout
    kept, own_kept = KeepAliveStub(world.channel, limit), OwnKept(world.own, limit)
    for stub in (kept, own_kept):
        world.stack.callback(stub.close)
    bare = {"bare": world.stubs["bare"], "bare, kept": kept}
    return {**bare, "bare, h2": Blocking(world.own, limit), "bare, h2, kept": own_kept}


def astubs(world: World) -> dict[str, Awaited]:
    """Return the same in asyncio."""
    limit = world.options.timeout
    kept = world.run(AKeepAliveStub.open(world.achannel, limit))
    own_kept = world.run(AOwnKept.open(world.aown, limit))
    for stub in (kept, own_kept):
        world.stack.callback(world.runner(stub.close))
    bare = {"bare": world.astubs["bare"], "bare, kept": kept}
    return {**bare, "bare, h2": Awaited(world.aown, limit), "bare, h2, kept": own_kept}


def leases(etcd: ETCDService, world: World) -> Sides:
    bodies = {name: stub.lease for name, stub in stubs(world).items()}
    return repeated({"ours": partial(lease, etcd), **bodies}, LEASES)


def aleases(etcd: AsyncETCDService, world: World) -> Sides:
    bodies = {name: stub.lease for name, stub in astubs(world).items()}
    return arepeated(world, {"ours": partial(alease, etcd), **bodies}, LEASES)


def locks(etcd: ETCDService, world: World) -> Sides:
    bodies = {name: partial(stub.lock, NAME) for name, stub in stubs(world).items()}
    return repeated({"ours": partial(lock, etcd), **bodies}, LOCKS)


def alocks(etcd: AsyncETCDService, world: World) -> Sides:
    bodies = {name: partial(stub.lock, NAME) for name, stub in astubs(world).items()}
    return arepeated(world, {"ours": partial(alock, etcd), **bodies}, LOCKS)


def renewals(world: World) -> Sides:
    etcd = world.service()
    lease = etcd.lease(LONG)
    bare = partial(world.stubs["bare"].renew, lease.grant())
    return repeated({"ours": lease.keepalive_once, "bare": bare})


def arenewals(world: World) -> Sides:
    lease = world.aservice().lease(LONG)
    bare = partial(world.astubs["bare"].renew, world.run(lease.grant()))
    return arepeated(world, {"ours": lease.keepalive_once, "bare": bare})


RENEW_BARS = (Bar("bare", "cpu µs", 1.15), Bar("bare", "wall µs"))
OWN = ("bare, h2", "bare, h2, kept")
BARS = (*RENEW_BARS, Bar("bare, kept", "cpu µs"), *[Bar(side, "cpu µs", 1.15, table=True) for side in OWN])

CASES = {
    "keepalive blocking": Case(renewals, RENEW_BARS),
    "keepalive asyncio": Case(arenewals, RENEW_BARS),
    "leases blocking": Case(lambda world: leases(world.service(), world), BARS),
    "leases asyncio": Case(lambda world: aleases(world.aservice(), world), BARS),
    "leases beside blocking": Case(lambda world: leases(with_lease(world), world), BARS),
    "leases beside asyncio": Case(lambda world: aleases(awith_lease(world), world), BARS),
    "locks blocking": Case(lambda world: locks(world.service(), world), BARS, turns=4),
    "locks asyncio": Case(lambda world: alocks(world.aservice(), world), BARS, turns=4),
    "locks beside blocking": Case(lambda world: locks(with_lease(world), world), BARS, turns=4),
    "locks beside asyncio": Case(lambda world: alocks(awith_lease(world), world), BARS, turns=4),
}
