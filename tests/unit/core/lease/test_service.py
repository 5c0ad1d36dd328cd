"""The part of a service that has leases."""

from __future__ import annotations

import pytest

from etcd_factory.core.lease.lease import Lease
from etcd_factory.testing import replies
from tests.support.faces import settle


async def test_leases_are_of_the_same_face_and_make_no_call(connect):
    client, transport = connect([])
    leases = [client.lease(9), client.lease(9, id=7), client.lease_of(7)]
    assert [(type(lease).__name__, lease.face) for lease in leases] == [("Lease", client.face)] * 3
    assert all(isinstance(lease, Lease) for lease in leases)
    assert transport.calls == []


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda client: client.lease(0), ValueError, "a ttl must be at least 1 second"),
        (lambda client: client.lease("9"), TypeError, "a ttl must be an int, in seconds"),
        (lambda client: client.lease(9 * 10**9 + 1), ValueError, "a ttl must be at most 9000000000 seconds"),
        (lambda client: client.lease(9, id=0), ValueError, "a lease id must be from 1"),
        (lambda client: client.lease(9, id=1 << 63), ValueError, "a lease id must be at most 9223372036854775807"),
        (lambda client: client.lease_of(1 << 63), ValueError, "a lease id must be at most 9223372036854775807"),
        (lambda client: client.lease_of(-1), ValueError, "a lease id must not be negative"),
        (lambda client: client.lease_of(None), TypeError, "a lease id must be an int"),
    ],
)
async def test_a_wrong_ttl_or_id_is_an_error_at_once(connect, call, error, text):
    client, transport = connect([])
    with pytest.raises(error, match=text):
        call(client)
    assert transport.calls == []


async def test_all_leases_are_listed(connect):
    client, _ = connect([replies.of("LeaseLeases", leases=[{"ID": 7}, {"ID": 8}])])
    assert await settle(client.leases()) == [7, 8]
