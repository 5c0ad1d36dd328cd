"""One stream of renewals."""

from __future__ import annotations

import pytest

from etcd_factory.core.lease.stream import KeepAliveStream
from etcd_factory.errors import ConnectionFailedError, InvalidAuthTokenError, PermissionDeniedError
from etcd_factory.testing import StreamScript, replies
from etcd_factory.wire import messages, methods

HOST = "http://a:1"
PASSWORD = {"username": "root", "password": "secret"}


def response(lease, ttl=9):
    return messages.LeaseKeepAliveResponse(ID=lease, TTL=ttl)


def sent(transport):
    """The ids of the leases whose renewal was sent."""
    return [message.ID for call in transport.calls for message in call.sent]


@pytest.fixture
def stream_of(client_of):
    """A function that returns a stream of renewals on this script, its transport, and its client."""

    def make(*parts, leases=(1,), **options):
        script = {"LeaseKeepAlive": StreamScript(*parts), "Authenticate": replies.of("Authenticate", token="t")}
        client, transport = client_of(script, **options)
        return KeepAliveStream(client, HOST, list(leases)), transport, client

    return make


async def reported(stream):
    """Run a stream to its end, and return what it reported."""
    reports = []
    await stream.run(lambda one, received: reports.append(received), lambda one, error: reports.append(error))
    return reports


async def test_it_begins_with_one_lease_and_reports_every_response_and_the_end(stream_of):
    responses = [response(1), response(2)]
    stream, transport, _ = stream_of(*responses, replies.END, leases=(1, 2))
    assert await reported(stream) == [*responses, None]
    assert (sent(transport), stream.is_closed) == ([1], True)


async def test_it_sends_the_token_and_requires_a_leader(stream_of):
    stream, transport, _ = stream_of(replies.END, auth=PASSWORD)
    await reported(stream)
    assert transport.calls[-1].metadata == (("token", "t"), ("hasleader", "true"))
    assert transport.calls[-1].host == HOST


@pytest.mark.parametrize(
    ("error", "kept"),
    [(InvalidAuthTokenError(), None), (ConnectionFailedError(), (("token", "t"),))],
    ids=["token", "other"],
)
async def test_a_refused_token_is_dropped(stream_of, error, kept):
    stream, _, client = stream_of(error, auth=PASSWORD)
    (reported_error,) = await reported(stream)
    assert type(reported_error) is type(error)
    assert client.token.metadata == kept


async def test_renewals_sent_before_it_is_connected_wait_until_it_is(stream_of):
    stream, transport, client = stream_of(leases=(1, 2))
    stream._stream = await client.transport.stream(HOST, methods.LEASE_KEEP_ALIVE, ())
    stream.send([3])
    assert sent(transport) == []
    stream.is_connected = True
    stream.send([4])
    assert sent(transport) == [2, 3, 4]
    await stream.close()


async def test_a_stream_that_is_closed_before_it_is_opened_sends_nothing(stream_of):
    stream, transport, _ = stream_of()
    await stream.close()
    assert await reported(stream) == [None]
    assert (sent(transport), stream.is_closed, stream.is_connected) == ([], True, False)


async def test_an_error_of_opening_it_is_reported(client_of):
    client, _ = client_of({"LeaseKeepAlive": replies.refused("nobody there")})
    (error,) = await reported(KeepAliveStream(client, HOST, [1]))
    assert isinstance(error, ConnectionFailedError)


# --- which renewal a refusal is about


async def test_a_refusal_is_about_the_first_renewal_that_is_not_answered(stream_of):
    """etcd answers in the order of the requests."""
    stream, _, client = stream_of(leases=(1, 2, 3))
    stream._stream = await client.transport.stream(HOST, methods.LEASE_KEEP_ALIVE, ())
    assert stream.refused is None
    stream.is_connected = True
    stream.send([4])
    assert stream.refused == 2
    await stream.close()


async def test_a_response_is_to_the_first_renewal_that_is_not_answered(stream_of):
    refused = PermissionDeniedError()
    stream, _, _ = stream_of(response(1), response(2), refused, leases=(1, 2, 3, 4))

    def received(one, message):
        one.is_connected = True
        one.send([])

    ends = []
    await stream.run(received, lambda one, error: ends.append((type(error), one.refused)))
    assert ends == [(PermissionDeniedError, 3)]


async def test_a_response_that_nobody_asked_for_does_not_matter(stream_of):
    stream, _, _ = stream_of(response(1), response(9), PermissionDeniedError())
    assert [type(one).__name__ for one in await reported(stream)][-1] == "PermissionDeniedError"
    assert stream.refused is None
