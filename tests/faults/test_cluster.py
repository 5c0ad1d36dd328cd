"""A cluster that loses the member in use under load: what calls report is true, and calls succeed again soon."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from itertools import count

from attrs import define, field

from tests.support.faces import fill, settle
from tests.support.faulty import crash
from tests.support.history import VERSIONS, History, is_linearizable, report
from tests.support.registers import Register

READERS, WRITERS = 8, 4
BEFORE = 1000  # calls of all workers before the fault
WINDOW = 3.0  # seconds after the fault that figures are taken of
CLIENTS = 5  # of one register
ROUNDS = 60  # of each
TIMEOUT = 2.0  # seconds
KILLED_AFTER = 80  # calls of all


@define
class Load:
    """Workers that write one key after another, and others that read what was written last."""

    history: History
    client: object
    written: dict = field(factory=dict)
    over: bool = False

    async def run(self):
        await fill(self.client, {f"{writer}/0": f"{writer}/0" for writer in range(WRITERS)})
        self.written = dict.fromkeys(range(WRITERS), 0)
        await asyncio.gather(*map(self.write, range(WRITERS)), *map(self.read, range(READERS)))

    async def write(self, writer):
        numbers = count(1)
        while not self.over:
            number = next(numbers)
            key = f"{writer}/{number}"
            call = await self.history.call("write", partial(self.client.put(key).value, key), key)
            if call.outcome == "done":
                self.written[writer] = number

    async def read(self, reader):
        writer = reader % WRITERS
        while not self.over:
            key = f"{writer}/{self.written[writer]}"
            await self.history.call("read", self.client.get(key).string, key)


async def test_the_member_in_use_is_killed_under_load(request, face, cluster_client, used, etcd_cluster):
    load = Load(History(face), cluster_client)
    running = asyncio.ensure_future(load.run())
    await load.history.until_ended(BEFORE)
    killed = time.monotonic()
    await asyncio.to_thread(crash, used)
    await asyncio.to_thread(lambda: etcd_cluster.leader)
    elected = time.monotonic()
    await load.history.until_begun(killed + WINDOW)
    load.over = True
    await running
    report(request, load.history.figures(killed))
    calls = load.history.calls
    assert [call for call in calls if call.kind == "read" and call.result != call.tag] == []
    assert [call for call in load.history.since(elected) if call.error] == []
    versions = {kv.key_text: kv.version for kv in await settle(cluster_client.get_all().kvs())}
    for call in calls:
        assert call.kind == "read" or versions.get(call.tag, 0) in VERSIONS[call.outcome], call
        assert ("may have been applied" in str(call.error)) == (call.outcome == "maybe"), call


async def use_register(register, client):
    """Have all callers use the register at the same time."""
    await settle(client.put(register.key).value("0"))
    await asyncio.gather(*(use(register, caller) for caller in range(CLIENTS)))


async def use(register, caller):
    chance, seen = random.Random(caller), "0"
    for number in range(ROUNDS):
        seen = await register.step(chance, seen, f"{caller}.{number}")


async def test_calls_on_one_key_are_linearizable_when_a_member_is_killed(face, cluster_client, used):
    client = cluster_client.with_options(timeout=TIMEOUT)
    register = Register(face, client)
    running = asyncio.ensure_future(use_register(register, client))
    await register.history.until_ended(KILLED_AFTER)
    await asyncio.to_thread(crash, used)
    await running
    found = [*register.steps()]
    assert {step.match for step in found if step.kind == "swap"} == {True, False}
    assert is_linearizable(found, "0")
