"""Registries that are closed or begun while etcd is away."""

from __future__ import annotations

import pytest

from etcd_factory.testing import FaultProxy
from tests.support.faces import closed, in_time, settle
from tests.support.faulty import QUICK, UNREACHABLE
from tests.support.registering import ids, record_events, register, subscribe
from tests.support.watching import nothing_left, threads


@pytest.mark.anchor("registry-p12")
@pytest.mark.parametrize("fault", ["pause", "kill"])
async def test_closing_ends_while_the_server_is_away(face, make, server, registry, fault, caplog):
    client = make(server.endpoint, timeout=1)
    await register(registry, client, *"abcdefgh", ttl=60)
    getattr(server, fault)()
    try:
        await in_time(face.close(client))
    finally:
        server.resume() if fault == "pause" else server.start()
    assert "could not be deregistered and expires by its ttl" in caplog.text


async def test_deregistering_that_fails_raises_and_leaves_nothing_running(make, server, registry, recorder):
    with FaultProxy(server.endpoint) as far:
        client = make(far.endpoint, timeout=0.5)
        await settle(registry(client).services())
        before = threads()
        (one,) = await register(registry, client, "a", ttl=2)
        record_events(recorder, one)
        far.cut()
        with pytest.raises(UNREACHABLE):
            await settle(one.deregister())
        assert not one.alive
        await settle(one.deregister())
        await closed(client)
        await nothing_left(before)


async def test_beginning_while_etcd_is_away_raises_and_can_be_repeated(make, proxy, registry):
    client = make(proxy.endpoint, timeout=1, retry=QUICK)
    proxy.cut()
    for begin in (registry(client).subscribe, registry(client).register, registry(client).discover):
        with pytest.raises(UNREACHABLE):
            await settle(begin("user"))
    proxy.heal()
    view, lists = await subscribe(registry, client)
    await register(registry, client, "a")
    await lists.until("a")
    assert ids(view.instances) == "a"
