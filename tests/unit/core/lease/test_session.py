"""One lease from before its grant until it is over."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.lease.session import ExistingLease, LeaseSession
from etcd_factory.errors import ConnectionFailedError, LeaseExistsError, LeaseNotFoundError, NoSpaceError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import FACES
from tests.support.transports import Held

BOUND = 10  # seconds that nothing here takes
TTL = 9
REVOKED = replies.of("LeaseRevoke")
GONE = replies.server_error("etcdserver: requested lease not found")


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
    session, _ = session_of([NoSpaceError("full"), replies.lease(7, TTL), REVOKED])
    with pytest.raises(NoSpaceError) as caught:
        await session.grant()
    assert caught.value.operation == "grant a lease"
    assert await session.grant() == 7


async def test_a_grant_whose_response_is_lost_is_retried(session_of):
    """A lease that nobody knows of expires by its ttl."""
    session, transport = session_of([replies.lost(), replies.lease(7, TTL), REVOKED], hosts=["a:1", "b:1"])
    assert await session.grant() == 7
    assert methods_of(transport) == ["LeaseGrant", "LeaseGrant"]


async def test_a_grant_of_a_chosen_id_whose_response_is_lost_is_not_retried(session_of):
    """Repeated, it would meet the lease that the first attempt created."""
    session, transport = session_of([replies.lost()], lambda view: LeaseSession(view, TTL, 255), hosts=["a:1", "b:1"])
    with pytest.raises(ConnectionFailedError) as caught:
        await session.grant()
    assert (caught.value.maybe_applied, caught.value.operation) == (True, "grant lease ff")
    assert [call.request.ID for call in transport.calls] == [255]


async def test_a_chosen_id_that_exists_is_an_error(session_of):
    exists = replies.server_error("etcdserver: lease already exists")
    session, _ = session_of([exists], lambda view: LeaseSession(view, TTL, 255))
    with pytest.raises(LeaseExistsError):
        await session.grant()
    assert not session.alive


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
    held = Held(ScriptedTransport([NoSpaceError("full")]), "LeaseGrant")
    client = face.service(transport=held)
    lease = client.lease(TTL)
    held.hold()
    granting = face.begin(lease.grant)
    await held.arrived()
    revoking = face.begin(lease.revoke)
    held.release()
    await asyncio.wait_for(revoking, BOUND)
    (error,) = await asyncio.gather(granting, return_exceptions=True)
    assert isinstance(error, NoSpaceError)
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
