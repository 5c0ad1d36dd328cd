"""One lease from before its grant until it is over."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from etcd_factory import AsyncETCDService
from etcd_factory.core.lease.keepalive import KeepAlive
from etcd_factory.core.lease.session import PAUSES, ExistingLease, LeaseSession
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    EtcdError,
    LeaseExistsError,
    LeaseNotFoundError,
    NoSpaceError,
    PermissionDeniedError,
)
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import FACES, until
from tests.support.transports import Held
from tests.support.views import view_behind

BOUND = 10  # seconds that nothing here takes
TTL = 9
REVOKED = replies.of("LeaseRevoke")
GONE = replies.server_error("etcdserver: requested lease not found")
EXISTS = replies.server_error("etcdserver: lease already exists")
DENIED = replies.server_error("etcdserver: permission denied")


def renewed(ttl=TTL, lease=7):
    return replies.of("LeaseKeepAlive", ID=lease, TTL=ttl)


def methods_of(transport):
    return [call.method for call in transport.calls]


@pytest.fixture
def session_of(view_of):
    """A function that returns a session on a script, and the transport; ``kind`` makes it from the view."""

    def make(script, kind=lambda view: LeaseSession(view, TTL), **options):
        view, transport = view_of(script, **options)
        return kind(view), transport

    return make


def existing(view):
    return ExistingLease(view, 7)


# --- granting


async def test_it_is_granted_once_and_then_alive(session_of):
    session, transport = session_of([replies.lease(7, TTL), REVOKED])
    assert (session.alive, session.over, session.state.renewal) == (False, False, None)
    assert [await session.grant() for _ in range(3)] == [7, 7, 7]
    assert (session.alive, session.over) == (True, False)
    assert (methods_of(transport), transport.calls[0].request.TTL) == (["LeaseGrant"], TTL)


async def test_the_ttl_of_the_server_counts(session_of):
    session, _ = session_of([replies.lease(7, 100), REVOKED])
    await session.grant()
    assert session.state.renewal.ttl == 100


async def test_it_lives_from_when_the_answered_request_was_sent(session_of, clock):
    """Not from its response, and not from an attempt before: so it never lives longer here than at the server."""

    def late(call):
        clock.time += 2
        return replies.lost()

    def answered(call):
        clock.time += 1
        return replies.lease(7, TTL)

    session, _ = session_of([late, answered, REVOKED], hosts=["a:1", "b:1"])
    await session.grant()
    assert (session.state.renewal.sent, session.state.renewal.deadline) == (2, 2 + TTL)
    clock.time = 2 + TTL - 0.1
    assert session.alive
    clock.time = 2 + TTL
    assert not session.alive


async def test_a_failed_grant_names_itself_and_can_be_repeated(session_of):
    session, _ = session_of([DENIED, replies.lease(7, TTL), REVOKED])
    with pytest.raises(PermissionDeniedError) as caught:
        await session.grant()
    assert caught.value.operation == "grant a lease"
    assert await session.grant() == 7


async def test_it_is_granted_under_a_random_id(session_of):
    """So that it can be revoked even if the response never comes."""
    ids = []
    for random in (0.0, 0.25, 1.0):
        session, transport = session_of([replies.lease(7, TTL), REVOKED])
        session._client.runtime.random = lambda random=random: random
        await session.grant()
        ids.append(transport.calls[0].request.ID)
    assert ids == sorted({*ids})
    assert 0 < ids[0] <= ids[-1] < 1 << 63


async def test_a_grant_whose_response_is_lost_is_retried_under_the_same_id(session_of):
    session, transport = session_of([replies.lost(), replies.lease(7, TTL), REVOKED], hosts=["a:1", "b:1"])
    assert await session.grant() == 7
    first, second = transport.calls
    assert first.request == second.request
    assert first.request.ID > 0


async def test_a_lease_that_the_lost_attempt_granted_is_used(session_of, clock):
    """The second attempt meets it; how long it lives is then asked for."""

    def answered(call):
        clock.time += 1
        return renewed(30, call.request.ID)

    script = {
        "LeaseGrant": [replies.lost(), EXISTS],
        "LeaseKeepAlive": answered,
        "LeaseRevoke": REVOKED,
    }
    session, transport = session_of(script, hosts=["a:1", "b:1"])
    lease = await session.grant()
    grant, _, asked = transport.calls
    assert lease == grant.request.ID == asked.request.ID
    assert (session.alive, session.state.renewal.deadline) == (True, 30)


async def test_a_lease_that_the_lost_attempt_granted_and_that_is_gone_is_an_error(session_of):
    script = {"LeaseGrant": [replies.lost(), EXISTS], "LeaseKeepAlive": renewed(0)}
    session, _ = session_of(script, hosts=["a:1", "b:1"])
    with pytest.raises(LeaseNotFoundError):
        await session.grant()
    assert not session.alive


async def test_a_grant_of_a_chosen_id_whose_response_is_lost_is_not_retried(session_of):
    """Repeated, it would meet the lease that the first attempt created."""
    session, transport = session_of([replies.lost()], lambda view: LeaseSession(view, TTL, 255), hosts=["a:1", "b:1"])
    with pytest.raises(ConnectionFailedError) as caught:
        await session.grant()
    assert (caught.value.maybe_applied, caught.value.operation) == (True, "grant lease ff")
    assert [call.request.ID for call in transport.calls] == [255]


async def test_a_chosen_id_that_exists_is_an_error(session_of):
    session, _ = session_of([EXISTS], lambda view: LeaseSession(view, TTL, 255))
    with pytest.raises(LeaseExistsError):
        await session.grant()
    assert not session.alive


# --- a grant that nobody waits for any more


def revoked(transport):
    """The ids of the leases that were to be revoked, and that of the one that was to be granted."""
    (granted,) = {call.request.ID for call in transport.calls if call.method == "LeaseGrant"}
    return [call.request.ID for call in transport.calls if call.method == "LeaseRevoke"], granted


@pytest.mark.parametrize("error", [NoSpaceError("full"), replies.lost(), replies.NO_REPLY], ids=repr)
async def test_a_failed_grant_that_may_have_been_applied_is_revoked(session_of, error):
    session, transport = session_of({"LeaseGrant": error, "LeaseRevoke": REVOKED}, retry={"attempts": 2})
    with pytest.raises(EtcdError) as caught:
        await session.grant()
    assert caught.value.maybe_applied
    await session._client.close()
    revocations, granted = revoked(transport)
    assert revocations == [granted]


async def test_a_failed_grant_that_was_certainly_not_applied_is_not(session_of):
    session, transport = session_of([DENIED])
    with pytest.raises(PermissionDeniedError):
        await session.grant()
    await session._client.close()
    assert methods_of(transport) == ["LeaseGrant"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
async def test_an_interrupted_grant_is_revoked(session_of, interrupt):
    def interrupted(call):
        raise interrupt

    session, transport = session_of({"LeaseGrant": interrupted, "LeaseRevoke": REVOKED})
    with pytest.raises(interrupt):
        await session.grant()
    await session._client.close()
    revocations, granted = revoked(transport)
    assert revocations == [granted]
    assert not session.alive


@pytest.mark.parametrize("scope", ["a task", "a scope of anyio"])
async def test_a_cancelled_grant_is_revoked(scope):
    inner = ScriptedTransport({"LeaseGrant": replies.lease(7, TTL), "LeaseRevoke": REVOKED})
    held = Held(inner, "LeaseGrant", replies=True)
    client = AsyncETCDService(transport=held)
    held.hold()
    lease = client.lease(TTL)
    if scope == "a task":
        granting = asyncio.ensure_future(lease.grant())
        await held.arrived()
        granting.cancel()
        await asyncio.wait([granting], timeout=BOUND)
        assert granting.cancelled()
    else:
        await cancelled_by_anyio(held, lease.grant)
    await asyncio.wait_for(client.aclose(), BOUND)
    revocations, granted = revoked(inner)
    assert revocations == [granted]


async def cancelled_by_anyio(held, call):
    """Cancel a call by a scope, once it has been sent; every wait inside the scope is then cancelled again."""
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:

            async def cancel():
                await held.arrived()
                scope.cancel()

            group.start_soon(cancel)
            await call()
    assert scope.cancelled_caught


async def test_a_lease_that_is_granted_only_after_it_was_to_be_revoked_is_revoked_later(session_of, clock):
    """The grant may still be on its way when the first revocation finds no such lease."""

    def interrupted(call):
        raise KeyboardInterrupt

    session, transport = session_of({"LeaseGrant": interrupted, "LeaseRevoke": [GONE, GONE, REVOKED]})
    with pytest.raises(KeyboardInterrupt):
        await session.grant()
    await session._client.close()
    revocations, granted = revoked(transport)
    assert revocations == [granted] * 3
    assert clock.slept == list(PAUSES[:3])


async def test_it_is_looked_for_a_few_times_only(session_of):
    session, transport = session_of({"LeaseGrant": replies.NO_REPLY, "LeaseRevoke": GONE}, retry={"attempts": 1})
    with pytest.raises(EtcdError):
        await session.grant()
    await session._client.close()
    assert len(revoked(transport)[0]) == len(PAUSES)


async def test_a_revocation_that_fails_is_logged_and_retried(session_of, caplog):
    caplog.set_level("INFO", "etcd_factory.lease")
    session, transport = session_of({"LeaseGrant": replies.NO_REPLY, "LeaseRevoke": DENIED}, retry={"attempts": 1})
    with pytest.raises(EtcdError):
        await session.grant()
    await session._client.close()
    assert "a lease that may have been granted could not be revoked" in caplog.text
    assert len(revoked(transport)[0]) == len(PAUSES)  # the connection may have stalled, and is given up by now
    assert "ends by itself within 9 s" in caplog.text


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
async def test_a_revocation_that_closing_cuts_off_says_for_how_long_the_lease_may_be_left(face, caplog, monkeypatch):
    monkeypatch.setattr("etcd_factory.core.call.client.AWAY", 0.01)
    held = Held(ScriptedTransport({"LeaseGrant": replies.NO_REPLY, "LeaseRevoke": ClientClosedError()}), "LeaseRevoke")
    client = face.service({"retry": {"attempts": 1}}, transport=held)
    held.hold()
    (error,) = await asyncio.gather(face.begin(client.lease(TTL).grant), return_exceptions=True)
    assert isinstance(error, EtcdError)
    await asyncio.wait_for(face.close(client), BOUND)
    held.release()
    await until(lambda: "ends by itself within 9 s: the client was closed first" in caplog.text)
    assert "create a new one" not in caplog.text


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
async def test_closing_the_client_during_a_grant_waits_for_it_and_revokes_the_lease(face):
    inner = ScriptedTransport({"LeaseGrant": replies.lease(7, TTL), "LeaseRevoke": REVOKED})
    held = Held(inner, "LeaseGrant", replies=True)
    client = face.service(transport=held)
    lease = client.lease(TTL)
    held.hold()
    granting = face.begin(lease.grant)
    await held.arrived()
    keepalive = view_behind(client).client.background.get(KeepAlive)
    closing = face.close(client)
    await until(lambda: keepalive._closed)
    assert not closing.done()
    held.release()
    await asyncio.wait_for(closing, BOUND)
    (error,) = await asyncio.gather(granting, return_exceptions=True)
    assert isinstance(error, ClientClosedError)
    assert methods_of(inner) == ["LeaseGrant", "LeaseRevoke"]
    assert inner.calls[1].request.ID == 7
    assert not lease.alive


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
async def test_concurrent_callers_share_one_grant(face):
    held = Held(ScriptedTransport({"LeaseGrant": [replies.lease(7, TTL)], "LeaseRevoke": REVOKED}))
    held.hold(1)
    client = face.service(transport=held)
    lease = client.lease(TTL)
    first = face.begin(lease.grant)
    await held.arrived()
    others = [face.begin(lease.grant) for _ in range(3)]
    held.release()
    assert await asyncio.wait_for(asyncio.gather(first, *others), BOUND) == [7] * 4
    await asyncio.wait_for(face.begin(client.close if face.name == "blocking" else client.aclose), BOUND)


async def test_asking_about_a_lease_grants_it(session_of):
    session, transport = session_of([replies.lease(7, TTL), REVOKED])
    assert (await session.resolve_id(), methods_of(transport)) == (7, ["LeaseGrant"])


# --- renewing


async def test_renewing_grants_it_and_returns_the_seconds_left(session_of):
    session, transport = session_of([replies.lease(7, TTL), renewed(20), REVOKED])
    assert await session.renew() == 20
    assert methods_of(transport) == ["LeaseGrant", "LeaseKeepAlive"]


async def test_renewing_a_lease_that_is_gone_is_an_error(session_of):
    script = {"LeaseGrant": replies.lease(7, TTL), "LeaseKeepAlive": renewed(0), "LeaseRevoke": REVOKED}
    session, _ = session_of(script)
    with pytest.raises(LeaseNotFoundError) as caught:
        await session.renew()
    assert caught.value.operation == "keep lease 7 alive"


# --- its end


async def test_a_released_lease_is_kept_alive_no_longer_and_may_still_be_revoked(session_of):
    session, transport = session_of([replies.lease(7, TTL), REVOKED])
    await session.grant()
    session.release()
    assert (session.alive, session.over) == (False, False)
    await session.revoke()
    assert session.over
    assert methods_of(transport) == ["LeaseGrant", "LeaseRevoke"]


async def test_a_lease_that_was_never_granted_is_revoked_without_a_call_and_never_granted(session_of):
    session, transport = session_of([])
    await session.revoke()
    with pytest.raises(LeaseNotFoundError, match=r"this lease has ended; create a new one with lease\(ttl\)"):
        await session.grant()
    assert transport.calls == []


async def test_it_is_revoked_once(session_of):
    session, transport = session_of([replies.lease(7, TTL), REVOKED])
    await session.grant()
    await session.revoke()
    await session.revoke()
    assert methods_of(transport) == ["LeaseGrant", "LeaseRevoke"]


async def test_revoking_a_lease_that_is_gone_is_no_error(session_of):
    session, _ = session_of([replies.lease(7, TTL), GONE])
    await session.grant()
    await session.revoke()


async def test_a_failed_revocation_names_itself_and_can_be_repeated(session_of):
    session, _ = session_of([replies.lease(7, TTL), NoSpaceError("full"), REVOKED])
    await session.grant()
    with pytest.raises(NoSpaceError) as caught:
        await session.revoke()
    assert caught.value.operation == "revoke lease 7"
    await session.revoke()


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
async def test_a_lease_that_is_revoked_during_its_grant_is_revoked_after_it(face):
    held = Held(ScriptedTransport([replies.lease(7, TTL), REVOKED]), "LeaseGrant")
    client = face.service(transport=held)
    lease = client.lease(TTL)
    held.hold()
    granting = face.begin(lease.grant)
    await held.arrived()
    revoking = face.begin(lease.revoke)
    held.release()
    await asyncio.wait_for(revoking, BOUND)
    await asyncio.gather(granting, return_exceptions=True)  # it has the id, or the error that it has ended
    assert methods_of(held.inner) == ["LeaseGrant", "LeaseRevoke"]
    assert not lease.alive
    await asyncio.wait_for(face.begin(client.close if face.name == "blocking" else client.aclose), BOUND)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
async def test_a_lease_whose_grant_fails_while_it_is_revoked_needs_no_revocation(face):
    held = Held(ScriptedTransport([DENIED]), "LeaseGrant")
    client = face.service(transport=held)
    lease = client.lease(TTL)
    held.hold()
    granting = face.begin(lease.grant)
    await held.arrived()
    revoking = face.begin(lease.revoke)
    held.release()
    await asyncio.wait_for(revoking, BOUND)
    (error,) = await asyncio.gather(granting, return_exceptions=True)
    assert isinstance(error, PermissionDeniedError)
    await asyncio.wait_for(face.close(client), BOUND)
    assert methods_of(held.inner) == ["LeaseGrant"]


async def test_those_who_wait_for_it_are_woken_however_it_ends(session_of):
    session, _ = session_of([replies.lease(7, TTL), REVOKED])
    woken = []
    session.state.alarms.add(lambda: woken.append("released"))
    await session.grant()
    session.release()
    assert woken == ["released"]


# --- listeners


async def test_a_listener_that_was_removed_is_not_called(session_of):
    session, _ = session_of([])
    session.listen(print)
    session.ignore(print)
    session.ignore(print)
    assert not session.state.listeners


# --- a lease that exists already


async def test_asking_about_an_existing_lease_does_not_use_it(session_of):
    session, transport = session_of([], existing)
    assert (await session.resolve_id(), transport.calls, session.alive) == (7, [], False)


async def test_an_existing_lease_is_renewed_at_its_first_use(session_of):
    session, transport = session_of([renewed(30)], existing)
    assert await session.grant() == 7
    assert (session.alive, session.state.renewal.ttl, methods_of(transport)) == (True, 30, ["LeaseKeepAlive"])


async def test_the_first_use_of_an_existing_lease_that_is_gone_is_an_error(session_of):
    session, _ = session_of([renewed(0)], existing)
    with pytest.raises(LeaseNotFoundError, match="requested lease not found") as caught:
        await session.grant()
    assert caught.value.operation == "keep lease 7 alive"


@pytest.mark.parametrize("reply", [REVOKED, GONE], ids=["there", "gone"])
async def test_an_existing_lease_is_revoked_without_a_use_before(session_of, reply):
    session, transport = session_of([reply], existing)
    await session.revoke()
    assert (methods_of(transport), transport.calls[0].request.ID) == (["LeaseRevoke"], 7)


async def test_closing_the_client_does_not_revoke_an_existing_lease(session_of, clock):
    session, transport = session_of([renewed(30)], existing)
    await session.grant()
    await session._client.close()
    assert methods_of(transport) == ["LeaseKeepAlive"]
