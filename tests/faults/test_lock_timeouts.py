"""The timeouts of locks and elections while etcd does not answer: ``LockFailedError``, not the service's timeout."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from etcd_factory import errors
from tests.support.faces import in_time, settle
from tests.support.locking import begins_to_wait
from tests.support.transports import Recorded

SERVICE, TIMEOUT = 25, 0.5  # seconds

PATIENT = {"timeout": SERVICE, "dial_timeout": SERVICE, "retry": {"attempts": 1000}}

CONTEND = {
    "lock": lambda client, timeout: client.lock("name").acquire(timeout),
    "election": lambda client, timeout: client.election("name").campaign("me", timeout),
}
AWAY = {"paused": lambda server: server.pause(), "killed": lambda server: server.kill()}


@pytest.fixture
def patient(make, server):
    """A client with a timeout that no test waits for."""
    return make(server.endpoint, **PATIENT)


async def failed(face, call):
    """Return the ``LockFailedError`` of a call, which comes long before the service's timeout."""
    start = time.monotonic()
    with pytest.raises(errors.LockFailedError) as caught:
        await in_time(face.begin(call))
    assert time.monotonic() - start < SERVICE / 2
    return str(caught.value)


@pytest.mark.parametrize("contend", CONTEND.values(), ids=CONTEND)
@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
async def test_the_timeout_holds_while_the_server_is_away(face, patient, server, contend, away):
    await settle(patient.get("k").exists())
    await asyncio.to_thread(away, server)
    assert "etcd did not answer" in await failed(face, partial(contend, patient, TIMEOUT))


@pytest.mark.parametrize("contend", CONTEND.values(), ids=CONTEND)
@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
async def test_the_timeout_of_a_waiter_holds_if_the_server_goes_away(face, make, make_wrapped, server, contend, away):
    held = await settle(make(server.endpoint).lock("name", ttl=600).acquire())
    patient, recorded = make_wrapped(Recorded, server.endpoint, **PATIENT)
    waiting = asyncio.ensure_future(failed(face, partial(contend, patient, 3)))
    await begins_to_wait(recorded)
    await asyncio.to_thread(away, server)
    assert repr(held.key) in await waiting
    await asyncio.to_thread(server.start)  # closing the clients would wait for it


@pytest.mark.parametrize("contend", CONTEND.values(), ids=CONTEND)
async def test_one_whose_key_was_deleted_by_another_is_lost(face, make, server, lost, contend):
    """Go's client never says so, and two hold the lock."""
    holder, other = make(server.endpoint), make(server.endpoint)
    held = await settle(contend(holder, None))
    held.on("lost", lost)
    token = held.fencing_token
    await settle(other.delete().key(held.key))
    await lost.until_lost()
    assert (getattr(held, "held", False), getattr(held, "alive", False)) == (False, False)
    assert lost.leases == [held]
    assert (await settle(contend(other, 0))).fencing_token > token
