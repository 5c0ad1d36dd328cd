"""One key that several callers read, write and swap at the same time, and its history to check."""

from __future__ import annotations

from functools import partial

from etcd_factory import ops

from .history import History, Step

KINDS = ("read", "write", "swap")


class Register:
    """The value of one key; ``history`` has the calls on it, each with what its caller had seen and its new value."""

    def __init__(self, face, client, key="r"):
        self.history, self.key, self._client = History(face), key, client

    async def step(self, chance, seen, value):
        """Make a call of a random kind; returns what the caller has seen after it."""
        kind = chance.choice(KINDS)
        call = await self.call(kind, seen, value)
        return call.result if kind == "read" and call.result else value

    async def call(self, kind, seen, value):
        """Make one call, and return how it ended."""
        return await self.history.call(kind, partial(getattr(self, kind), seen, value), (seen, value))

    def read(self, seen, value):
        return self._client.get(self.key).string()

    def write(self, seen, value):
        return self._client.put(self.key).value(value)

    def swap(self, seen, value):
        return self._client.if_(self.key, "value", "==", seen).then(ops.put(self.key).value(value)).commit()

    def steps(self):
        """Yield the steps of the history, without failed reads and writes that were certainly not applied."""
        for call in self.history.calls:
            (seen, value), certain = call.tag, call.outcome == "done"
            if call.kind == "read" and certain:
                yield Step("read", call.begin, call.end, call.result)
            elif call.kind != "read" and call.outcome != "not done":
                match = call.kind == "write" or not certain or call.result.succeeded
                yield Step(call.kind, call.begin, call.end, value, seen, match, certain)
