"""Entries under a lease of the user's: the key is deleted when one is left, and the lease stays."""

from __future__ import annotations

import asyncio
import logging

import pytest

from etcd_factory.core.concurrency.queue import QueueEntry
from etcd_factory.core.concurrency.shared_lease import SharedEntries, SharedLeaseEntry, entry_factory
from etcd_factory.core.lease.lease import session_of
from etcd_factory.errors import ConnectionFailedError, LeaseNotFoundError, LockFailedError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, settle
from tests.support.transports import Recorded
from tests.support.views import view_behind

BOUND = 10  # seconds that nothing here takes
TTL = 60


def deletions(transport):
    """The conditions and the keys of deletions."""
    found = [call.request for call in transport.calls if call.method == "Txn"]
    return [
        (request.compare[0], request.success[0].request_delete_range.key)
        for request in found
        if request.success[0].HasField("request_delete_range")
    ]


def methods_of(transport):
    return [call.method for call in transport.calls]


class Failing:
    """Writes of a queue, the deletions among which fail so often."""

    def __init__(self, queue, error, times):
        self.queue, self.error, self.left = queue, error, times

    def __call__(self, call):
        if call.request.success[0].HasField("request_delete_range") and self.left:
            self.left -= 1
            return self.error
        return self.queue.write(call)


async def test_releasing_deletes_the_key_and_the_lease_stays(connect, queue):
    client, transport = connect(queue.script())
    lease = client.lease(TTL)
    lock = client.lock("lock", lease=lease)
    await settle(lock.acquire())
    await settle(lock.release())
    ((condition, key),) = deletions(transport)
    assert (key, condition.key, condition.create_revision) == (b"lock/ff", b"lock/ff", 5)
    assert (lease.alive, "LeaseRevoke" in methods_of(transport)) == (True, False)


async def test_keys_are_deleted_in_the_namespace(connect, queue):
    client, transport = connect(queue.script(), namespace="ns/")
    lock = client.lock("lock", lease=client.lease(TTL))
    await settle(lock.acquire())
    await settle(lock.release())
    assert [key for _, key in deletions(transport)] == [b"ns/lock/ff"]


async def test_one_lease_holds_several_locks(connect, queue):
    client, _ = connect(queue.script())
    lease = client.lease(TTL)
    locks = [client.lock(name, lease=lease) for name in ("a", "b")]
    for lock in locks:
        await settle(lock.acquire())
    await settle(locks[0].release())
    assert [lock.held for lock in locks] == [False, True]


async def test_a_lease_has_one_entry_in_the_queue_of_a_name(connect, queue):
    client, _ = connect(queue.script())
    lease = client.lease(TTL)
    held = client.lock("lock", lease=lease)
    await settle(held.acquire())
    problem = "this lease already waits for or holds b'lock', or has not finished leaving it; use another lease"
    with pytest.raises(LockFailedError, match=problem):
        await settle(client.lock("lock", lease=lease).acquire())
    assert held.held
    await settle(held.release())
    await settle(client.lock("lock", lease=lease).acquire())


async def test_the_same_name_in_another_namespace_is_another_queue(connect, queue):
    client, _ = connect(queue.script())
    lease = client.lease(TTL)
    await settle(client.lock("lock", lease=lease).acquire())
    await settle(client.namespace("ns/").lock("lock", lease=lease).acquire())


async def test_a_lease_that_is_not_alive_enters_no_queue(connect, queue):
    client, transport = connect(queue.script())
    lease = client.lease(TTL)
    await settle(lease.grant())
    await settle(lease.release())
    with pytest.raises(LeaseNotFoundError):
        await settle(client.lock("lock", lease=lease).acquire())
    assert "Txn" not in methods_of(transport)


async def test_an_entry_that_was_refused_has_no_key_to_delete(connect, queue):
    denied = replies.server_error("etcdserver: permission denied")
    client, transport = connect(queue.script(Txn=denied))
    with pytest.raises(type(denied)):
        await settle(client.lock("lock", lease=client.lease(TTL)).acquire())
    assert methods_of(transport).count("Txn") == 1


async def test_an_entry_in_doubt_is_deleted_by_its_lease(connect, queue):
    """Whether it was created is not known, and so its revision is not."""
    steps = [*[replies.lost()] * 3, replies.txn(replies.delete())]
    client, transport = connect(queue.script(Txn=steps))
    with pytest.raises(ConnectionFailedError):
        await settle(client.lock("lock", lease=client.lease(TTL)).acquire())
    ((condition, key),) = deletions(transport)
    assert (key, condition.lease) == (b"lock/ff", 255)


