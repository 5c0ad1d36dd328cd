"""Software transactions: functions for either face, and something that happens meanwhile."""

from __future__ import annotations

import pytest

from etcd_factory.core.face import finish

from .faces import settle

SNAPSHOTS = ["serializable_snapshot", "serializable"]
CHECKED = [*SNAPSHOTS, "repeatable_reads"]
UNCHECKED = "read_committed"
LEVELS = [*CHECKED, UNCHECKED]


@pytest.fixture
def fitted(face):
    """Turns a coroutine function into a transaction's function of the face."""
    return lambda body: (lambda tx: finish(body(tx))) if face.is_blocking else body


@pytest.fixture
def transact(client, fitted):
    """Runs a coroutine function as a transaction."""

    async def run(body, isolation="serializable_snapshot", **options):
        return await settle(client.stm(isolation, **options).transact(fitted(body)))

    return run


class Once:
    """Calls a function in the first run only, and counts the runs."""

    def __init__(self, call):
        self.call, self.runs = call, 0

    async def __call__(self):
        self.runs += 1
        if self.runs == 1:
            await settle(self.call())


async def move(tx):
    """Move one unit from ``a`` to ``b``."""
    a, b = await settle(tx.get("a").number()), await settle(tx.get("b").number())
    tx.put("a").value(a - 1)
    tx.put("b").value(b + 1)


async def increment(tx, key="n"):
    """Add one to the number of a key."""
    tx.put(key).value(await settle(tx.get(key).number()) + 1)
