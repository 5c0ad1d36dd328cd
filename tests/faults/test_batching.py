"""Merged calls under faults: calls on each key are linearizable, and what errors say of writes is true."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.faces import fill, settle
from tests.support.faulty import crash
from tests.support.history import VERSIONS, History, is_linearizable
from tests.support.registers import Register
from tests.support.transports import Recorded

REGISTERS, CALLERS = 6, 3
STEPS = 40  # of each caller on its register
TIMEOUT = 1.0  # seconds
FAULTS = 4
WRITERS, WRITES = 16, 40


class Load:
    """Callers of several registers, by one client that merges their calls."""

    def __init__(self, face, client):
        self.client = client
        self.registers = [Register(face, client, f"registers/{number}") for number in range(REGISTERS)]

    async def run(self):
        await fill(self.client, {register.key: "0" for register in self.registers})
        callers = [self.use(register, caller) for register in self.registers for caller in range(CALLERS)]
        await asyncio.gather(*callers)

    async def use(self, register, caller):
        chance, seen = random.Random(f"{register.key} {caller}"), "0"
        for number in range(STEPS):
            seen = await register.step(chance, seen, f"{caller}.{number}")

    async def until_ended(self, calls):
        await self.registers[0].history.until_ended(calls)

    @property
    def unexplained(self):
        """The registers whose calls no order explains."""
        return [one.key for one in self.registers if not is_linearizable([*one.steps()], "0")]


def merged(transport):
    """How many calls left in transactions of several."""
    return sum(len(request.success) for request in transport.requests("Txn") if not request.compare)


@pytest.fixture
def merging(make_wrapped):
    """Creates a client that merges all calls, and its recorded transport."""
    return lambda hosts: make_wrapped(Recorded, hosts, batching="all", timeout=TIMEOUT)


async def test_merged_calls_are_linearizable_while_connections_break(face, merging, proxy):
    client, transport = merging(proxy.endpoint)
    load = Load(face, client)
    running = asyncio.ensure_future(load.run())
    await load.until_ended(CALLERS)
    for number in range(FAULTS):
        (proxy.drop_replies if number % 2 else proxy.cut)()
        await load.until_ended(1)
        proxy.heal()
        await load.until_ended(CALLERS)
    await running
    assert merged(transport) > STEPS
    assert load.unexplained == []


async def test_merged_calls_are_linearizable_when_a_member_is_killed(face, merging, cluster_hosts, used):
    client, transport = merging(cluster_hosts)
    load = Load(face, client)
    running = asyncio.ensure_future(load.run())
    await load.until_ended(CALLERS * STEPS // 3)
    await asyncio.to_thread(crash, used)
    await running
    assert merged(transport) > STEPS
    assert load.unexplained == []


async def test_each_write_was_applied_as_often_as_its_outcome_says(face, merging, direct, proxy):
    client, transport = merging(proxy.endpoint)
    history = History(face)

    async def put(writer):
        for number in range(WRITES):
            key = f"{writer}/{number}"
            await history.call("put", lambda key=key: client.put(key).value(key), key)

    running = asyncio.gather(*map(put, range(WRITERS)))
    for _ in range(FAULTS):
        await history.until_ended(WRITERS)
        proxy.drop_replies()
        await history.until_ended(WRITERS)
        proxy.heal()
    await running
    versions = {kv.key_text: kv.version for kv in await settle(direct.get_all().kvs())}
    assert [call for call in history.calls if versions.get(call.tag, 0) not in VERSIONS[call.outcome]] == []
    assert {call.outcome for call in history.calls} >= {"done", "maybe"}
    assert merged(transport) > WRITERS
