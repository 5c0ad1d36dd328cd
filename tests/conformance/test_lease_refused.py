"""Leases that the server refuses to renew, as their owner may not put one of the keys: no other lease is lost."""

from __future__ import annotations

import pytest

from etcd_factory import errors
from tests.support.auth import LOGIN
from tests.support.etcd_versions import REFUSES_RENEWALS, need
from tests.support.faces import failure, settle
from tests.support.faulty import CountedStreams
from tests.support.leasing import hex_id
from tests.support.transports import real

TTL = 2  # seconds, the least that etcd grants with its usual election timeout
REFUSED_TTL = 2 * TTL
RENEWALS = 3 * REFUSED_TTL  # of the lock, which come each third of its ttl: for twice as long as the refused one lives
FIRST = {"blocking": 1, "asyncio": 2}  # ids before all others', so that these leases are asked for first


@pytest.fixture
def server(auth_server):
    """A server with a user who may read and write only ``pub/``."""
    need(REFUSES_RENEWALS, auth_server.server.version)
    return auth_server


@pytest.fixture
def streams(face, server):
    return CountedStreams(real(face, server.options))


@pytest.fixture
def alice(make, server, streams):
    """A client of that user in ``pub/``, whose renewals are counted."""
    return make(**{**server.options, "namespace": "pub/", "auth": LOGIN}, transport=streams)


@pytest.fixture
async def lease(face, alice, recorder):
    """A lease of that client, to be refused."""
    lease = recorder.on(alice.lease(REFUSED_TTL, id=FIRST[face.name]), "lost")
    await settle(lease.grant())
    return lease


async def put_elsewhere(server, lease, make):
    """Put a key under the lease that its owner may not put."""
    server.root("put", "secret", "v", f"--lease={hex_id(lease)}")


async def revoke_permission(server, lease, make):
    """Revoke the permission on a key that its owner put under it."""
    server.root("role", "grant-permission", "public", "readwrite", "mine")
    await settle(make(**server.options, auth=LOGIN).put("mine").lease(lease).value("v"))
    server.root("role", "revoke-permission", "public", "mine")


@pytest.mark.parametrize("forbid", [put_elsewhere, revoke_permission])
async def test_a_refused_lease_is_lost_alone_and_its_owner_is_told(
    server, streams, alice, lease, make, recorder, caplog, forbid
):
    lock = recorder.on(alice.lock("name", ttl=TTL), "lost")
    await settle(lock.acquire())
    await forbid(server, lease, make)
    assert type(await failure(lease.keepalive_once)) is errors.PermissionDeniedError
    held = int(lock.key.rpartition(b"/")[2], 16)  # the lock's lease
    await streams.until(lambda: streams.renewals[held] >= RENEWALS)
    await recorder.until("lost")
    assert (lock.held, recorder.calls) == (True, [("lost", lease)])
    assert f"lease {hex_id(lease)} is not renewed, and expires by its ttl" in caplog.text
    await settle(lock.release())
