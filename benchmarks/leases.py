"""Leases and locks: the same requests in the same order through the service and through the bare stub.

A lease of ours is kept alive from its grant on. Where it is the only one, its stream is opened for it and closed behind
it; "beside" is with another lease that keeps the stream open. "bare, kept" sends a renewal behind each grant too, on a
stream that stays open.
"""

from __future__ import annotations

from functools import partial

from etcd_factory import AsyncETCDService, ETCDService

from .cases import arepeated, repeated
from .measure import Bar
from .standing import AKeeping, Keeping
from .stubs import TTL
from .world import Case, Sides, World

LEASES, LOCKS = 128, 64  # in a turn
LONG = 3600  # seconds that a lease lives which is not renewed meanwhile
NAME = "benchmark/lock"


def kept(world: World) -> ETCDService:
    """A client that keeps a lease alive."""
    etcd = world.service()
    etcd.lease(LONG).grant()
    return etcd


def akept(world: World) -> AsyncETCDService:
    """The same in asyncio."""
    etcd = world.aservice()
    world.run(etcd.lease(LONG).grant())
    return etcd


def lease(etcd: ETCDService) -> None:
    """Grant one, and revoke it."""
    made = etcd.lease(TTL)
    made.grant()
    made.revoke()


async def alease(etcd: AsyncETCDService) -> None:
    made = etcd.lease(TTL)
    await made.grant()
    await made.revoke()


def lock(etcd: ETCDService) -> None:
    """Take one that is free, and give it back."""
    etcd.lock(NAME, TTL).acquire().release()


async def alock(etcd: AsyncETCDService) -> None:
    await (await etcd.lock(NAME, TTL).acquire()).release()


def keeping(world: World) -> Keeping:
    made = Keeping(world.channel, world.options.timeout)
    world.stack.callback(made.close)
    return made


def akeeping(world: World) -> AKeeping:
    made: AKeeping = world.run(AKeeping.open(world.achannel, world.options.timeout))
    world.stack.callback(world.runner(made.close))
    return made


def leases(etcd: ETCDService, world: World) -> Sides:
    bare, kept = world.stubs["bare"].lease, keeping(world).lease
    return repeated({"ours": partial(lease, etcd), "bare": bare, "bare, kept": kept}, LEASES)


def aleases(etcd: AsyncETCDService, world: World) -> Sides:
    bare, kept = world.astubs["bare"].lease, akeeping(world).lease
    return arepeated(world, {"ours": partial(alease, etcd), "bare": bare, "bare, kept": kept}, LEASES)


def locks(etcd: ETCDService, world: World) -> Sides:
    bare, kept = partial(world.stubs["bare"].lock, NAME), partial(keeping(world).lock, NAME)
    return repeated({"ours": partial(lock, etcd), "bare": bare, "bare, kept": kept}, LOCKS)


def alocks(etcd: AsyncETCDService, world: World) -> Sides:
    bare, kept = partial(world.astubs["bare"].lock, NAME), partial(akeeping(world).lock, NAME)
    return arepeated(world, {"ours": partial(alock, etcd), "bare": bare, "bare, kept": kept}, LOCKS)


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
BARS = (*RENEW_BARS, Bar("bare, kept", "cpu µs"))

CASES = {
    "keepalive blocking": Case(renewals, RENEW_BARS),
    "keepalive asyncio": Case(arenewals, RENEW_BARS),
    "leases blocking": Case(lambda world: leases(world.service(), world), BARS),
    "leases asyncio": Case(lambda world: aleases(world.aservice(), world), BARS),
    "leases beside blocking": Case(lambda world: leases(kept(world), world), BARS),
    "leases beside asyncio": Case(lambda world: aleases(akept(world), world), BARS),
    "locks blocking": Case(lambda world: locks(world.service(), world), BARS, turns=4),
    "locks asyncio": Case(lambda world: alocks(world.aservice(), world), BARS, turns=4),
    "locks beside blocking": Case(lambda world: locks(kept(world), world), BARS, turns=4),
    "locks beside asyncio": Case(lambda world: alocks(akept(world), world), BARS, turns=4),
}
