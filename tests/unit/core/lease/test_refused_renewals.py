"""Leases that the server refuses to renew, which ends the stream of all: etcd does from 3.5.28, 3.6.9 and 3.7 on."""

from __future__ import annotations

import pytest

from etcd_factory.core.lease.keepalive import KeepAlive, LeaseState
from etcd_factory.core.lease.schedule import Renewal
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages
from tests.support.faces import until
from tests.support.transports import Recorded
from tests.support.watching import Recorder

TTL = 9
THIRD = TTL / 3
DENIED = replies.server_error("etcdserver: permission denied")


class Server:
    """Renews leases, except those that it refuses."""

    def __init__(self, *refused):
        self.refused = set(refused)

    def renew(self, request):
        if request.ID in self.refused:
            return DENIED
        return messages.LeaseKeepAliveResponse(ID=request.ID, TTL=TTL)

    def __call__(self, call):
        return StreamScript(reply=self.renew) if call.is_stream else self.renew(call.request)


class Leases:
    """Leases that were granted at 0, and the clock of their client."""

    def __init__(self, client, clock, transport):
        self.client, self.transport, self.clock = client, transport, clock
        self.keepalive = client.background.get(KeepAlive)
        self.states, self.lost = {}, Recorder()

    async def grant(self, *ids, ttl=TTL):
        for number in ids:
            state = self.states[number] = LeaseState(existing=True)
            state.listeners.append(self.lost.handler(number))
            await self.keepalive.add(state, Renewal(number, ttl, 0.0))

    def at(self, time):
        """Let the renewer look at this time."""
        self.clock.time = time
        self.keepalive._renewer.wake()

    @property
    def requested(self):
        """What was requested on each stream."""
        return [[message.ID for message in stream.sent] for stream in self.transport.streams]

    @property
    def apart(self):
        """What was requested in a call of its own."""
        return [call.request.ID for call in self.transport.calls]

    async def until_requested(self, *streams):
        await self.transport.until(lambda: self.requested == [*streams])

    async def until_renewed(self, *ids):
        """Wait until the renewals that were sent now have been answered, and the renewer has read the answers."""
        await until(lambda: all(self.states[number].renewal.sent == self.clock.time for number in ids))

    async def until_apart(self, *ids):
        await self.transport.until(lambda: [call.request.ID for call, _ in self.transport.replies] == [*ids])


@pytest.fixture
def leases_of(client_of, clock):
    def make(server, **options):
        transport = Recorded(ScriptedTransport({"LeaseKeepAlive": server}))
        client, _ = client_of(transport, **options)
        return Leases(client, clock, transport)

    return make


@pytest.mark.parametrize("refused", [1, 2, 3])
async def test_the_others_are_renewed_at_once_whatever_their_order(leases_of, caplog, refused):
    leases = leases_of(Server(refused))
    await leases.grant(1, 2, 3)
    leases.at(THIRD)
    await leases.until_renewed(*{1, 2, 3} - {refused})
    await leases.transport.until(lambda: len(leases.transport.streams) == 2)
    assert refused not in leases.requested[1]
    assert f"lease {refused} is not renewed, and expires by its ttl" in caplog.text
    assert leases.states[refused].renewal.sent == 0


async def test_only_the_refused_one_is_asked_for_apart_and_later(leases_of):
    leases = leases_of(Server(1))
    await leases.grant(1, 2, 3)
    leases.at(THIRD)
    await leases.until_requested([1], [2, 3])
    await leases.until_renewed(2, 3)
    assert leases.apart == []
    leases.at(2 * THIRD)
    await leases.until_apart(1)
    await leases.until_requested([1], [2, 3, 2, 3])


async def test_the_host_that_refused_is_not_failed_and_there_is_no_pause(leases_of, clock):
    leases = leases_of(Server(1), hosts=["a:1", "b:1"])
    await leases.grant(1, 2)
    leases.at(THIRD)
    await leases.until_requested([1], [2])
    await leases.until_renewed(2)
    assert {stream.call.host for stream in leases.transport.streams} == {"http://a:1"}
    assert (leases.client.endpoints.failing, clock.slept) == (False, [])


async def test_one_that_is_renewed_apart_is_renewed_with_the_others_again(leases_of):
    server = Server(1)
    leases = leases_of(server)
    await leases.grant(1, 2)
    leases.at(THIRD)
    await leases.until_requested([1], [2])
    await leases.until_renewed(2)
    server.refused.clear()
    leases.at(2 * THIRD)
    await leases.until_apart(1)
    await leases.until_requested([1], [2, 2])
    await leases.until_renewed(1, 2)
    leases.at(TTL)
    await leases.until_requested([1], [2, 2, 1, 2])
    assert leases.apart == [1]
    assert leases.lost.calls == []


async def test_one_that_is_refused_until_its_ttl_has_passed_is_lost_and_no_other(leases_of):
    leases = leases_of(Server(1))
    await leases.grant(1, 2)
    leases.at(THIRD)
    await leases.until_requested([1], [2])
    await leases.until_renewed(2)
    leases.at(2 * THIRD)
    await leases.until_apart(1)
    await leases.until_requested([1], [2, 2])
    await leases.until_renewed(2)
    leases.at(TTL)
    await leases.lost.until(1)
    assert [leases.states[number].lost for number in (1, 2)] == [True, False]
    assert leases.lost.names == [1]


async def test_one_that_is_found_gone_when_it_is_asked_for_apart_is_lost(leases_of):
    server = Server(1)
    leases = leases_of(server)
    await leases.grant(1, 2)
    leases.at(THIRD)
    await leases.until_requested([1], [2])
    await leases.until_renewed(2)
    server.refused.clear()
    server.renew = gone
    leases.at(2 * THIRD)
    await leases.lost.until(1)


def gone(request):
    return messages.LeaseKeepAliveResponse(ID=request.ID, TTL=0)


async def test_one_that_was_revoked_meanwhile_is_not_asked_for(leases_of):
    leases = leases_of(Server(1))
    await leases.grant(1, 2)
    leases.at(THIRD)
    await leases.until_requested([1], [2])
    await leases.until_renewed(2)
    leases.states[1].ended = True
    leases.keepalive.drop(leases.states[1])
    leases.at(2 * THIRD)
    await leases.until_requested([1], [2, 2])
    assert leases.apart == []


async def test_one_that_is_dropped_while_the_mailbox_is_read_is_not_asked_for(leases_of, monkeypatch):
    leases = leases_of(Server(1))
    await leases.grant(1, 2)
    leases.at(THIRD)
    await leases.until_requested([1], [2])
    await leases.until_renewed(2)
    box = leases.keepalive._renewer._box
    get = box.get

    async def drop_then_find_empty(timeout):
        if timeout == 0:
            monkeypatch.undo()
            leases.keepalive.drop(leases.states[1])
            leases.at(2 * THIRD)
            return None
        return await get(timeout)

    monkeypatch.setattr(box, "get", drop_then_find_empty)
    leases.keepalive._renewer.wake()
    await leases.until_requested([1], [2, 2])
    assert leases.apart == []
