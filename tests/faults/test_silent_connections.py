"""Connections that die without a word: bytes are accepted and never answered, as by a NAT that has forgotten them."""

import asyncio
import time

import pytest

from etcd_factory import errors
from etcd_factory.testing import FaultProxy
from tests.support.faces import LOOK, settle, walk
from tests.support.watching import take


@pytest.fixture
def proxy(etcd_server):
    with FaultProxy(etcd_server.endpoint) as one:
        yield one


# A connection counts as silent at once.
WARY = {"timeout": 30, "keepalive": {"time": 1e-6, "timeout": 5}}

NEVER = {"time": 1000, "timeout": 1000}


async def test_a_call_after_a_silence_uses_a_new_connection(make, proxy):
    client = make(proxy.endpoint, **WARY)
    written = await settle(client.put("k").value("1"))
    proxy.forget()
    assert await settle(client.get("k").string()) == "1"
    proxy.forget()
    assert (await settle(client.put("k").value("2"))).revision > written.revision


async def test_after_a_call_that_heard_nothing_the_next_one_uses_a_new_connection(make, proxy):
    client = make(proxy.endpoint, timeout=1.5, keepalive=NEVER)
    await settle(client.put("k").value("1"))
    proxy.forget()
    with pytest.raises(errors.DeadlineExceededError) as caught:
        await settle(client.put("k").value("2"))
    assert caught.value.maybe_applied
    assert await settle(client.get("k").string()) in ("1", "2")
    assert proxy.connections >= 1


async def test_a_watch_begins_on_a_new_connection_after_a_silence(make, proxy):
    client = make(proxy.endpoint, **WARY)
    await settle(client.put("k").value("1"))
    proxy.forget()
    watcher = await settle(client.watch().key("k").create())
    await settle(client.put("k").value("2"))
    async for event in walk(watcher):
        assert event.kv.value == b"2"
        break
    await settle(watcher.cancel())


async def test_a_watch_is_resumed_on_a_new_connection_once_a_call_heard_nothing(make, proxy):
    client, writer = make(proxy.endpoint, timeout=1.5, keepalive=NEVER), make(proxy.target)
    watcher = await settle(client.watch().key("k").create())
    await settle(client.get("k").string())
    proxy.forget()
    await settle(writer.put("k").value("1"))
    with pytest.raises(errors.DeadlineExceededError):
        await settle(client.get("k").string())
    assert [event.kv.value for event in await take(watcher)] == [b"1"]
    await settle(watcher.cancel())


async def test_a_lease_is_renewed_on_a_new_connection(make, proxy, lost):
    """The renewals of the old one are never answered."""
    client = make(proxy.endpoint, keepalive=NEVER)
    lease = client.lease(3).on("lost", lost)
    await settle(lease.grant())
    proxy.forget()
    await until_age(make(proxy.target), lease, 6)
    assert (lease.alive, lost.leases) == (True, [])


async def until_age(client, lease, seconds):
    """Wait until the server has renewed a lease for so long: its key is still there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert (await settle(client.lease_of(lease.id).time_to_live())).ttl >= 0
        await asyncio.sleep(LOOK)


async def test_calls_every_now_and_then_succeed_however_often_the_connection_is_forgotten(make, proxy):
    client = make(proxy.endpoint, timeout=2, keepalive={"time": 1e-6, "timeout": 1000})
    for number in range(5):
        await settle(client.put("k").value(str(number)))
        proxy.forget()
    assert await settle(client.get("k").string()) == "4"
