"""The leases that a client keeps alive: who is notified when one is lost, and what happens at the end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory import Connected, Disconnected, LeaseLost, LeaseRenewed
from etcd_factory.core.background import CLOSE_TIMEOUT
from etcd_factory.core.lease.keepalive import KeepAlive, LeaseState
from etcd_factory.core.lease.lease import session_of
from etcd_factory.core.lease.schedule import Renewal
from etcd_factory.errors import ClientClosedError, ConnectionFailedError, LeaseNotFoundError, NoSpaceError
from etcd_factory.testing import StreamScript, replies
from tests.support.faces import closed, settle
from tests.support.views import view_behind

BOUND = 10  # seconds that nothing here takes
TTL = 60
REVOKED = replies.of("LeaseRevoke")
GONE = replies.of("LeaseKeepAlive", ID=7, TTL=0)


def renewed(ttl=TTL):
    return replies.of("LeaseKeepAlive", ID=7, TTL=ttl)


def running():
    """The names of all threads and tasks."""
    return {*(thread.name for thread in threading.enumerate()), *(task.get_name() for task in asyncio.all_tasks())}


def revoked(transport):
    return [call.request.ID for call in transport.calls if call.method == "LeaseRevoke"]


class Event:
    """Something to wait for that any thread, or a task, may bring about."""

    def __init__(self):
        self._event, self.calls = threading.Event(), 0

    def __call__(self, *args):
        self.calls += 1
        self._event.set()

    async def came(self):
        assert await asyncio.to_thread(self._event.wait, BOUND)


async def lose(lease):
    """Let a renewal find that the lease is gone."""
    with pytest.raises(LeaseNotFoundError):
        await settle(lease.keepalive_once())


# --- a lost lease


async def test_the_loss_of_a_lease_is_reported_once_and_it_is_no_longer_alive(connect, caplog):
    client, _ = connect({"LeaseGrant": replies.lease(7, TTL), "LeaseKeepAlive": GONE})
    lease, lost = client.lease(TTL), Event()
    lease.on("lost", lost)
    await settle(lease.grant())
    await lose(lease)
    await lost.came()
    assert (lease.alive, lost.calls) == (False, 1)
    assert "lease 7 is lost: it expired or was revoked" in caplog.text


async def test_a_handler_registered_after_the_loss_is_called_too(connect):
    client, _ = connect({"LeaseGrant": replies.lease(7, TTL), "LeaseKeepAlive": GONE})
    lease, first, second = client.lease(TTL), Event(), Event()
    lease.on("lost", first)
    await settle(lease.grant())
    await lose(lease)
    await first.came()
    lease.on("lost", second)
    await second.came()
    assert first.calls == 1


async def test_what_a_handler_raises_is_logged_and_the_others_are_called(connect, caplog):
    def fails(lease):
        raise RuntimeError("no good")

    client, _ = connect({"LeaseGrant": replies.lease(7, TTL), "LeaseKeepAlive": GONE})
    lease, lost = client.lease(TTL), Event()
    lease.on("lost", fails).on("lost", lost)
    await settle(lease.grant())
    await lose(lease)
    await lost.came()
    assert "a handler of a lost lease failed" in caplog.text


async def test_all_handles_of_a_lease_are_notified(connect):
    client, _ = connect({"LeaseKeepAlive": [renewed(), renewed(), GONE]})
    handles, events = [client.lease_of(7), client.lease_of(7)], [Event(), Event()]
    for handle, lost in zip(handles, events, strict=True):
        handle.on("lost", lost)
        await settle(handle.grant())
    await lose(handles[0])
    for lost in events:
        await lost.came()
    assert [handle.alive for handle in handles] == [False, False]


async def test_who_waits_for_something_that_needs_the_lease_is_woken(connect):
    client, _ = connect({"LeaseGrant": replies.lease(7, TTL), "LeaseKeepAlive": GONE})
    lease, woken = client.lease(TTL), Event()
    await settle(lease.grant())
    session_of(lease).state.alarms.add(woken)
    await lose(lease)
    await woken.came()


# --- several handles, and the renewer


async def test_a_lease_is_kept_alive_until_its_last_handle_is_released(connect):
    client, _ = connect({"LeaseKeepAlive": [renewed(), renewed()]})
    one, other = client.lease_of(7), client.lease_of(7)
    await settle(one.grant())
    await settle(other.grant())
    await settle(one.release())
    keepalive = view_behind(client).client.background.get(KeepAlive)
    assert (one.alive, other.alive, [*keepalive._states]) == (False, True, [7])
    await settle(other.release())
    assert [*keepalive._states] == []


async def test_the_background_work_ends_with_the_last_lease(connect):
    client, _ = connect({"LeaseGrant": replies.lease(7, TTL), "LeaseRevoke": REVOKED})
    lease = client.lease(TTL)
    await settle(lease.grant())
    assert "etcd_factory leases" in running()
    await settle(lease.revoke())
    await closed(client)
    assert "etcd_factory leases" not in running()


async def test_a_lease_released_during_its_grant_is_not_kept_alive(client_of):
    client, _ = client_of([])
    keepalive, state = client.background.get(KeepAlive), LeaseState(ended=True)
    await keepalive.add(state, Renewal(7, TTL, 0.0))
    assert [*keepalive._states] == []


async def test_a_renewal_made_elsewhere_counts_for_all_handles(client_of):
    client, _ = client_of([])
    keepalive, states = client.background.get(KeepAlive), [LeaseState(existing=True), LeaseState(existing=True)]
    await keepalive.add(states[0], Renewal(7, TTL, 0.0))
    await keepalive.add(states[1], Renewal(7, TTL, 3.0))
    assert states[0].renewal is states[1].renewal


# --- the end


async def test_closing_the_client_revokes_what_it_granted_and_not_what_existed(connect):
    script = {
        "LeaseGrant": [replies.lease(8, TTL), replies.lease(9, TTL)],
        "LeaseKeepAlive": renewed(),
        "LeaseRevoke": REVOKED,
    }
    client, transport = connect(script)
    granted = [client.lease(TTL), client.lease(TTL)]
    for lease in (*granted, client.lease_of(7)):
        await settle(lease.grant())
    await closed(client)
    assert revoked(transport) == [8, 9]
    assert [lease.alive for lease in granted] == [False, False]


async def test_a_released_lease_is_not_revoked_at_the_end(connect):
    client, transport = connect({"LeaseGrant": replies.lease(8, TTL)})
    lease = client.lease(TTL)
    await settle(lease.grant())
    await settle(lease.release())
    await closed(client)
    assert revoked(transport) == []


async def test_a_lease_that_cannot_be_revoked_at_the_end_is_logged_and_the_others_are(connect, caplog):
    caplog.set_level("INFO", "etcd_factory.lease")
    script = {
        "LeaseGrant": [replies.lease(8, TTL), replies.lease(9, TTL)],
        "LeaseRevoke": [NoSpaceError("full"), REVOKED],
    }
    client, transport = connect(script)
    for lease in (client.lease(TTL), client.lease(TTL)):
        await settle(lease.grant())
    await closed(client)
    assert revoked(transport) == [8, 9]
    assert "a lease could not be revoked and expires by its ttl" in caplog.text


async def test_the_end_takes_a_bounded_time(client_of, clock):
    """Where revoking takes long, the leases that are left expire by their ttls."""

    def slow(call):
        clock.time += CLOSE_TIMEOUT
        return REVOKED

    client, transport = client_of({"LeaseRevoke": slow}, timeout=60)
    keepalive = client.background.get(KeepAlive)
    for number in (1, 2, 3):
        await keepalive.add(LeaseState(), Renewal(number, TTL, 0.0))
    await client.close()
    assert revoked(transport) == [1]


@pytest.mark.parametrize("existing", [True, False])
async def test_after_the_end_no_lease_is_kept_alive_and_one_that_was_granted_is_revoked(client_of, existing):
    client, transport = client_of({"LeaseRevoke": REVOKED})
    keepalive = client.background.get(KeepAlive)
    await keepalive.close()
    with pytest.raises(ClientClosedError):
        await keepalive.add(LeaseState(existing=existing), Renewal(7, TTL, 0.0))
    assert revoked(transport) == ([] if existing else [7])


async def test_after_the_end_no_grant_begins(client_of):
    client, _ = client_of([])
    keepalive = client.background.get(KeepAlive)
    await keepalive.close()
    with pytest.raises(ClientClosedError):
        keepalive.begin_grant(LeaseState())


async def test_no_handler_is_called_for_a_lease_that_the_end_revoked(connect):
    client, _ = connect({"LeaseGrant": replies.lease(8, TTL), "LeaseRevoke": REVOKED})
    lease, lost = client.lease(TTL), Event()
    lease.on("lost", lost)
    await settle(lease.grant())
    await closed(client)
    assert lost.calls == 0


# --- hooks


async def test_hooks_learn_of_renewals_losses_and_a_stream_that_breaks(connect, observer):
    answers = [renewed(1), replies.lost(), renewed(1), GONE]  # each to one request
    script = StreamScript(reply=lambda request: answers.pop(0))
    client, _ = connect({"LeaseGrant": replies.lease(7, ttl=1), "LeaseKeepAlive": script})
    client.on_call(observer.hook)
    await settle(client.lease(1).grant())
    await observer.until("LeaseLost")
    streams = [(one.stream, one.again) for one in observer.of(Connected)]
    assert streams == [("lease", False), ("lease", True)]
    assert [(one.stream, one.error) for one in observer.of(Disconnected)] == [("lease", ConnectionFailedError)]
    assert [(one.lease, one.ttl) for one in observer.of(LeaseRenewed)] == [(7, 1), (7, 1)]
    assert [one.lease for one in observer.of(LeaseLost)] == [7]
