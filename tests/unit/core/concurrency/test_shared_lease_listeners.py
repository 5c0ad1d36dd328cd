"""Locks under a shared lease leave no listener and no alarm behind: the lease may live for ever."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, KeyValue, errors
from etcd_factory.core.lease.lease import session_of
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import FACES, closed, failure, settle, until

LEASE, REVISION = 7, 5
OWN = KeyValue(b"name/7", b"", REVISION, REVISION, 1, LEASE)
OTHER = KeyValue(b"name/6", b"", REVISION - 1, REVISION - 1, 1, 6)


def script(*before):
    """A server whose queue has these entries before the lock's."""

    def txn(call):
        """Reply to the creation of the lock's key, with the first one, or to its deletion."""
        if call.request.success[0].HasField("request_put"):
            return replies.txn(replies.put(), replies.get(*(before or [OWN])), revision=REVISION)
        return replies.txn(replies.delete(), revision=REVISION)

    return {
        "LeaseGrant": replies.lease(LEASE, 60),
        "LeaseRevoke": replies.of("LeaseRevoke"),
        "Txn": txn,
        "Range": lambda call: replies.get(*(before if call.request.range_end else [OWN])),
        "Watch": replies.watch(),
    }


@pytest.fixture(params=FACES, ids=lambda face: face.name)
async def connect(request):
    """Creates services on a script, and closes them."""
    opened = []

    def create(script):
        opened.append(request.param.service(transport=ScriptedTransport(script)))
        return opened[-1]

    yield create
    for client in opened:
        await closed(client)


def left(lease):
    """What the lease would call when it ends."""
    state = session_of(lease).state
    return [*state.listeners, *state.alarms]


async def test_a_released_lock_leaves_nothing(connect):
    client = connect(script())
    lease = client.lease(60)
    lock = await settle(client.lock("name", lease=lease).on("lost", print).acquire())
    assert len(left(lease)) == 1
    await settle(lock.release())
    assert left(lease) == []
    assert lease.alive


async def test_a_lock_that_is_released_again_and_again_leaves_nothing(connect):
    client = connect(script())
    lease = client.lease(60)
    lock = client.lock("name", lease=lease)
    for _ in range(3):
        await settle(lock.do(lambda: None))
    assert left(lease) == []


async def test_a_wait_that_times_out_leaves_nothing(connect):
    client = connect(script(OTHER))
    lease = client.lease(60)
    for call in (client.lock("name", lease=lease).acquire, client.election("name", lease=lease).campaign):
        await failure(lambda call=call: call(timeout=0), errors.LockFailedError)
    assert left(lease) == []


async def test_a_resigned_leadership_leaves_nothing(connect):
    client = connect(script())
    lease = client.lease(60)
    leadership = (await settle(client.election("name", lease=lease).campaign())).on("lost", print)
    assert len(left(lease)) == 1
    await settle(leadership.resign())
    assert left(lease) == []


async def test_a_cancelled_wait_leaves_nothing():
    transport = ScriptedTransport(script(OTHER))
    async with AsyncETCDService(transport=transport) as client:
        lease = client.lease(60)
        waiting = asyncio.ensure_future(client.lock("name", lease=lease).acquire())
        await until(lambda: "Watch" in [call.method for call in transport.calls])
        assert len(left(lease)) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert left(lease) == []
        assert lease.alive
