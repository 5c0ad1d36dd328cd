"""Workers that read and write: registers, keys that are watched, and lists that are appended to."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count

from attrs import define, field

from etcd_factory import ops
from tests.support.history import outcome
from tests.support.registers import Register

REGISTERS, CALLERS = 3, 3
STEPS = 60  # of each caller on one register; the check of a long history takes long
UNKNOWN = 6  # writes of unknown result on one register: each doubles what the check may have to try
KEYS = [f"data/{number}" for number in range(30)]
LENGTH = 50  # of a list


# --- registers


class MirroredRegister(Register):
    """A register that is read from a mirror in every second read."""

    def __init__(self, face, client, key, mirror):
        super().__init__(face, client, key)
        self._mirror, self._reads = mirror, count()

    def read(self, seen, value):
        if next(self._reads) % 2:
            return super().read(seen, value)
        return self._mirror.get(self.key, fresh=True).string()

    @property
    def is_full(self):
        return sum(call.outcome == "maybe" for call in self.history.calls if call.kind != "read") >= UNKNOWN


async def registers(scene, number, mirror, used):
    """Use one register after another; appends them to ``used``."""
    for epoch in count():
        if scene.over:
            break
        register = MirroredRegister(scene.face, scene.client, f"registers/{number}/{epoch}", mirror)
        scene.histories.append(register.history)
        used.append(register)
        await asyncio.gather(*(use(scene, register, caller) for caller in range(CALLERS)))


async def use(scene, register, caller):
    seen = f"{caller}.first"
    await register.call("write", None, seen)
    for number in range(STEPS):
        if scene.over or register.is_full:
            break
        seen = await register.step(scene.chance, seen, f"{caller}.{number}")
        await scene.pause()


# --- keys that are watched


@define
class Data:
    """Puts, deletes and transactions on a few keys; ``outcomes`` of values, ``revisions`` of those that are done."""

    scene: object
    outcomes: dict = field(factory=dict)
    revisions: dict = field(factory=dict)

    async def work(self, worker):
        history = self.scene.history()
        for number in count():
            if self.scene.over:
                break
            await self._write(history, f"{worker}.{number}")
            await self.scene.pause()

    async def _write(self, history, value):
        chance, client = self.scene.chance, self.scene.client
        keys = sorted(chance.sample(KEYS, chance.choice([1, 1, 2])))
        if chance.random() < 0.2:
            await history.call("delete", partial(client.delete().key, keys[0]))
        elif len(keys) == 1:
            self._note(await history.call("put", partial(client.put(keys[0]).value, value)), value)
        else:
            values = [f"{value}{letter}" for letter in "ab"]
            puts = (ops.put(key).value(one) for key, one in zip(keys, values, strict=True))
            self._note(await history.call("txn", client.txn().then(*puts).commit), *values)

    def _note(self, call, *values):
        for value in values:
            self.outcomes[value.encode()] = call.outcome
            if call.outcome == "done":
                self.revisions[value.encode()] = call.result.revision


# --- lists


@define
class Lists:
    """Appends to lists; ``outcomes`` of each item."""

    scene: object
    outcomes: dict = field(factory=dict)
    number: int = 0

    @property
    def key(self):
        return f"lists/{self.number}"

    async def work(self, worker, append):
        history = self.scene.history()
        for number in count():
            if self.scene.over:
                break
            await append(history, self.key, f"{worker}.{number}")
            await self.scene.pause()

    def _appended(self, key, text, item):
        items = [*(text or "").split(), item]
        if len(items) >= LENGTH and key == self.key:
            self.number += 1
        return " ".join(items)

    async def by_txn(self, history, key, item):
        """Append by a transaction that compares the list's revision."""
        read = await history.call("get", self.scene.client.get(key).kv)
        if read.error is None:
            text, revision = (read.result.text, read.result.mod_revision) if read.result else ("", 0)
            put = ops.put(key).value(self._appended(key, text, item))
            write = await history.call("append", self.scene.client.if_(key, "mod", "==", revision).then(put).commit)
            lost_race = write.outcome == "done" and not write.result.succeeded
            self.outcomes[item] = "not done" if lost_race else write.outcome

    async def by_stm(self, history, key, item):
        """Append by a software transaction."""

        def append(tx):
            tx.put(key).value(self._appended(key, tx.get(key).string(), item))

        async def append_async(tx):
            tx.put(key).value(self._appended(key, await tx.get(key).string(), item))

        function = append if self.scene.face.is_blocking else append_async
        call = await history.call("stm", partial(self.scene.client.stm().transact, function))
        self.outcomes[item] = outcome(call.error)