# --- a deletion that fails


async def test_a_failed_deletion_is_retried_until_the_key_is_gone(connect, queue, caplog):
    caplog.set_level(logging.INFO, "etcd_factory.lock")
    failing = Failing(queue, replies.lost(), 2)
    recorded = Recorded(ScriptedTransport(queue.script(Txn=failing)))
    client, _ = connect(recorded)
    lease = client.lease(TTL)
    lock = client.lock("lock", lease=lease)
    await settle(lock.acquire())
    with pytest.raises(ConnectionFailedError):
        await settle(lock.release())
    await recorded.until(lambda: len(deletions(recorded)) == 3)
    assert "the key b'lock/ff' could not be deleted, retrying" in caplog.text


async def test_until_the_key_is_gone_the_lease_cannot_enter_again(connect, queue):
    failing = Failing(queue, replies.lost(), 1000)
    client, _ = connect(queue.script(Txn=failing), retry={"initial": 60, "maximum": 60, "attempts": 1})
    lease = client.lease(TTL)
    lock = client.lock("lock", lease=lease)
    await settle(lock.acquire())
    with pytest.raises(ConnectionFailedError):
        await settle(lock.release())
    with pytest.raises(LockFailedError, match="has not finished leaving it"):
        await settle(client.lock("lock", lease=lease).acquire())
    failing.left = 0


async def test_a_block_logs_a_failed_release_with_what_becomes_of_the_key(connect, queue, face, caplog):
    client, _ = connect(queue.script(Txn=Failing(queue, replies.lost(), 1)))
    lock = client.lock("lock", lease=client.lease(TTL))
    if face.name == "blocking":
        with lock:
            pass
    else:
        async with lock:
            pass
    assert "the entry for 'lock' could not be removed, its key is deleted as soon as etcd answers" in caplog.text


# --- the end of the client


async def test_closing_the_client_deletes_the_keys_before_it_revokes_leases(connect, queue):
    client, transport = connect(queue.script())
    await settle(client.lock("lock", lease=client.lease(TTL)).acquire())
    await closed(client)
    assert methods_of(transport)[-2:] == ["Txn", "LeaseRevoke"]
    assert [key for _, key in deletions(transport)] == [b"lock/ff"]


async def test_a_key_that_cannot_be_deleted_at_the_end_is_logged(connect, queue, caplog):
    caplog.set_level(logging.INFO, "etcd_factory.lock")
    client, _ = connect(queue.script(Txn=Failing(queue, replies.lost(), 1000)))
    await settle(client.lock("lock", lease=client.lease(TTL)).acquire())
    await closed(client)
    assert "the key b'lock/ff' could not be deleted and expires with its lease" in caplog.text


async def test_the_end_does_not_wait_for_a_pause_between_retries(connect, queue, face):
    failing = Failing(queue, replies.lost(), 1)
    client, _ = connect(queue.script(Txn=failing), retry={"initial": 60, "maximum": 60, "attempts": 1})
    lock = client.lock("lock", lease=client.lease(TTL))
    await settle(lock.acquire())
    with pytest.raises(ConnectionFailedError):
        await settle(lock.release())
    failing.left = 0
    await asyncio.wait_for(face.begin(client.close if face.name == "blocking" else client.aclose), BOUND)


# --- making entries


async def test_an_entry_has_its_own_lease_or_shares_the_one_that_was_passed(connect, queue):
    client, _ = connect(queue.script())
    lease, view = client.lease(TTL), view_behind(client)
    own = entry_factory(view, "lock", None, 30, None)
    shared = entry_factory(view, "lock", None, 30, lease)
    assert [type(own()), type(shared())] == [QueueEntry, SharedLeaseEntry]
    assert own().session is not own().session
    assert shared().session is shared().session is session_of(lease)


async def test_a_key_is_claimed_by_one_entry(connect, queue):
    client, _ = connect(queue.script())
    entries, view = view_behind(client).client.background.get(SharedEntries), view_behind(client)
    make = entry_factory(view, "lock", None, 30, client.lease(TTL))
    one, other = make(), make()
    entries.claim(one)
    entries.claim(one)
    with pytest.raises(LockFailedError):
        entries.claim(other)
    entries.release(other)  # it has nothing to release
    with pytest.raises(LockFailedError):
        entries.claim(other)
    entries.release(one)
    entries.claim(other)
