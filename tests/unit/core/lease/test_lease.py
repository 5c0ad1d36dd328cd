"""The handle of a lease: what it shows, how it is used, and what its block does."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.lease.lease import session_of
from etcd_factory.core.op import Ungranted
from etcd_factory.errors import ClientClosedError, LeaseNotFoundError, NoSpaceError
from etcd_factory.model import LeaseInfo
from etcd_factory.testing import replies
from tests.support.faces import closed, failure, settle
from tests.support.watching import Recorder

TTL = 60
REVOKED = replies.of("LeaseRevoke")


def renewed(ttl=TTL):
    return replies.of("LeaseKeepAlive", ID=7, TTL=ttl)


def methods_of(transport):
    return [call.method for call in transport.calls]


@pytest.fixture
def within(face):
    """A function that runs another one in the block of a lease."""

    async def run(lease, body):
        if face.name == "blocking":
            with lease as entered:
                return body(entered)
        async with lease as entered:
            return await settle(body(entered))

    return run


# --- use


async def test_a_lease_is_granted_at_its_first_use(connect):
    client, transport = connect([replies.lease(7, TTL), replies.put(), REVOKED])
    lease = client.lease(TTL)
    assert (lease.id, lease.ttl, lease.alive, transport.calls) == (None, TTL, False, [])
    await settle(lease.put("k").value("v"))
    assert (lease.id, lease.alive, methods_of(transport)) == (7, True, ["LeaseGrant", "Put"])
    assert transport.calls[1].request.lease == 7


async def test_it_may_be_passed_wherever_an_id_may(connect):
    client, transport = connect(
        [replies.lease(7, TTL), replies.txn(replies.put(), replies.put()), replies.put(), REVOKED]
    )
    lease = client.lease(TTL)
    await settle(client.batch([ops.put("a").lease(lease).value("v"), ops.put("b").value("v")]))
    await settle(client.put("k").lease(lease).value("v"))
    assert transport.calls[1].request.success[0].request_put.lease == 7
    assert transport.calls[2].request.lease == 7


async def test_before_the_grant_it_has_no_index(connect):
    client, _ = connect([])
    with pytest.raises(Ungranted):
        client.lease(TTL).__index__()


async def test_awaiting_a_release_is_optional(connect, face):
    client, transport = connect([replies.lease(7, TTL)])
    lease = client.lease(TTL)
    await settle(lease.grant())
    released = lease.release()
    assert (released is None) is (face.name == "blocking")
    assert not lease.alive
    await settle(released)
    assert methods_of(transport) == ["LeaseGrant"]


async def test_the_keys_of_a_lease_are_those_in_the_namespace(connect):
    reply = replies.of("LeaseTimeToLive", ID=7, TTL=5, grantedTTL=TTL, keys=[b"ns/a", b"other/b", b"ns/c"])
    client, transport = connect([reply], namespace="ns/")
    info = await settle(client.lease_of(7).time_to_live(keys=True))
    assert info == LeaseInfo(7, 5, TTL, (b"a", b"c"))
    assert transport.calls[0].request.keys


async def test_the_time_to_live_of_a_lease_that_is_gone_is_minus_one(connect):
    client, _ = connect([replies.of("LeaseTimeToLive", ID=7, TTL=-1)])
    assert (await settle(client.lease_of(7).time_to_live())).ttl == -1


# --- a lease that etcd does not have any more: the handle knows before the caller does

GONE = replies.server_error("etcdserver: requested lease not found")


@pytest.fixture
async def lost(connect, face):
    """A function that returns a lease that etcd has lost, its client and the recorder of its handler.

    The script answers the use that finds it out.
    """

    async def make(method, answer):
        recorder = Recorder()
        client, _ = connect({"LeaseGrant": replies.lease(7, TTL), method: answer, "LeaseRevoke": REVOKED})
        lease = client.lease(TTL)
        recorder.on(lease, "lost")
        await settle(lease.grant())
        assert lease.alive
        return lease, client, recorder

    return make


USES = {
    "a put": ("Put", lambda client, lease: client.put("k").lease(lease).value("v")),
    "a put of the lease": ("Put", lambda client, lease: lease.put("k").value("v")),
    "a put by the id": ("Put", lambda client, lease: client.put("k").lease(lease.id).value("v")),
    "a transaction": ("Txn", lambda client, lease: client.batch([ops.put("k").lease(lease).value("v"), ops.get("k")])),
    "the other branch": (
        "Txn",
        lambda client, lease: client.if_("k", "version", "==", 0).else_(ops.put("k").lease(lease).value("v")).commit(),
    ),
    "a transaction inside a transaction": (
        "Txn",
        lambda client, lease: client.txn().then(ops.txn().then(ops.put("k").lease(lease).value("v"))).commit(),
    ),
    "a view with other options": (
        "Put",
        lambda client, lease: client.with_options(timeout=3).put("k").lease(lease).value("v"),
    ),
}


@pytest.mark.parametrize("use", USES)
async def test_a_write_that_finds_it_gone_raises_once_it_is_not_alive(lost, use):
    method, write = USES[use]
    lease, client, recorder = await lost(method, GONE)
    error = await failure(lambda: write(client, lease), LeaseNotFoundError)
    assert (error.maybe_applied, lease.alive) == (False, False)
    await recorder.until("lost")


async def test_a_renewal_that_finds_it_gone_raises_once_it_is_not_alive(lost):
    lease, _, recorder = await lost("LeaseKeepAlive", renewed(0))
    await failure(lease.keepalive_once, LeaseNotFoundError)
    assert not lease.alive
    await recorder.until("lost")


@pytest.mark.parametrize("ttl", [-1, 0])
async def test_once_its_time_to_live_says_that_it_is_gone_it_is_not_alive(lost, ttl):
    lease, _, recorder = await lost("LeaseTimeToLive", replies.of("LeaseTimeToLive", ID=7, TTL=ttl))
    assert (await settle(lease.time_to_live())).ttl == ttl
    assert not lease.alive
    await recorder.until("lost")


async def test_with_several_leases_it_is_not_known_which_one_is_gone(lost):
    """The error does not say; each is asked for at its next renewal."""
    lease, client, _ = await lost("Txn", GONE)
    puts = [ops.put("a").lease(lease).value("v"), ops.put("b").lease(8).value("v")]
    await failure(lambda: client.batch(puts), LeaseNotFoundError)
    assert lease.alive


async def test_another_lease_that_is_gone_does_not_matter(lost):
    lease, client, _ = await lost("Put", GONE)
    await failure(lambda: client.put("k").lease(8).value("v"), LeaseNotFoundError)
    assert lease.alive


async def test_a_lease_that_is_gone_is_not_revoked_at_the_end(connect):
    client, transport = connect([replies.lease(7, TTL), GONE])
    await failure(lambda: client.lease(TTL).put("k").value("v"), LeaseNotFoundError)
    await closed(client)
    assert methods_of(transport) == ["LeaseGrant", "Put"]


# --- the block


async def test_a_block_grants_the_lease_and_revokes_it(connect, within):
    client, transport = connect([replies.lease(7, TTL), REVOKED])
    assert await within(client.lease(TTL), lambda lease: lease.id) == 7
    assert methods_of(transport) == ["LeaseGrant", "LeaseRevoke"]


async def test_the_error_of_a_block_is_raised_and_not_that_of_the_revocation(connect, within, caplog):
    def fails(lease):
        raise ValueError("no good")

    client, _ = connect([replies.lease(7, TTL), NoSpaceError("full"), REVOKED])
    with pytest.raises(ValueError, match="no good"):
        await within(client.lease(TTL), fails)
    assert "a lease could not be revoked and expires by its ttl" in caplog.text


async def test_a_failed_revocation_at_the_end_of_a_block_is_raised(connect, within):
    client, _ = connect([replies.lease(7, TTL), NoSpaceError("full"), REVOKED])
    with pytest.raises(NoSpaceError):
        await within(client.lease(TTL), lambda lease: None)


async def test_a_lease_that_has_ended_cannot_be_entered_or_granted(connect, within):
    client, transport = connect([])
    lease = client.lease(TTL)
    await settle(lease.revoke())
    for use in (lease.grant, lambda: within(lease, lambda one: None)):
        with pytest.raises(LeaseNotFoundError, match="this lease has ended"):
            await settle(use())
    assert transport.calls == []


async def test_a_closed_client_grants_no_lease(connect):
    client, _ = connect([])
    lease = client.lease(TTL)
    await settle(client.aclose() if hasattr(client, "aclose") else client.close())
    with pytest.raises(ClientClosedError):
        await settle(lease.grant())


# --- arguments


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda client: client.lease(9).on("lots", print),
            ValueError,
            "event of a lease: expected .*'lots'.*'lost'",
        ),
        (lambda client: client.lease(9).put(1), TypeError, "a key must be str or bytes"),
    ],
)
async def test_a_wrong_argument_is_an_error_at_once(connect, call, error, text):
    client, transport = connect([])
    with pytest.raises(error, match=text):
        call(client)
    assert transport.calls == []


@pytest.mark.parametrize("given", [7, "7", None])
def test_what_is_no_lease_has_no_session(given):
    with pytest.raises(TypeError, match=r"a lease must be made by lease\(ttl\) or lease_of\(id\), not"):
        session_of(given)


async def test_handlers_are_called_with_the_lease_which_on_returns(connect):
    client, _ = connect([])
    lease, called = client.lease(TTL), []
    assert lease.on("lost", called.append) is lease
    (listener,) = lease._session.state.listeners
    await listener()
    assert called == [lease]


# --- reprs


async def test_it_shows_its_state(connect):
    client, _ = connect([replies.lease(255, TTL), REVOKED])
    lease = client.lease(5)
    assert repr(lease) == "<Lease not granted ttl=5 not alive>"
    assert repr(client.lease(5, id=10)) == "<Lease a ttl=5 not alive>"
    assert repr(client.lease_of(16)) == "<Lease 10 ttl=0 not alive>"
    await settle(lease.grant())
    assert repr(lease) == "<Lease ff ttl=60 alive>"
    await settle(lease.revoke())
    assert repr(lease) == "<Lease ff ttl=60 not alive>"
