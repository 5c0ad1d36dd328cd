from __future__ import annotations

import pytest

from etcd_factory.console import holders
from etcd_factory.console.values import decoded


async def test_a_lock_with_its_holder_and_those_who_wait(page, etcd, fake):
    waiting = etcd.lease(60)
    with etcd.lock("l", ttl=30) as lock, etcd.election("e").campaign("me"):
        etcd.put(f"l/{waiting.grant():x}").lease(waiting).value("")
        _, found = await page("holders")
        election, one = found["locks"]
        assert [decoded(each["name"]) for each in (election, one)] == [b"e", b"l"]
        assert decoded(election["contenders"][0]["value"]["base64"]) == b"me"
        holder, other = one["contenders"]
        assert (decoded(holder["key"]), holder["revision"], holder["ttl"]) == (lock.key, lock.fencing_token, 30)
        assert (other["lease"], other["ttl"]) == (f"{waiting.id:x}", 60)
        assert len(found["leases"]) == 3
    waiting.revoke()
    assert (await page("holders"))[1]["locks"] == []


async def test_leases_with_their_keys(page, etcd):
    lease = etcd.lease(60)
    etcd.put("two/k").lease(lease).value("v")
    etcd.put("k").lease(lease).value("v")
    (one,) = (await page("holders"))[1]["leases"]
    assert (one["id"], one["granted"], one["count"]) == (f"{lease.id:x}", 60, 2)
    (one,) = (await page("holders", client="two"))[1]["leases"]
    assert [*map(decoded, one["keys"])] == [b"k"]


async def test_a_key_of_a_lease_is_no_lock_by_itself(page, etcd):
    lease = etcd.lease(60)
    etcd.put("services/a/1").lease(lease).value("v")
    assert (await page("holders"))[1]["locks"] == []


async def test_many_leases_have_pages(page, etcd, monkeypatch):
    monkeypatch.setattr(holders, "LEASES", 2)
    ids = sorted(etcd.lease(60, id=one).grant() for one in (5, 2**62, 7))
    first = (await page("holders"))[1]
    assert ([one["id"] for one in first["leases"]], first["next"]) == (["5", "7"], str(2**62))
    rest = (await page("holders", start=first["next"]))[1]
    assert ([one["id"] for one in rest["leases"]], rest["next"]) == ([f"{ids[-1]:x}"], None)


@pytest.mark.parametrize("most", [1, 2])
async def test_many_who_wait_are_cut(page, etcd, monkeypatch, most):
    monkeypatch.setattr(holders, "KEYS", most)
    for one in (5, 6, 7):
        etcd.put(f"l/{one:x}").lease(etcd.lease(60, id=one)).value("")
    (lock,) = (await page("holders"))[1]["locks"]
    assert ([one["lease"] for one in lock["contenders"]], lock["more"]) == (["5", "6"][:most], True)
