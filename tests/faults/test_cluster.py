"""A cluster that loses the member in use under load: what calls report is true, and calls succeed again soon."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from itertools import count

from attrs import define, field

from etcd_factory import ops
from tests.support.faces import fill, settle
from tests.support.faulty import crash
from tests.support.history import VERSIONS, History, Step, is_linearizable, report

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


class Register:
    """Callers that concurrently read, write and swap the value of one key."""

    def __init__(self, face, client):
        self.history, self._client = History(face), client.with_options(timeout=TIMEOUT)

    async def run(self):
        await settle(self._client.put("r").value("0"))
        await asyncio.gather(*map(self.work, range(CLIENTS)))

    async def work(self, caller):
        chance, seen = random.Random(caller), "0"
        for number in range(ROUNDS):
            kind, value = chance.choice(["read", "write", "swap"]), f"{caller}.{number}"
            call = await self.history.call(kind, partial(getattr(self, kind), seen, value), (seen, value))
            seen = call.result if kind == "read" and call.result else value

    def read(self, seen, value):
        return self._client.get("r").string()

    def write(self, seen, value):
        return self._client.put("r").value(value)

    def swap(self, seen, value):
        return self._client.if_("r", "value", "==", seen).then(ops.put("r").value(value)).commit()


def steps(history):
    """Yield the steps of a history, without failed reads and writes that were certainly not applied."""
    for call in history.calls:
        (seen, value), certain = call.tag, call.outcome == "done"
        if call.kind == "read" and certain:
            yield Step("read", call.begin, call.end, call.result)
        elif call.kind != "read" and call.outcome != "not done":
            match = call.kind == "write" or not certain or call.result.succeeded
            yield Step(call.kind, call.begin, call.end, value, seen, match, certain)


async def test_calls_on_one_key_are_linearizable_when_a_member_is_killed(face, cluster_client, used):
    register = Register(face, cluster_client)
    running = asyncio.ensure_future(register.run())
    await register.history.until_ended(KILLED_AFTER)
    await asyncio.to_thread(crash, used)
    await running
    found = [*steps(register.history)]
    assert {step.match for step in found if step.kind == "swap"} == {True, False}
    assert is_linearizable(found, "0")
