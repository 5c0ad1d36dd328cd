"""What happens to the cluster and to the connections: 13 kinds of faults, in an order that a seed decides."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from attrs import define, field

from etcd_factory import errors
from etcd_factory.testing import EtcdServer

HOLDS = (0.2, 0.5, 0.8)  # shares of the time between faults that one lasts: of 5 s up to 4 s
REST = 0.2  # share that nothing fails at least, even if healing took long
DELAYS = (0.02, 0.1, 0.4)  # seconds, each way
SERVES = 30.0  # seconds after a fault by which the cluster must serve
STOP_S = 10.0  # for a member that is asked to end; its own limit is 7 s


def member(scene, chance):
    return chance.choice(scene.cluster.members)


def proxies(scene, chance):
    """Return the proxies before one member, or before all."""
    number = chance.choice([0, 1, 2, None])
    return [proxy for side in (scene.front, scene.back) for proxy in (side if number is None else [side[number]])]


def kill(scene, chance, hold):
    member(scene, chance).kill()
    time.sleep(hold)


def pause(scene, chance, hold):
    for one in chance.sample(scene.cluster.members, chance.choice([1, 1, 2])):
        one.pause()
    time.sleep(hold)


def partition(scene, chance, hold):
    scene.cluster.partition(chance.randrange(len(scene.cluster)))
    time.sleep(hold)


def network(name, *choices):
    """Return the fault of proxies that their method of this name injects."""

    def fault(scene, chance, hold):
        arguments = [chance.choice(choices)] if choices else []
        for proxy in proxies(scene, chance):
            getattr(proxy, name)(*arguments)
        time.sleep(hold)

    return fault


def reset(scene, chance, hold):
    for proxy in proxies(scene, chance):
        proxy.reset()


def move_leader(scene, chance, hold):
    leader = scene.direct.maintenance.status().leader
    followers = [one for one in scene.direct.cluster.members() if one.id != leader]
    scene.direct.maintenance.move_leader(chance.choice(followers))


def revoke(scene, chance, hold):
    leases = scene.direct.leases()
    if leases:
        lease = chance.choice(sorted(leases))
        scene.revoked[lease] = scene.now()
        scene.direct.lease_of(lease).revoke()


def compact(scene, chance, hold):
    """Compact up to what the watches of the front side have seen, while those of the back side are cut off."""
    for proxy in scene.back:
        proxy.cut()
    time.sleep(hold)
    seen = min(watch.revision for watch in scene.watches if not watch.resync)
    if seen > 1:
        scene.direct.compact(seen - 1)


def restart(scene, chance, hold):
    """Shut down all members in order, and leave them so for the longest time.

    Connections are cut first, as a server waits for its streams; and the leader is last, as it would wait for another
    member to take over.
    """
    for proxy in scene.proxies:
        proxy.cut()
    for one in sorted(scene.cluster, key=partial(leads, scene)):
        shut_down(one)
    time.sleep(hold)


def leads(scene, one):
    status = scene.direct.maintenance.status(one.endpoint)
    return status.member == status.leader


def shut_down(one):
    """Ask a member to end, and wait for it."""
    os.kill(one.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while one.running and time.monotonic() < deadline:
        time.sleep(0.01)


KINDS = {
    "kill": kill,
    "pause": pause,
    "partition": partition,
    "cut": network("cut"),
    "half-open": network("half_open"),
    "delay": network("delay", *DELAYS),
    "dropped replies": network("drop_replies"),
    "forget": network("forget"),
    "reset": reset,
    "leader move": move_leader,
    "lease revoke": revoke,
    "compaction": compact,
    "restart": restart,
}


def heal(scene):
    """Undo every fault, and wait until the cluster serves. Raises ``ServerError`` or ``EtcdError`` if it does not."""
    for proxy in scene.proxies:
        proxy.heal()
    for one in scene.cluster:
        if one.is_paused and one.running:
            one.resume()
    scene.cluster.heal()
    with ThreadPoolExecutor(len(scene.cluster)) as pool:  # they become ready only together
        [*pool.map(EtcdServer.start, scene.cluster)]
    scene.direct.with_options(timeout=SERVES).get("k").exists()


@define
class Faults:
    """Injects a fault every so many seconds; ``log`` has when, which, and how long until all was healed."""

    scene: object
    chance: object
    every: float
    kills: bool
    progress: object
    counts: Counter = field(factory=Counter)
    failed: Counter = field(factory=Counter)
    log: list = field(factory=list)

    def kinds(self):
        """Yield the kinds without end: all of them in another order each time."""
        kinds = [kind for kind in KINDS if self.kills or kind != "kill"]
        while True:
            yield from self.chance.sample(kinds, len(kinds))

    async def run(self, seconds):
        """Inject faults for so many seconds, and heal them all."""
        begin = self.scene.now()
        for number, kind in enumerate(self.kinds()):
            due = max(begin + number * self.every, self.scene.now() + REST * self.every)
            await asyncio.sleep(min(due, begin + seconds) - self.scene.now())
            if due >= begin + seconds:
                break
            self.progress(self.scene.now() - begin, kind)
            await asyncio.to_thread(self.inject, kind)

    def inject(self, kind):
        """Inject one fault, and heal it."""
        begin = self.scene.now()
        self.counts[kind] += 1
        share = max(HOLDS) if kind == "restart" else self.chance.choice(HOLDS)
        try:
            KINDS[kind](self.scene, self.chance, share * self.every)
        except errors.EtcdError:
            self.failed[kind] += 1
        self.log.append(f"from {begin:.1f} to {self.scene.now():.1f} s: {kind}")
        heal(self.scene)
        self.log.append(f"  served at {self.scene.now():.1f} s")
