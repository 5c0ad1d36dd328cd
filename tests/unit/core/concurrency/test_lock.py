"""Locks: what a handle shows, its block, and what is left behind when it is not acquired."""

from __future__ import annotations

import asyncio
import threading
from unittest.mock import AsyncMock, create_autospec

import pytest

from etcd_factory.errors import LeaseNotFoundError, LockFailedError, NoSpaceError
from etcd_factory.model import KeyValue
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import settle
from tests.support.transports import Recorded

BOUND = 10  # seconds that nothing here takes
OTHER = KeyValue(b"lock/1", b"", 3, 3, 1, 1)


def methods_of(transport):
    return [call.method for call in transport.calls]


@pytest.fixture
def within(face):
    """A function that runs another one in the block of a lock."""

    async def run(lock, body):
        if face.name == "blocking":
            with lock as entered:
                return body(entered)
        async with lock as entered:
            return await settle(body(entered))

    return run


async def test_an_acquired_lock_is_held_until_it_is_released(connect, queue):
    client, transport = connect(queue.script())
    lock = client.lock("lock")
    assert (lock.held, transport.calls) == (False, [])
    assert await settle(lock.acquire()) is lock
    assert (lock.held, lock.key, lock.fencing_token) == (True, b"lock/ff", 5)
    await settle(lock.release())
    assert not lock.held
    assert methods_of(transport) == ["LeaseGrant", "Txn", "LeaseRevoke"]


async def test_a_block_holds_the_lock(connect, queue, within):
    client, transport = connect(queue.script())
    assert await within(client.lock("lock"), lambda lock: lock.held)
    assert methods_of(transport)[-1] == "LeaseRevoke"


async def test_a_block_of_a_lock_that_is_held_already_releases_it(connect, queue, within):
    client, transport = connect(queue.script())
    lock = client.lock("lock")
    await settle(lock.acquire())
    assert await within(lock, lambda one: one.held)
    assert not lock.held
    assert methods_of(transport).count("Txn") == 1


async def test_the_error_of_a_block_passes_and_a_failed_release_is_logged(connect, queue, within, caplog):
    def fails(lock):
        raise ValueError("no good")

    client, _ = connect(queue.script(LeaseRevoke=[NoSpaceError("full"), replies.of("LeaseRevoke")]))
    with pytest.raises(ValueError, match="no good"):
        await within(client.lock("lock"), fails)
    assert "the entry for 'lock' could not be removed, its lease expires by its ttl" in caplog.text


async def test_a_function_is_run_while_the_lock_is_held(connect, queue, face):
    client, transport = connect(queue.script())
    lock = client.lock("lock")

    async def later():
        return lock.held

    assert await settle(lock.do(lambda: lock.held))
    assert not lock.held
    if face.name == "asyncio":
        assert await lock.do(later)
    assert methods_of(transport)[-1] == "LeaseRevoke"


# --- not acquired


async def test_a_lock_that_is_not_acquired_in_time_leaves_nothing_behind(connect, queue):
    queue.ahead = [OTHER]
    client, transport = connect(queue.script())
    lock = client.lock("lock")
    with pytest.raises(
        LockFailedError, match="the lock 'lock' was not acquired within 0 s: it waits for the key b'lock/1'"
    ):
        await settle(lock.acquire(timeout=0))
    assert (lock.held, methods_of(transport)[-1]) == (False, "LeaseRevoke")
    queue.ahead = []
    await settle(lock.acquire())  # it can be used again
    assert lock.held


async def test_one_object_waits_once(connect, queue):
    client, _ = connect(queue.script())
    lock = client.lock("lock")
    await settle(lock.acquire())
    with pytest.raises(LockFailedError, match="this object already uses the lock 'lock'; create another one"):
        await settle(lock.acquire())
    assert lock.held


async def test_releasing_what_is_not_in_use_is_an_error(connect, queue):
    client, transport = connect(queue.script())
    with pytest.raises(LockFailedError, match="the lock 'lock' is not held"):
        await settle(client.lock("lock").release())
    assert transport.calls == []


@pytest.mark.parametrize("name", ["key", "fencing_token"])
async def test_a_lock_that_is_not_held_has_no_key_and_no_token(connect, queue, name):
    client, _ = connect(queue.script())
    with pytest.raises(LockFailedError, match="the lock 'lock' is not held"):
        getattr(client.lock("lock"), name)


async def test_a_waiting_lock_can_be_released(connect, queue, face):
    queue.ahead = [OTHER]
    recorded = Recorded(ScriptedTransport(queue.script(Watch=replies.watch())))
    client, _ = connect(recorded)
    lock = client.lock("lock")
    waiting = face.begin(lock.acquire)
    await recorded.until(lambda: recorded.streams)
    assert repr(lock) == "<Lock 'lock' waiting>"
    await settle(lock.release())
    (error,) = await asyncio.wait_for(asyncio.gather(waiting, return_exceptions=True), BOUND)
    assert isinstance(error, LockFailedError)
    assert "the entry for 'lock' was left while waiting" in str(error)


# --- a lost lease


async def test_the_loss_of_its_lease_is_reported_and_the_lock_is_not_held(connect, queue):
    gone = replies.of("LeaseKeepAlive", ID=255, TTL=0)
    client, _ = connect(queue.script(LeaseKeepAlive=gone))
    lock, lost = client.lock("lock"), threading.Event()
    assert lock.on("lost", lambda one: lost.set()) is lock
    await settle(lock.acquire())
    with pytest.raises(LeaseNotFoundError):
        await session_renewed(lock)
    assert await asyncio.to_thread(lost.wait, BOUND)
    assert not lock.held


