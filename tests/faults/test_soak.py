"""Ten seconds of the soak for each face: ``python -m tests.soak`` runs it for longer, on any server."""

from __future__ import annotations

import asyncio

import pytest

from tests.soak.figures import lines
from tests.soak.run import Plan, soak

SECONDS, EVERY = 10.0, 1.0


@pytest.mark.parametrize("batching", [False, "all"], ids=["not merged", "merged"])
def test_nothing_is_violated_while_members_and_connections_fail(face, batching):
    plan = Plan(face.name, SECONDS, EVERY, seed=22, batching=batching)
    scene, faults = asyncio.run(soak(plan))
    print(*lines(plan, scene, faults), sep="\n")
    assert [str(violation) for violation in scene.violations] == []
    assert sum(faults.counts.values()) > 1
