"""The part of a service for programs that work at the same time."""

from __future__ import annotations

import pytest

from etcd_factory.core.concurrency.election import Election
from etcd_factory.core.concurrency.lock import Lock
from etcd_factory.core.concurrency.stm import STM


async def test_its_parts_are_of_the_same_face_and_make_no_call(connect):
    client, transport = connect([])
    parts = [client.lock("l"), client.election("e"), client.stm()]
    assert [isinstance(part, kind) for part, kind in zip(parts, (Lock, Election, STM), strict=True)] == [True] * 3
    assert {part.face for part in parts} == {client.face}
    assert transport.calls == []


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (("snapshot",), ValueError, "isolation: expected one of .*, got 'snapshot'"),
        (("serializable", -1), ValueError, "retries"),
    ],
)
async def test_a_wrong_isolation_or_number_of_retries_is_refused_at_once(connect, arguments, kind, text):
    client, _ = connect([])
    with pytest.raises(kind, match=text):
        client.stm(*arguments)
