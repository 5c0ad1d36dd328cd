"""The transport on grpcio's asyncio API: its channels in each event loop, and what becomes of them."""

from __future__ import annotations

import asyncio
import time

import pytest
from grpc import aio

from etcd_factory.errors import ClientClosedError
from etcd_factory.io.grpc.asyncio import UNUSED, AsyncioTransport
from etcd_factory.options import ClientOptions
from etcd_factory.testing import FaultProxy
from etcd_factory.wire import messages, methods

BOUND = 30  # seconds that nothing here takes
READ = methods.RANGE, messages.RangeRequest(key=b"k", count_only=True)


@pytest.fixture
def url(etcd_server):
    return f"http://{etcd_server.endpoint}"


@pytest.fixture
async def transport(url):
    one = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    yield one
    await one.close()


async def read(transport, url):
    return await transport.unary(url, *READ, BOUND, ())


def mine(transport):
    return transport._loops[asyncio.get_running_loop()]


async def test_a_host_has_one_channel_for_all_its_calls(transport, url):
    await asyncio.gather(*[read(transport, url) for _ in range(5)])
    await transport.unary(url, methods.STATUS, messages.StatusRequest(), BOUND, ())
    assert [*mine(transport).channels] == [url]
    assert {method.name for _, method in mine(transport).calls} == {"Range", "Status"}


def test_it_belongs_to_no_loop_before_its_first_call(url):
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    assert (len(transport._loops), transport._last) == (0, UNUSED)


def test_each_loop_has_connections_of_its_own(url):
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    channels = []

    async def use():
        await read(transport, url)
        channels.append(mine(transport).channels[url])

    async def used_and_closed():
        await use()
        await transport.close()

    asyncio.run(use())
    asyncio.run(used_and_closed())
    assert channels[0] is not channels[1]


def test_the_connections_of_a_loop_that_ended_are_closed_at_the_first_call_in_another(etcd_server):
    """A channel refers to its loop: a weak reference to the loop alone would keep both for good."""
    with FaultProxy(etcd_server.endpoint) as proxy:
        url = f"http://{proxy.endpoint}"
        transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
        for _ in range(5):
            asyncio.run(read(transport, url))
        assert len(transport._loops) == 1

        async def used_and_closed():
            await read(transport, url)
            await transport.close()

        asyncio.run(used_and_closed())
        wait_for(lambda: proxy.connections == 0)


def wait_for(condition):
    """Look again until the other side has noticed."""
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


async def test_the_first_call_probes_and_later_ones_do_not(transport, url):
    """A probe makes sure that a failure to connect sent nothing; there is a connection from then on."""
    probed = []
    call = transport._prepare(transport._enter(), url, methods.RANGE)

    async def probe(*args, **kwargs):
        probed.append(1)
        await call.probe(*args, **kwargs)

    mine(transport).calls[url, methods.RANGE] = call._replace(probe=probe)
    await read(transport, url)
    await read(transport, url)
    assert len(probed) == 1


@pytest.mark.parametrize(("host", "kind"), [("http://a:1", "insecure_channel"), ("https://a:1", "secure_channel")])
def test_a_channel_is_secure_if_its_hosts_are(monkeypatch, host, kind):
    opened = []
    for name in ("insecure_channel", "secure_channel"):
        monkeypatch.setattr(aio, name, lambda *args, name=name: opened.append((name, args[0])))
    AsyncioTransport(ClientOptions.of({"hosts": [host]}))._open(host)
    assert opened == [(kind, "a:1")]


async def test_a_cancelled_call_is_cancelled(transport, etcd_server):
    """How gRPC ends the calls of a closed channel is the same error."""
    with FaultProxy(etcd_server.endpoint) as proxy:
        url = f"http://{proxy.endpoint}"
        await read(transport, url)
        proxy.drop_replies()
        calling = asyncio.ensure_future(read(transport, url))
        await asyncio.to_thread(proxy.wait_for_request)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(calling, BOUND)


async def test_a_cancelled_reader_of_a_stream_is_cancelled(transport, url):
    stream = await transport.stream(url, methods.WATCH, ())
    stream.send(messages.WatchRequest(create_request={"key": b"never written"}))
    await stream.receive()
    reading = asyncio.ensure_future(stream.receive())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reading, BOUND)


async def test_a_reader_of_a_stream_that_is_closed_gets_none(transport, url):
    stream = await transport.stream(url, methods.WATCH, ())
    stream.send(messages.WatchRequest(create_request={"key": b"never written"}))
    await stream.receive()
    reading = asyncio.ensure_future(stream.receive())
    await asyncio.sleep(0)
    await stream.close()
    assert await asyncio.wait_for(reading, BOUND) is None


async def test_a_forked_child_opens_connections_of_its_own(transport, url):
    await read(transport, url)
    before = mine(transport).channels[url]
    kept = transport.forget()
    await read(transport, url)
    assert mine(transport).channels[url] is not before
    assert before in [channel for loop in kept.values() for channel in loop.channels.values()]
    await before.close()


async def test_a_transport_that_was_never_closed_warns_while_its_loop_is_open(url):
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    await read(transport, url)
    channels, holder = mine(transport).channels, [transport]
    del transport
    with pytest.warns(ResourceWarning, match="was never closed"):
        holder.clear()
    for channel in channels.values():
        await channel.close()


async def test_closing_is_for_all_loops(url):
    """In another one there is no later call either."""
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    await read(transport, url)
    await transport.close()
    with pytest.raises(ClientClosedError):
        await asyncio.to_thread(lambda: asyncio.run(read(transport, url)))
