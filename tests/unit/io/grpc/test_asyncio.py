"""The transport on grpcio's asyncio API: its channels in each event loop, and what becomes of them."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref

import pytest
from grpc import StatusCode, aio

from etcd_factory.errors import ClientClosedError, DeadlineExceededError
from etcd_factory.io.grpc.asyncio import AsyncioTransport, is_cancelled, no_loop, open_channel, shielded, shielded_call
from etcd_factory.io.grpc.connection import PATIENCE
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


async def test_a_host_has_one_connection_for_all_its_calls(transport, url, monkeypatch):
    opened, open_ = [], aio.insecure_channel
    monkeypatch.setattr(aio, "insecure_channel", lambda *args: opened.append(args[0]) or open_(*args))
    await asyncio.gather(*[read(transport, url) for _ in range(5)])
    await transport.unary(url, methods.STATUS, messages.StatusRequest(), BOUND, ())
    assert len(opened) == 1
    assert set(mine(transport).get(url)._calls) == {methods.RANGE, methods.STATUS}


def test_it_belongs_to_no_loop_before_its_first_call(url):
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    assert (len(transport._loops), transport._last[0]) == (0, no_loop)


def test_each_loop_has_connections_of_its_own(url):
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    channels = []

    async def use():
        await read(transport, url)
        channels.append(mine(transport).get(url).channel)

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
        gc.collect()  # up to grpcio 1.76 at least a call is in a cycle with its callbacks, and keeps its channel
        wait_for(lambda: proxy.connections == 0)


def wait_for(condition):
    """Look again until the other side has noticed."""
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_loops_that_ended_are_not_kept(url):
    """Nor what belongs to them: each has a socket and a thread pool."""
    transport, loops = AsyncioTransport(ClientOptions.of({"hosts": [url]})), []

    async def use():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await read(transport, url)

    for _ in range(20):
        asyncio.run(use())
        gc.collect()
    assert len([loop for loop in loops if loop() is not None]) <= 1  # the last one, until the next call
    asyncio.run(closing(transport))


async def closing(transport):
    await transport.close()


def probing(made, timeouts):
    """Let the connection record the timeouts of its probes."""
    probe = made.probe

    def recorded(request, timeout):
        timeouts.append(timeout)
        return probe(request, timeout=timeout)

    made.probe = recorded
    return timeouts


async def test_a_call_on_a_connection_that_was_just_heard_needs_no_probe(transport, url):
    await read(transport, url)
    probes = probing(mine(transport).get(url), [])
    await read(transport, url)
    assert probes == []


async def test_a_connection_that_was_silent_for_long_is_probed_for_a_moment_before_it_is_used(transport, url):
    await read(transport, url)
    made = mine(transport).get(url)
    probes, made._idle = probing(made, []), -1
    await read(transport, url)
    assert probes == [PATIENCE]
    assert mine(transport).get(url) is made


async def test_a_silent_connection_that_does_not_answer_its_probe_is_replaced(transport, url):
    await read(transport, url)
    made = mine(transport).get(url)
    made.probe, made._idle = unanswered, -1
    assert (await read(transport, url)).header.revision
    assert mine(transport).get(url) is not made
    await made.channel.close()


async def test_a_call_that_heard_nothing_until_its_deadline_gives_its_connection_up(transport, url):
    await read(transport, url)
    made = mine(transport).get(url)
    stream = await transport.stream(url, methods.WATCH, ())
    made._calls[methods.RANGE] = unanswered
    with pytest.raises(DeadlineExceededError):
        await read(transport, url)
    assert mine(transport).get(url) is None
    assert await asyncio.wait_for(stream.receive(), BOUND) is None  # streams on it end too
    await read(transport, url)
    await made.channel.close()


class Unanswered:
    """A call that fails at its deadline."""

    def __init__(self):
        self.error = aio.AioRpcError(StatusCode.DEADLINE_EXCEEDED, aio.Metadata(), aio.Metadata(), "of the test")

    def add_done_callback(self, callback):
        callback(self)

    def __await__(self):
        raise self.error
        yield


def unanswered(*args, **kwargs):
    return Unanswered()


@pytest.mark.parametrize(("host", "kind"), [("http://a:1", "insecure_channel"), ("https://a:1", "secure_channel")])
def test_a_channel_is_secure_if_its_hosts_are(monkeypatch, host, kind):
    opened = []
    for name in ("insecure_channel", "secure_channel"):
        monkeypatch.setattr(aio, name, lambda *args, name=name: opened.append((name, args[0])))
    open_channel(ClientOptions.of({"hosts": [host]}), host)
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


# --- cancellation: scopes of anyio know their own by the message


async def cancelled(body, started=None):
    """Return the error of a task that is cancelled with a message while it waits."""
    task = asyncio.ensure_future(body)
    if started is None:
        await asyncio.sleep(0)
    else:
        await asyncio.wait_for(started.wait(), BOUND)
    task.cancel("by the scope")
    await asyncio.wait([task], timeout=BOUND)
    with pytest.raises(asyncio.CancelledError) as caught:
        task.result()
    return caught.value


async def test_a_cancelled_call_keeps_the_message_of_its_cancellation(transport, etcd_server):
    with FaultProxy(etcd_server.endpoint) as proxy:
        url = f"http://{proxy.endpoint}"
        await read(transport, url)
        proxy.drop_replies()
        arrived = asyncio.Event()

        async def sent():
            await asyncio.to_thread(proxy.wait_for_request)
            arrived.set()

        sending = asyncio.ensure_future(sent())
        assert (await cancelled(read(transport, url), arrived)).args == ("by the scope",)
        await sending


async def test_a_cancelled_connection_attempt_keeps_the_message(transport, silent):
    assert (await cancelled(read(transport, f"http://{silent}"))).args == ("by the scope",)


async def test_what_is_shielded_is_cancelled_with_its_caller():
    waiting = asyncio.get_running_loop().create_future()
    error = await cancelled(shielded(waiting))
    assert (error.args, waiting.cancelled()) == (("by the scope",), True)


async def test_a_shielded_call_that_was_cancelled_by_its_channel_raises_what_it_raises():
    class Cancelled(Unanswered):
        def __init__(self):
            self.error = asyncio.CancelledError("of the channel")

    with pytest.raises(asyncio.CancelledError, match="of the channel"):
        await shielded_call(Cancelled())
    assert not is_cancelled()


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
    before = mine(transport).get(url)
    kept = transport.forget()
    await read(transport, url)
    assert mine(transport).get(url) is not before
    assert before in [connections.get(url) for connections in kept.values()]
    await before.channel.close()


async def test_a_transport_that_was_never_closed_warns_while_its_loop_is_open(url):
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    await read(transport, url)
    connections, holder = mine(transport), [transport]
    del transport
    with pytest.warns(ResourceWarning, match=f"an etcd client of {url} was never closed"):
        holder.clear()
    for channel in connections.close():
        await channel.close()


async def test_closing_is_for_all_loops(url):
    """In another one there is no later call either."""
    transport = AsyncioTransport(ClientOptions.of({"hosts": [url]}))
    await read(transport, url)
    await transport.close()
    with pytest.raises(ClientClosedError):
        await asyncio.to_thread(lambda: asyncio.run(read(transport, url)))