async def session_renewed(lock):
    """Let a renewal find that the lease of a lock is gone."""
    await lock._entry.session.renew()


async def test_in_asyncio_a_handler_of_the_loss_may_be_a_coroutine_function(connect, queue, face):
    gone = replies.of("LeaseKeepAlive", ID=255, TTL=0)
    client, _ = connect(queue.script(LeaseKeepAlive=gone))
    lock, lost = client.lock("lock"), threading.Event()

    async def later(one):
        await asyncio.sleep(0)
        lost.set()

    lock.on("lost", later if face.name == "asyncio" else lambda one: lost.set())
    await settle(lock.acquire())
    with pytest.raises(LeaseNotFoundError):
        await session_renewed(lock)
    assert await asyncio.to_thread(lost.wait, BOUND)


async def test_no_loss_is_reported_of_a_released_lock(connect, queue):
    client, _ = connect(queue.script())
    lock, calls = client.lock("lock"), []
    lock.on("lost", calls.append)
    await settle(lock.acquire())
    entry = lock._entry
    await settle(lock.release())
    await lock._notify_lost(entry)
    assert calls == []


# --- arguments and reprs


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda client: client.lock(1), TypeError, "a name must be str or bytes"),
        (lambda client: client.lock("l", 0), ValueError, "a ttl must be at least 1 second"),
        (lambda client: client.lock("l", 9, lease=client.lease(9)), ValueError, "pass ttl or lease, not both"),
        (lambda client: client.lock("l", lease=7), TypeError, "a lease must be made by lease"),
        (
            lambda client: client.lock("l").on("list", print),
            ValueError,
            "event of a lock: expected .*'list'.*'lost'",
        ),
    ],
)
async def test_a_wrong_argument_is_an_error_at_once(connect, queue, call, error, text):
    client, transport = connect(queue.script())
    with pytest.raises(error, match=text):
        call(client)
    assert transport.calls == []


@pytest.mark.parametrize(("ttl", "granted"), [(None, 30), (9, 9)])
async def test_its_lease_has_the_ttl_that_was_passed_or_30_seconds(connect, queue, ttl, granted):
    client, transport = connect(queue.script())
    await settle(client.lock("lock", ttl).acquire())
    assert granted == transport.calls[0].request.TTL


async def test_it_shows_its_state(connect, queue):
    client, _ = connect(queue.script())
    lock = client.lock("lock")
    assert repr(lock) == "<Lock 'lock' not held>"
    await settle(lock.acquire())
    assert repr(lock) == "<Lock 'lock' held>"
    await settle(lock.release())
    assert repr(lock) == "<Lock 'lock' not held>"


async def later():
    raise AssertionError


@pytest.mark.parametrize(
    ("function", "calls"), [(later, 0), (lambda: later(), 3)], ids=["async", "returns a coroutine"]
)
async def test_a_blocking_lock_does_not_take_an_async_function(connect, queue, face, function, calls):
    client, transport = connect(queue.script())
    if not face.is_blocking:
        with pytest.raises(AssertionError):
            await client.lock("lock").do(function)
        return
    with pytest.raises(TypeError, match=r"is async; for the blocking ETCDService write 'def'$"):
        client.lock("lock").do(function)
    assert len(transport.calls) == calls


async def test_what_is_done_under_a_lock_is_a_function(connect, queue):
    client, transport = connect(queue.script())
    with pytest.raises(TypeError, match=r"^what is done under a lock must be a function, not int$"):
        await settle(client.lock("lock").do(3))
    assert transport.calls == []


async def test_all_handlers_of_a_lost_lock_are_called_even_if_one_fails(connect, queue, caplog):
    client, _ = connect(queue.script())
    lock, called = client.lock("lock"), threading.Event()
    await settle(lock.acquire())

    def fails(_):
        raise RuntimeError("no good")

    lock.on("lost", fails).on("lost", lambda _: called.set())
    lock._entry.lose()
    assert await asyncio.to_thread(called.wait, BOUND)
    assert "a handler of a lost lock failed" in caplog.text


@pytest.mark.parametrize(
    ("timeout", "error"), [(-1, ValueError), (float("nan"), ValueError), (False, TypeError), ("x", TypeError)], ids=repr
)
async def test_an_invalid_timeout_is_refused_before_the_first_call(connect, queue, timeout, error):
    client, transport = connect(queue.script())
    for contend in (client.lock("lock").acquire, client.election("vote").campaign):
        with pytest.raises(error, match="a timeout must be"):
            await settle(contend(timeout=timeout))
    assert transport.calls == []


async def test_a_timeout_beyond_all_clocks_waits_for_a_held_lock(connect, queue, face):
    queue.ahead.append(OTHER)
    client, _ = connect(queue.script(Watch=replies.watch()))
    acquiring = face.begin(lambda: client.lock("lock").acquire(timeout=1e10))
    done, _ = await asyncio.wait([acquiring], timeout=0.2)
    assert not done
    await face.close(client)
    with pytest.raises(Exception, match="closed"):
        await acquiring


async def test_a_double_of_a_lock_has_what_the_face_has(connect, face):
    client, _ = connect([])
    double = create_autospec(client.lock("lock"))
    assert isinstance(double.acquire, AsyncMock) is not face.is_blocking
    assert isinstance(double.release, AsyncMock) is not face.is_blocking
    await settle(double.acquire(timeout=1))
    double.acquire.assert_called_once_with(timeout=1)
