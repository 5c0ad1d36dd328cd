"""Elections: one leads, the others see who."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, KeyValue, ops
from etcd_factory.errors import LockFailedError, NotLeaderError
from tests.support.faces import error_of, in_time, leave, settle, walk
from tests.support.locking import etcdctl_can_put, queued, start_etcdctl


class Reader:
    """Reads the values of an observer one by one, beside the test."""

    def __init__(self, face, observer):
        self._begin = face.begin
        self._values = iter(observer) if face.is_blocking else aiter(observer)
        self._next = (lambda: next(self._values)) if face.is_blocking else (lambda: anext(self._values))

    def next(self):
        return in_time(self._begin(self._next))

    async def close(self):
        await settle(self._values.close() if hasattr(self._values, "close") else self._values.aclose())


async def test_the_leader_is_visible_and_resigning_leaves_nothing(client):
    election = client.election("name")
    assert await settle(election.leader()) is None
    leadership = await settle(election.campaign("me"))
    assert leadership.alive
    assert await settle(election.leader()) == "me"
    await settle(leadership.resign())
    assert not leadership.alive
    assert await settle(election.leader()) is None
    assert await settle(client.get_all().count()) == 0


async def test_the_next_contender_leads_when_the_first_resigns(make, face):
    one, other = make(), make()
    first = await settle(one.election("name").campaign("one"))
    waiting = face.begin(lambda: other.election("name").campaign("other"))
    await queued(one, 2)
    assert await settle(other.election("name").leader()) == "one"
    await settle(first.resign())
    second = await in_time(waiting)
    assert await settle(one.election("name").leader()) == "other"
    assert second.fencing_token > first.fencing_token
    await leave(second)


async def test_a_campaign_that_times_out_leaves_nothing(make):
    one, other = make(), make()
    leadership = await settle(one.election("name").campaign("one"))
    error = await error_of(lambda: other.election("name").campaign("other", timeout=0.1))
    assert isinstance(error, LockFailedError)
    assert await settle(one.get_all().count()) == 1
    await leave(leadership)


async def test_a_leader_proclaims_and_a_former_leader_cannot(client):
    leadership = await settle(client.election("name").campaign("a"))
    await settle(leadership.proclaim("b"))
    assert await settle(client.election("name").leader()) == "b"
    await settle(client.delete().all())
    assert isinstance(await error_of(lambda: leadership.proclaim("c")), NotLeaderError)
    await leave(leadership)


async def test_leader_kv_returns_the_leaders_key(client):
    election = client.election("name")
    assert await settle(election.leader_kv()) is None
    leadership = await settle(election.campaign("a"))
    await settle(leadership.proclaim(b"\xff"))
    kv = await settle(election.leader_kv())
    token, lease = leadership.fencing_token, kv.lease
    assert kv == KeyValue(f"name/{lease:x}".encode(), b"\xff", token, kv.mod_revision, 2, lease)
    assert kv.mod_revision > token
    await leave(leadership)
    assert await settle(election.leader_kv()) is None


async def test_the_leaders_key_guards_a_write_while_it_leads(client):
    first = await settle(client.election("name").campaign("a"))
    assert first.key == (await settle(client.election("name").leader_kv())).key
    guarded = client.if_(first.key, "create", "==", first.fencing_token).then(ops.put("guarded").value("v"))
    assert (await settle(guarded.commit())).succeeded
    await settle(first.resign())
    second = await settle(client.election("name").campaign("b"))
    assert not (await settle(guarded.commit())).succeeded
    assert (await settle(client.get("guarded").kv())).version == 1
    await leave(second)


async def test_resign_is_idempotent(client):
    leadership = await settle(client.election("name").campaign("a"))
    await settle(leadership.resign())
    await settle(leadership.resign())


async def test_an_observer_sees_each_value_and_each_new_leader(make, face):
    one, other = make(), make()
    first = await settle(one.election("name").campaign("a"))
    values = Reader(face, other.election("name").observe())
    assert await values.next() == "a"
    await settle(first.proclaim("b"))
    assert await values.next() == "b"
    await settle(first.resign())
    second = await settle(one.election("name").campaign("c"))
    assert await values.next() == "c"
    await values.close()
    await leave(second)


async def test_an_observer_waits_for_a_leader(make, face):
    one, other = make(), make()
    values = Reader(face, other.election("name").observe())
    value = asyncio.ensure_future(values.next())
    leadership = await settle(one.election("name").campaign("first"))
    assert await value == "first"
    await values.close()
    await leave(leadership)


async def test_a_leader_whose_lease_is_revoked_by_another_is_lost(client, etcdctl, recorder):
    leadership = recorder.on(await settle(client.election("name", ttl=2).campaign("a")), "lost")
    (kv,) = await settle(client.get_all().kvs())
    etcdctl("lease", "revoke", f"{kv.lease:x}")
    await recorder.until("lost")
    assert recorder.calls == [("lost", leadership)]
    assert not leadership.alive
    await leave(leadership)


async def test_a_leader_of_etcdctl_is_visible_and_waited_for(make, fragile, queue_name):
    client = make(hosts=fragile.endpoint, namespace="")
    with start_etcdctl(fragile, "elect", queue_name, "theirs") as other:
        key = other.stdout.readline().strip()
        assert await settle(client.election(queue_name).leader()) == "theirs"
        theirs = await settle(client.election(queue_name).leader_kv())
        assert (theirs.key_text, theirs.text) == (key, "theirs")
        assert isinstance(
            await error_of(lambda: client.election(queue_name).campaign("ours", timeout=0)), LockFailedError
        )
        other.terminate()
        leadership = await settle(client.election(queue_name).campaign("ours", timeout=10))
    assert await settle(client.election(queue_name).leader()) == "ours"
    await leave(leadership)


async def test_our_leader_is_visible_to_etcdctl(make, fragile, queue_name):
    client = make(hosts=fragile.endpoint, namespace="")
    leadership = await settle(client.election(queue_name).campaign("ours"))
    with start_etcdctl(fragile, "elect", "--listen", queue_name) as listener:
        lines = [listener.stdout.readline().strip() for _ in range(2)]
        listener.terminate()
    assert lines == [leadership.key.decode(), "ours"]
    assert etcdctl_can_put(fragile, leadership.key, leadership.fencing_token)
    assert not etcdctl_can_put(fragile, leadership.key, leadership.fencing_token - 1)
    await leave(leadership)


async def test_an_observer_resumes_after_an_anext_that_was_cancelled(options):
    async with AsyncETCDService(options) as client:
        observing = client.election("name").observe()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(observing), 0.05)
        leadership = await client.election("name").campaign("one")
        assert await in_time(anext(observing)) == "one"
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(observing), 0.05)
        await leadership.proclaim("two")
        assert await in_time(anext(observing)) == "two"


async def test_a_value_that_is_not_utf_8_is_read_as_bytes(client, other):
    leadership = await settle(other.election("name").campaign(b"\xff\xfe"))
    kv = await settle(client.election("name").leader_kv())
    assert (kv.value, kv.key) == (b"\xff\xfe", leadership.key)
    async for kv in walk(client.election("name").observe().kvs()):
        assert kv.value == b"\xff\xfe"
        break
