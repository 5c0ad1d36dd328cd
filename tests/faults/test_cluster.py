"""A cluster that loses the member in use under load: what calls were told is true, and it is soon over."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from itertools import count

import pytest
from attrs import define, field

from etcd_factory import ops
from tests.support.faces import fill, settle
from tests.support.history import History, Step, crash, explained, note

from .test_calls import TRUE, hosts, shared, used  # noqa: F401

READERS, WRITERS = 8, 4
BEFORE = 1000  # calls, of all workers
WINDOW = 3.0  # seconds that figures are taken of
CLIENTS = 5  # of one register
ROUNDS = 60  # of each
PATIENCE = 2.0  # seconds
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
            if call.fate == "done":
                self.written[writer] = number

    async def read(self, reader):
        writer = reader % WRITERS
        while not self.over:
            key = f"{writer}/{self.written[writer]}"
            await self.history.call("read", self.client.get(key).string, key)


async def test_the_member_in_use_is_killed_under_load(request, face, shared, used, etcd_cluster):  # noqa: F811
    load = Load(History(face), shared)
    running = asyncio.ensure_future(load.run())
    await load.history.more(BEFORE)
    killed = time.monotonic()
    await asyncio.to_thread(crash, used)
    await asyncio.to_thread(lambda: etcd_cluster.leader)
    led = time.monotonic()
    await load.history.begun(killed + WINDOW)
    load.over = True
    await running
    note(request, load.history.figures(killed))
    calls = load.history.calls
    assert [call for call in calls if call.kind == "read" and call.answer != call.mark] == []
    assert [call for call in load.history.since(led) if call.error] == []
    versions = {kv.key_text: kv.version for kv in await settle(shared.get_all().kvs())}
    for call in calls:
        assert call.kind == "read" or versions.get(call.mark, 0) in TRUE[call.fate], call
        assert ("may have been applied" in str(call.error)) == (call.fate == "maybe"), call


class Register:
    """Callers that read, write and swap the value of one key at once."""

    def __init__(self, face, client):
        self.history, self._client = History(face), client.with_options(timeout=PATIENCE)

    async def run(self):
        await settle(self._client.put("r").value("0"))
        await asyncio.gather(*map(self.work, range(CLIENTS)))

    async def work(self, caller):
        chance, seen = random.Random(caller), "0"
        for number in range(ROUNDS):
            kind, value = chance.choice(["read", "write", "swap"]), f"{caller}.{number}"
            call = await self.history.call(kind, partial(getattr(self, kind), seen, value), (seen, value))
            seen = call.answer if kind == "read" and call.answer else value

    def read(self, seen, value):
        return self._client.get("r").string()

    def write(self, seen, value):
        return self._client.put("r").value(value)

    def swap(self, seen, value):
        return self._client.if_("r", "value", "==", seen).then(ops.put("r").value(value)).commit()


def steps(history):
    """What callers were told, but for what certainly did not happen and reads that failed."""
    for call in history.calls:
        (seen, value), sure = call.mark, call.fate == "done"
        if call.kind == "read" and sure:
            yield Step("read", call.begin, call.end, call.answer)
        elif call.kind != "read" and call.fate != "not done":
            hit = call.kind == "write" or not sure or call.answer.succeeded
            yield Step(call.kind, call.begin, call.end, value, seen, hit, sure)


async def test_calls_on_one_key_have_one_order_when_a_member_is_killed(face, shared, used):  # noqa: F811
    register = Register(face, shared)
    running = asyncio.ensure_future(register.run())
    await register.history.more(KILLED_AFTER)
    await asyncio.to_thread(crash, used)
    await running
    found = [*steps(register.history)]
    assert {step.hit for step in found if step.kind == "swap"} == {True, False}
    assert explained(found, "0")


RIGHT = {
    "in turn": [Step("write", 0, 1, "a"), Step("read", 2, 3, "a")],
    "at once": [Step("write", 0, 3, "a"), Step("read", 1, 2, None), Step("read", 1, 4, "a")],
    "a swap": [Step("write", 0, 1, "a"), Step("swap", 2, 3, "b", "a"), Step("read", 4, 5, "b")],
    "a swap that missed": [Step("swap", 0, 1, "b", "a", hit=False), Step("read", 2, 3, None)],
    "an uncertain write that happened late": [
        Step("write", 0, 1, "a", sure=False),
        Step("read", 2, 3, None),
        Step("read", 4, 5, "a"),
    ],
    "an uncertain write that never happened": [Step("write", 0, 1, "a", sure=False), Step("read", 2, 3, None)],
    "an uncertain swap": [Step("swap", 0, 1, "a", None, sure=False), Step("read", 2, 3, "a")],
}
WRONG = {
    "a stale read": [Step("write", 0, 1, "a"), Step("read", 2, 3, None)],
    "a value from nowhere": [Step("read", 0, 1, "a")],
    "a read of the future": [Step("read", 0, 1, "a"), Step("write", 2, 3, "a")],
    "a lost update": [Step("swap", 0, 2, "a", None), Step("swap", 1, 3, "b", None)],
    "back again": [
        Step("write", 0, 9, "a"),
        Step("read", 1, 2, "a"),
        Step("read", 3, 4, None),
    ],
    "an uncertain write that happened twice": [
        Step("write", 0, 1, "a", sure=False),
        Step("read", 2, 3, "a"),
        Step("write", 4, 5, "b"),
        Step("read", 6, 7, "a"),
    ],
    "a swap that should have hit": [Step("swap", 0, 1, "b", None, hit=False)],
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_history_that_one_order_explains_is_right(name):
    assert explained(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_a_history_that_no_order_explains_is_wrong(name):
    assert not explained(WRONG[name])
