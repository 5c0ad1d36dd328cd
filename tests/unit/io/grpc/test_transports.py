"""What both gRPC transports do alike, on a real etcd: calls, streams, and whether a request was sent."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.errors import (
    ClientClosedError,
    ConfigError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    FutureRevisionError,
)
from etcd_factory.testing import FaultProxy
from etcd_factory.wire import messages, methods
from tests.support.faces import closed, settle
from tests.support.transports import real

BOUND = 30  # seconds that nothing here takes
UNKNOWN = "nowhere.invalid:2379"  # RFC 2606: a name that never resolves


@pytest.fixture
def url(etcd_server):
    return f"http://{etcd_server.endpoint}"


@pytest.fixture
def put(etcd_namespace):
    """A write of a key of this test."""
    return methods.PUT, messages.PutRequest(key=f"{etcd_namespace}k".encode(), value=b"v")


async def failure(body):
    """Return the error that a call raises."""
    with pytest.raises(EtcdError) as caught:
        await body
    return caught.value


# --- calls


async def test_a_call_returns_the_response(run, connect, url, put):
    transport = connect()
    reply = await run(transport.unary(url, *put, BOUND, ()))
    assert reply.header.revision > 0
    read = await run(transport.unary(url, methods.RANGE, messages.RangeRequest(key=put[1].key), BOUND, ()))
    assert read.kvs[0].value == b"v"


async def test_an_error_of_the_server_has_its_class_its_endpoint_and_was_sent(run, connect, url, etcd_server):
    request = messages.CompactionRequest(revision=1 << 60)
    error = await failure(run(connect().unary(url, methods.COMPACT, request, BOUND, ())))
    assert (type(error), error.endpoint, error.sent) == (FutureRevisionError, etcd_server.endpoint, True)
    assert error.__cause__ is not None


async def test_metadata_is_sent(run, connect, etcd_server, put):
    with FaultProxy(etcd_server.endpoint) as proxy:
        await run(connect().unary(f"http://{proxy.endpoint}", *put, BOUND, (("some-key", "some value"),)))
        proxy.wait_for_request(b"some value")


async def test_a_call_has_its_timeout(run, connect, silent, put):
    error = await failure(run(connect().unary(f"http://{silent}", *put, 0.2, ())))
    assert isinstance(error, (DeadlineExceededError, ConnectionFailedError))
    assert error.sent is False  # there was no connection to send it on


# --- whether a request was sent


HOSTS = {"a closed port": lambda refusing: refusing, "an unknown name": lambda refusing: UNKNOWN}


@pytest.mark.parametrize("name", HOSTS)
async def test_a_request_that_cannot_be_sent_says_so(run, connect, refusing, put, name):
    host = HOSTS[name](refusing)
    error = await failure(run(connect(dial_timeout=1).unary(f"http://{host}", *put, 5, ())))
    assert (error.sent, error.endpoint) == (False, host)


@pytest.mark.parametrize("name", HOSTS)
async def test_a_write_that_was_not_sent_was_certainly_not_applied(face, refusing, name):
    host = HOSTS[name](refusing)
    options = {"hosts": [host], "timeout": 1, "dial_timeout": 0.5}
    client = face.service(options)
    error = await failure(asyncio.wait_for(face.begin(lambda: client.put("k").value("v")), BOUND))
    assert (error.sent, error.maybe_applied) == (False, False)
    assert "may have been applied" not in str(error)
    await closed(client)


async def test_a_write_to_a_server_that_was_killed_while_idle_was_not_sent(face, fragile, disconnected):
    options = {"hosts": [fragile.endpoint], "timeout": BOUND, "dial_timeout": 1}
    transport = real(face, {**options, "transport": "grpc"})
    client = face.service(options, transport=transport)
    await settle(client.put("k").value("v"))
    fragile.kill()
    await disconnected(transport, f"http://{fragile.endpoint}")
    error = await failure(asyncio.wait_for(face.begin(lambda: client.put("k").value("w")), BOUND))
    assert (error.sent, error.maybe_applied) == (False, False)
    fragile.start()
    assert await settle(client.get("k").string()) == "v"
    await closed(client)


@pytest.mark.parametrize("how", ["the connection broke", "the timeout passed"])
async def test_a_write_whose_reply_is_swallowed_may_have_been_applied(face, etcd_server, etcd_namespace, how):
    with FaultProxy(etcd_server.endpoint) as proxy:
        options = {"hosts": [proxy.endpoint], "namespace": etcd_namespace, "timeout": BOUND}
        client = face.service(options)
        await settle(client.get("k").string())  # there is a connection
        proxy.drop_replies()
        short = client.with_options(timeout=0.5) if how == "the timeout passed" else client
        writing = face.begin(lambda: short.put("k").value("v"))
        await asyncio.to_thread(proxy.wait_for_request, etcd_namespace.encode())
        if how == "the connection broke":
            proxy.cut()
        error = await failure(asyncio.wait_for(writing, BOUND))
        assert (error.sent, error.maybe_applied) == (True, True)
        assert "the write may have been applied" in str(error)
        proxy.heal()
        if how == "the timeout passed":  # the reset may have overtaken the request
            assert await settle(client.get("k").string()) == "v"
        await closed(client)


async def test_a_read_whose_reply_is_swallowed_is_retried(face, etcd_server, etcd_namespace):
    with FaultProxy(etcd_server.endpoint) as proxy:
        client = face.service({"hosts": [proxy.endpoint], "namespace": etcd_namespace, "timeout": BOUND})
        await settle(client.put("k").value("v"))
        proxy.drop_replies()
        reading = face.begin(lambda: client.get("k").string())
        await asyncio.to_thread(proxy.wait_for_request, etcd_namespace.encode())
        proxy.heal()  # breaks the connection that lost bytes
        assert await asyncio.wait_for(reading, BOUND) == "v"
        await closed(client)


# --- streams


def create(key):
    return messages.WatchRequest(create_request={"key": key})


async def test_a_stream_carries_messages_in_both_directions(run, connect, url, put):
    transport = connect()
    stream = await run(transport.stream(url, methods.WATCH, ()))
    stream.send(create(put[1].key))
    assert (await run(stream.receive())).created
    await run(transport.unary(url, *put, BOUND, ()))
    assert [event.kv.value for event in (await run(stream.receive())).events] == [b"v"]
    await run(stream.close())


async def test_a_stream_of_responses_to_one_request_ends(run, connect, url):
    stream = await run(connect().stream(url, methods.SNAPSHOT, (), messages.SnapshotRequest()))
    received = []
    while (message := await run(stream.receive())) is not None:
        received.append(message)
    assert received[-1].remaining_bytes == 0
    assert await run(stream.receive()) is None


async def test_closing_a_stream_ends_who_waits_on_it(run, connect, url):
    stream = await run(connect().stream(url, methods.WATCH, ()))
    stream.send(create(b"never written"))
    assert (await run(stream.receive())).created
    receiving = run(stream.receive())
    await asyncio.sleep(0)
    await run(stream.close())
    (outcome,) = await asyncio.wait_for(asyncio.gather(receiving, return_exceptions=True), BOUND)
    assert outcome is None or isinstance(outcome, EtcdError)


async def test_sending_on_a_stream_never_waits(run, connect, etcd_server):
    """Even if nobody reads at the other end."""
    with FaultProxy(etcd_server.endpoint) as proxy:
        stream = await run(connect().stream(f"http://{proxy.endpoint}", methods.WATCH, ()))
        proxy.half_open()
        for _ in range(1000):
            stream.send(create(b"k" * 1000))
        await run(stream.close())


@pytest.mark.parametrize("host", ["refusing", "silent"])
async def test_a_stream_to_a_host_that_does_not_answer_is_not_opened(run, connect, request, host):
    """A probe says so, before anybody waits for messages."""
    address = request.getfixturevalue(host)
    opening = run(connect(dial_timeout=0.5, timeout=2).stream(f"http://{address}", methods.WATCH, ()))
    error = await failure(asyncio.wait_for(opening, BOUND))
    assert (error.endpoint, error.sent) == (address, False)


async def test_a_broken_stream_raises_where_it_is_read(run, connect, etcd_server):
    with FaultProxy(etcd_server.endpoint) as proxy:
        stream = await run(connect().stream(f"http://{proxy.endpoint}", methods.WATCH, ()))
        stream.send(create(b"k"))
        assert (await run(stream.receive())).created
        receiving = run(stream.receive())
        await asyncio.sleep(0)
        proxy.cut()
        error = await failure(asyncio.wait_for(receiving, BOUND))
        assert (type(error), error.endpoint) == (ConnectionFailedError, proxy.endpoint)


# --- the end


async def test_a_closed_transport_refuses_calls_and_streams(run, connect, url, put):
    transport = connect()
    await run(transport.unary(url, *put, BOUND, ()))
    await run(transport.close())
    await run(transport.close())
    for body in (transport.unary(url, *put, BOUND, ()), transport.stream(url, methods.WATCH, ())):
        with pytest.raises(ClientClosedError):
            await run(body)


async def test_closing_ends_calls_under_way(face, run, connect, etcd_server, put):
    with FaultProxy(etcd_server.endpoint) as proxy:
        transport, url = connect(), f"http://{proxy.endpoint}"
        await run(transport.unary(url, *put, BOUND, ()))
        proxy.drop_replies()
        calling = run(transport.unary(url, *put, BOUND, ()))
        await asyncio.to_thread(proxy.wait_for_request, put[1].key)
        await run(transport.close())
        with pytest.raises(ClientClosedError):
            await asyncio.wait_for(calling, BOUND)


async def test_closing_ends_a_call_that_connects(run, connect, silent, put):
    transport = connect()
    calling = run(transport.unary(f"http://{silent}", *put, BOUND, ()))
    await asyncio.sleep(0)
    await run(transport.close())
    with pytest.raises(ClientClosedError):
        await asyncio.wait_for(calling, BOUND)


async def test_closing_ends_a_stream(run, connect, url):
    transport = connect()
    stream = await run(transport.stream(url, methods.WATCH, ()))
    stream.send(create(b"never written"))
    await run(stream.receive())
    receiving = run(stream.receive())
    await asyncio.sleep(0)
    await run(transport.close())
    with pytest.raises(ClientClosedError):
        await asyncio.wait_for(receiving, BOUND)


async def test_closing_the_client_ends_a_snapshot_under_way(face, etcd_server, tmp_path):
    with FaultProxy(etcd_server.endpoint) as proxy:
        client = face.service({"hosts": [proxy.endpoint], "timeout": BOUND, "transport": "grpc"})
        await settle(client.get("k").string())
        proxy.drop_replies()
        saving = face.begin(lambda: client.maintenance.snapshot(tmp_path / "backup.db"))
        await asyncio.to_thread(proxy.wait_for_request, b"Snapshot")
        await closed(client)
        with pytest.raises(ClientClosedError):
            await asyncio.wait_for(saving, BOUND)
        assert list(tmp_path.iterdir()) == []


# --- options


async def test_grpc_options_are_checked_when_the_client_is_created(face):
    options = {"grpc_options": {"grpc.keepalive_time_ms": 1.5, "grpc.fine": 1, "grpc.odd": [1]}}
    with pytest.raises(ConfigError) as caught:
        face.service(options)
    paths = [fault.path for fault in caught.value.faults]
    assert paths == ["grpc_options.grpc.keepalive_time_ms", "grpc_options.grpc.odd"]
    assert "expected an int or text, got float" in str(caught.value)


async def test_a_new_transport_has_no_connections(face, connect):
    transport = connect()
    assert not (transport._connections if face.name == "blocking" else transport._loops)
