"""Connections that break after every n-th byte of a write or its reply: what errors say of it is true."""

from __future__ import annotations

import secrets
from functools import partial

import pytest

from tests.support.faces import closed, error_of, settle
from tests.support.offsets import TTL, OffsetProxy, Writes, connect

BREAKS = range(0, 230, 7)  # a request has about 180 bytes on a new connection, a reply 120
STALLS = range(0, 230, 57)  # each takes the whole timeout
BASE = 1 << 40  # the first id of a lease
OPTIONS = {"timeout": 0.4, "retry": {"initial": 0.001, "maximum": 0.001}}
FAULTS = [
    pytest.param("abort", BREAKS, id="reset"),
    pytest.param("end", BREAKS, id="cut"),
    pytest.param("stall", STALLS, id="stall"),
]


@pytest.fixture
def proxy(server):
    """A proxy that breaks connections after so many bytes."""
    with OffsetProxy(server.endpoint) as one:
        yield one


@pytest.mark.parametrize("requests", [True, False], ids=["requests", "replies"])
@pytest.mark.parametrize(("way", "offsets"), FAULTS)
async def test_no_write_that_was_applied_is_reported_as_not_applied(make, proxy, direct, way, offsets, requests):
    writes = Writes(make(proxy.endpoint, **OPTIONS), direct, BASE + secrets.randbits(32))
    for offset in offsets:
        for kind in writes.attempts:
            await writes.make(kind, f"{way} {offset}", partial(proxy.arm, way, offset, requests=requests))
            proxy.disarm()
    assert [(one.text, one.error) for one in await writes.wrong()] == []
    failed = [one for all_ in writes.attempts.values() for one in all_ if one.error is not None]
    assert len(failed) > len(offsets)  # the proxy did break what was written


@pytest.mark.parametrize("requests", [True, False], ids=["requests", "replies"])
@pytest.mark.parametrize(("way", "offsets"), FAULTS)
async def test_a_lock_or_a_lease_that_was_not_got_leaves_nothing(make, proxy, direct, way, offsets, requests):
    others = await settle(direct.leases())
    for offset in offsets:
        for get in (lambda client: client.lock("lock", ttl=TTL).acquire, lambda client: client.lease(TTL).grant):
            client = make(proxy.endpoint, **OPTIONS)
            await connect(client)
            proxy.arm(way, offset, requests=requests)
            await error_of(get(client))
            proxy.disarm()
            await connect(client)
            await closed(client)  # releases and revokes what was got

    keys = await settle(direct.get_all().prefix("lock").keys())
    assert (keys, set(await settle(direct.leases())) - set(others)) == ([], set())
