"""A client's registrations: all end before its connections, one that fails does not stop the others."""

from __future__ import annotations

import pytest

from etcd_factory.errors import ClientClosedError, NoSpaceError
from etcd_factory.registry import registrations
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, settle
from tests.support.registering import register, script
from tests.support.transports import Recorded

NO_SPACE = "etcdserver: mvcc: database space exceeded"
LEASES = (1, 2, 3)


@pytest.fixture
def client(connect):
    """A function that returns a client on a script, and its transport; each instance gets a lease of its own."""

    def create(**steps):
        leases = [replies.lease(number) for number in LEASES]
        transport = Recorded(ScriptedTransport(script(LeaseGrant=leases, **steps)))
        return connect(transport)

    return create


def revoked(transport):
    return sorted(request.ID for request in transport.requests("LeaseRevoke"))


@pytest.mark.anchor("registry-d15")
async def test_closing_the_client_deregisters_all_while_it_still_has_connections(client, registry):
    service, transport = client()
    made = await register(registry, service, *"abc")
    await closed(service)
    assert revoked(transport) == [1, 2, 3]
    assert not any(one.alive for one in made)


@pytest.mark.anchor("registry-d15")
async def test_a_registration_that_cannot_be_removed_does_not_stop_the_others(client, registry, caplog):
    def revoke(call):
        return replies.server_error(NO_SPACE) if call.request.ID == 2 else replies.of("LeaseRevoke")

    service, transport = client(LeaseRevoke=revoke)
    await register(registry, service, *"abc")
    await closed(service)
    assert revoked(transport) == [1, 2, 3]
    assert "b could not be deregistered and expires by its ttl" in caplog.text


async def test_a_registration_that_has_ended_is_not_ended_again(client, registry):
    service, transport = client()
    one, *_ = await register(registry, service, "a", "b")
    await settle(one.deregister())
    await closed(service)
    assert revoked(transport) == [1, 2]


async def test_a_registration_that_failed_to_begin_is_not_ended_again(client, registry):
    service, transport = client(Put=replies.server_error(NO_SPACE))
    with pytest.raises(NoSpaceError):
        await register(registry, service, "a")
    await closed(service)
    assert revoked(transport) == [1]


async def test_a_closed_client_registers_nothing(client, registry):
    service, transport = client()
    await register(registry, service, "a")
    await closed(service)
    names = transport.names()
    with pytest.raises(ClientClosedError):
        await register(registry, service, "b")
    assert transport.names() == names


async def test_an_interrupt_before_anybody_has_the_handle_ends_the_registration(client, registry, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(registrations, "Registration", interrupted)
    service, transport = client()
    with pytest.raises(KeyboardInterrupt):
        await register(registry, service, "a")
    assert revoked(transport) == [1]
