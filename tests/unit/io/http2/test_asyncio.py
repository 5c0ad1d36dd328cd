"""The transport of asyncio: its loops, its tasks, and calls that are cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from etcd_factory.errors import ClientClosedError
from etcd_factory.io.http2.asyncio import AsyncioTransport
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods
from tests.support.h2_server import BOUND, answering, in_thread

aside = asyncio.to_thread
LOOPS, CALLS = 4, 50


def make(**options):
    return AsyncioTransport(ClientOptions.of(options))


def read(transport, server, timeout=BOUND):
    return transport.unary(server.url, methods.RANGE, messages.RangeRequest(key=b"k"), timeout, ())


@pytest.fixture
async def transport():
    one = make()
    yield one
    await one.close()


async def test_a_cancelled_call_resets_its_stream_and_leaves_the_connection(serve, transport):
    server = serve()
    call = asyncio.ensure_future(read(transport, server))
    wire = (await aside(server.wire)).establish()
    stream = await aside(wire.request)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await aside(wire.until, "RST_STREAM")).stream_id == stream
    other = asyncio.ensure_future(read(transport, server))
    wire.answer(await aside(wire.request))
    await other
    assert len(server.wires) == 1


async def test_a_receive_that_is_cancelled_leaves_its_stream(serve, transport):
    server = serve()
    opening = asyncio.ensure_future(transport.stream(server.url, methods.WATCH, (), messages.WatchRequest()))
    wire = (await aside(server.wire)).establish()
    stream = await opening
    receiving = asyncio.ensure_future(stream.receive())
    id = await aside(wire.request)  # noqa: A001
    receiving.cancel()
    await asyncio.wait([receiving])
    wire.answer(id, messages.WatchResponse(watch_id=7).SerializeToString())
    assert (await stream.receive()).watch_id == 7
    await stream.close()


async def test_a_call_has_no_task_of_its_own(serve, transport):
    server = serve()
    calls = [asyncio.ensure_future(read(transport, server)) for _ in range(CALLS)]
    wire = (await aside(server.wire)).establish()
    streams = await aside(wire.requests, CALLS)
    assert len(asyncio.all_tasks()) == CALLS + 1
    for stream in streams:
        wire.answer(stream)
    await asyncio.gather(*calls)


async def test_one_that_waits_for_a_connection_may_be_cancelled_and_others_go_on(serve, transport):
    server = serve()
    first, second = (asyncio.ensure_future(read(transport, server)) for _ in range(2))
    wire = await aside(server.wire)
    first.cancel()
    await asyncio.wait([first])
    wire.establish().answer(await aside(wire.request))
    await second
    assert len(server.wires) == 1


def test_loops_in_several_threads_at_once_use_one_client(serve):
    server, one, together = serve(answering), make(), threading.Barrier(LOOPS)

    async def work():
        together.wait(BOUND)  # the number of a thread that has ended may be that of the next one
        await asyncio.gather(*(read(one, server) for _ in range(CALLS)))
        return threading.get_ident()

    working = [in_thread(asyncio.run, work()) for _ in range(LOOPS)]
    assert len({done() for done in working}) == LOOPS
    assert all(wire.over() for wire in server.wires)
    asyncio.run(one.close())


def test_a_loop_that_is_gone_is_forgotten(serve):
    server, one = serve(answering), make()
    for _ in range(LOOPS):
        asyncio.run(read(one, server))
    gc.collect()
    assert len(one._pools) <= 1
    asyncio.run(one.close())


def test_a_client_is_closed_in_all_loops(serve):
    server, one = serve(answering), make()
    asyncio.run(read(one, server))
    asyncio.run(one.close())
    with pytest.raises(ClientClosedError):
        asyncio.run(read(one, server))


def test_a_client_that_forgot_its_connections_opens_new_ones(serve):
    server, one = serve(answering), make(share=False)
    with asyncio.Runner() as runner:
        runner.run(read(one, server))
        kept = one.forget()
        runner.run(read(one, server))
        assert len(server.wires) == 2
        runner.run(one.close())
        assert kept
