"""Every number that a call takes is checked where it is passed, in our words: protobuf would say less, and later."""

from __future__ import annotations

import pytest

from tests.support.faces import failure

MOST = (1 << 63) - 1
LARGE = {  # etcd's numbers have 63 bits
    "the revision of a read": lambda client, number: client.get("k").revision(number),
    "a limit": lambda client, number: client.get_all().limit(number),
    "the least mod revision": lambda client, number: client.get_all().min_mod_revision(number),
    "the greatest mod revision": lambda client, number: client.get_all().max_mod_revision(number),
    "the least create revision": lambda client, number: client.get_all().min_create_revision(number),
    "the greatest create revision": lambda client, number: client.get_all().max_create_revision(number),
    "the lease of a put": lambda client, number: client.put("k").lease(number),
    "a version to compare with": lambda client, number: client.if_("k", "version", "==", number),
    "a mod revision to compare with": lambda client, number: client.if_("k", "mod", "==", number),
    "a create revision to compare with": lambda client, number: client.if_("k", "create", "==", number),
    "a lease to compare with": lambda client, number: client.if_("k", "lease", "==", number),
    "the start of a watch": lambda client, number: client.watch().start_revision(number),
    "the revision to compact": lambda client, number: client.compact(number),
    "the revision of a hash": lambda client, number: client.maintenance.hash_kv(number),
    "the id of a new lease": lambda client, number: client.lease(9, id=number),
    "the id of a lease": lambda client, number: client.lease_of(number),
}
MEMBERS = {  # ids of members have 64 bits, and no sign
    "a new leader": lambda client, number: client.maintenance.move_leader(number),
    "the member of an alarm": lambda client, number: client.maintenance.alarm("nospace", number),
    "the member whose alarms end": lambda client, number: client.maintenance.disarm(member=number),
    "a member to remove": lambda client, number: client.cluster.remove(number),
    "a member to promote": lambda client, number: client.cluster.promote(number),
    "a member to update": lambda client, number: client.cluster.update(number, "http://a:1"),
}
TTLS = {
    "a lease": lambda client, number: client.lease(number),
    "a lock": lambda client, number: client.lock("l", number),
    "an election": lambda client, number: client.election("e", number),
}


@pytest.mark.parametrize("name", LARGE)
async def test_a_number_of_more_than_63_bits_is_an_error_without_a_call(connect, name):
    client, transport = connect([])
    error = await failure(lambda: LARGE[name](client, MOST + 1), ValueError)
    assert f"must be at most {MOST}, not {MOST + 1}" in str(error)
    assert transport.calls == []


@pytest.mark.parametrize("name", MEMBERS)
async def test_an_id_of_a_member_of_more_than_64_bits_is_an_error_without_a_call(connect, name):
    client, transport = connect([])
    error = await failure(lambda: MEMBERS[name](client, 1 << 64), ValueError)
    assert f"a member id must be at most {(1 << 64) - 1}, not {1 << 64}" in str(error)
    assert transport.calls == []


@pytest.mark.parametrize("name", [*LARGE, *MEMBERS])
@pytest.mark.parametrize(("number", "kind"), [(-1, ValueError), (1.5, TypeError), (True, TypeError), ("1", TypeError)])
async def test_what_is_no_such_number_is_an_error_without_a_call(connect, name, number, kind):
    client, transport = connect([])
    await failure(lambda: {**LARGE, **MEMBERS}[name](client, number), kind)
    assert transport.calls == []


@pytest.mark.parametrize("name", TTLS)
async def test_a_ttl_that_etcd_does_not_grant_is_an_error_without_a_call(connect, name):
    client, transport = connect([])
    error = await failure(lambda: TTLS[name](client, 9 * 10**9 + 1), ValueError)
    assert "a ttl must be at most 9000000000 seconds" in str(error)
    assert transport.calls == []


@pytest.mark.parametrize("name", [name for name in LARGE if " hash" not in name and " compact" not in name])
async def test_the_greatest_number_is_taken(connect, name):
    client, transport = connect([])
    LARGE[name](client, MOST)
    assert transport.calls == []
