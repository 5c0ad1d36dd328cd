"""One soak from its beginning to its verdict."""

from __future__ import annotations

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from attrs import define, evolve, field

from etcd_factory.errors import EtcdError
from etcd_factory.testing import ServerError
from etcd_factory.testing.binary import find_binary, version_of
from tests.support.watching import nothing_left, threads

from . import checks, followers
from .faults import Faults
from .holders import Counter, Registered, leases
from .scene import Stage, refusal, settled_within
from .writers import REGISTERS, Data, Lists, registers

WORK = {"acquire", "append", "attach", "delete", "increment", "put", "read", "release", "stm", "swap", "txn", "write"}
LAST = "data/last"
CATCH_UP = 30.0  # seconds after the last fault by which all has caught up
END = 60.0  # seconds in which every worker must have ended


@define
class Plan:
    """What the command line asks for."""

    face: str = "asyncio"
    seconds: float = 240.0
    every: float = 5.0
    seed: int = 0
    ttl: int = 2
    binary: object = field(factory=find_binary)
    kills: bool = True
    batching: object = False

    @property
    def version(self):
        return version_of(self.binary)

    @property
    def refusal(self):
        """Why no member is killed; empty if members are."""
        return refusal(self.version, self.kills)


def ignore(_seconds, _text):
    """Report no progress."""


async def soak(plan, progress=ignore):
    """Run it; returns the scene and the faults."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16, "soak"))
    before = threads()
    async with Stage(plan.face, plan.binary, random.Random(plan.seed), plan.ttl, plan.batching) as scene:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: scene.found("task", str(context)))
        faults = Faults(scene, random.Random(plan.seed), plan.every, not plan.refusal, progress)
        await Soak(scene).run(faults, plan.seconds)
    try:
        await nothing_left(before)
    except AssertionError as error:
        scene.found("left", f"after the end of all clients: {error}")
    return scene, faults


class Soak:
    """The workers of a scene, and what is checked when they have ended."""

    def __init__(self, scene):
        self.scene, self.used = scene, []
        self.direct = scene.direct.with_options(timeout=CATCH_UP)
        self.data, self.lists, self.counter = Data(scene), Lists(scene), Counter(scene)
        self.registered, self.copy = Registered(scene), followers.Copy(scene)

    async def run(self, faults, seconds):
        """Work while there are faults, then check everything."""
        mirror = await self.begin()
        workers = [asyncio.ensure_future(self.scene.guard(name, body)) for name, body in self.workers(mirror)]
        try:
            await faults.run(seconds)
            await self.expect("a success of each kind of call", self.has_done_all)
            serves = True
        except (EtcdError, ServerError) as error:
            serves = False
            self.scene.found("cluster", f"it does not serve after a fault: {error}")
        await self.end(workers)
        faults.progress(seconds, "checking")
        if serves:
            await self.verdict()
            await self.close()

    async def begin(self):
        """Begin what runs through all faults; returns the mirror of the registers."""
        await followers.begin(self.scene)
        await self.copy.begin()
        await self.registered.register()
        return await self.scene.face.begin(lambda: self.scene.follower.mirror("registers/"))

    def has_done_all(self):
        """Whether each kind of call has succeeded: short runs may be nothing but faults."""
        return {call.kind for one in self.scene.histories for call in one.calls if call.error is None} >= WORK

    async def end(self, workers):
        """Wait until each worker has ended."""
        self.scene.over = True
        _, late = await asyncio.wait(workers, timeout=END)
        for _ in late:
            self.scene.found("worker", f"it has not ended {END} s after the last fault")

    async def close(self):
        """Close the clients, and wait until nothing keeps a lease alive."""
        await self.scene.close()
        if not await settled_within(CATCH_UP, self.no_leases):
            self.scene.found("left", "leases that nobody holds are kept alive")

    async def no_leases(self):
        return await self.scene.look(self.direct.leases) == []

    def workers(self, mirror):
        """Yield a name and a coroutine for each worker."""
        scene = self.scene
        for number in range(REGISTERS):
            yield "a register", registers(scene, number, mirror, self.used)
            yield "a writer", self.data.work(number)
            yield "a lock", self.counter.work(number)
            yield "a lease", leases(scene, number, (scene.ttl, 5, 10)[number])
        for number in range(2):
            yield "an append by txn", self.lists.work(f"txn{number}", self.lists.by_txn)
            yield "an append by stm", self.lists.work(f"stm{number}", self.lists.by_stm)
        yield "the registration", self.registered.work()
        yield "the mirror", self.copy.work()

    # --- the verdict

    async def verdict(self):
        """Wait until all has caught up, read the whole store, and check everything."""
        put = await self.scene.look(partial(self.direct.put(LAST).value, "last"))
        self.data.outcomes[b"last"] = "done"
        await self.catch_up(put.revision)
        stored = {kv.key_text: kv for kv in await self.scene.look(self.direct.get_all().kvs)}
        begin = time.monotonic()
        self.scene.violations += await asyncio.to_thread(lambda: [*self.found(stored)])
        self.scene.figures["seconds of checking"] = round(time.monotonic() - begin, 2)

    async def catch_up(self, revision):
        """Wait for watches, mirror and registration."""
        for watch in self.scene.watches:
            await self.expect(f"watch {watch.name}: the last event", lambda watch=watch: watch.has(b"last"))
            await watch.end()
            for error in watch.errors:
                self.scene.found("watch", f"{watch.name} ended: {error!r}")
        await self.copy.wait(revision)
        await self.expect("the mirror's last revision", lambda: self.copy.mirror.revision >= revision)
        if not await settled_within(CATCH_UP, self.registered.is_discovered):
            self.scene.found("registration", "it is not discovered again", *self.registered.log)

    async def expect(self, what, condition):
        """Note a violation if a condition does not hold in time."""

        async def holds():
            return condition()

        if not await settled_within(CATCH_UP, holds):
            self.scene.found("late", f"{what} did not come within {CATCH_UP:g} s")

    def found(self, stored):
        """Yield all violations in what was recorded and what is stored."""
        begun = self.scene.begun
        for register in self.used:
            steps = (evolve(step, begin=step.begin - begun, end=step.end - begun) for step in register.steps())
            yield from checks.register(register.key, [*steps])
        items = [item for key, kv in stored.items() if key.startswith("lists/") for item in kv.text.split()]
        yield from checks.exactly_once("append", self.lists.outcomes, items)
        yield from self.found_counted(stored)
        yield from self.found_followed({kv.key: kv for key, kv in stored.items() if key.startswith("data/")})

    def found_counted(self, stored):
        counted = [checks.Counted.of(kv) for key, kv in stored.items() if key.startswith("counted/")]
        final = int(stored["counter"].text) if "counter" in stored else 0
        yield from checks.counter(final, counted)
        yield from checks.exactly_once("increment", self.counter.outcomes, [one.id for one in counted])

    def found_followed(self, stored):
        everything, previous, puts, resynced = (watch.events for watch in self.scene.watches)
        merged = bool(self.scene.batching)
        yield from checks.stream("all", everything, stored, merged)
        yield from checks.stream("previous", previous, stored, merged)
        yield from checks.stream("resync", resynced, stored, merged)
        yield from checks.equal("previous", everything, previous)
        yield from checks.equal("puts", [event for event in everything if event.type == "put"], puts)
        values = [event.value for event in puts]
        yield from checks.exactly_once("write", self.data.outcomes, values)
        yield from checks.revisions(self.data.revisions, puts)
        yield from checks.samples("the mirror", self.copy.taken, everything)
        yield from checks.differences("the mirror", dict(self.copy.mirror), stored)
