"""Connections that clients share, and what becomes of those of clients that nobody closes."""

from __future__ import annotations

import asyncio
import gc
import os
import warnings

import pytest

from etcd_factory.errors import ClientClosedError
from etcd_factory.io.http2.asyncio import AsyncioTransport
from etcd_factory.io.http2.threads import ThreadTransport
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods
from tests.support.forks import needs_fork
from tests.support.h2_server import BOUND, answering

aside = asyncio.to_thread
CLIENTS = 20


def read(transport, server):
    return transport.unary(server.url, methods.RANGE, messages.RangeRequest(key=b"k"), BOUND, ())


async def test_clients_of_equal_options_share_a_connection(connect, run, serve):
    server = serve(answering)
    await asyncio.gather(*(run(read(connect(hosts=server.url), server)) for _ in range(CLIENTS)))
    assert len(server.wires) == 1


DIFFERENT = {
    "share": ({"share": False}, {"share": False}),
    "hosts": ({"hosts": "a"}, {"hosts": "b"}),
    "keepalive": ({"keepalive": {"time": 20}}, {"keepalive": {"time": 30}}),
    "dial_timeout": ({"dial_timeout": 20}, {"dial_timeout": 30}),
    "auth": ({"auth": {"token": "a"}}, {"auth": {"token": "b"}}),
}


@pytest.mark.parametrize("name", DIFFERENT)
async def test_clients_of_other_options_do_not(connect, run, serve, name):
    server = serve(answering)
    for options in DIFFERENT[name]:
        await run(read(connect(**options), server))
    assert len(server.wires) == 2


async def test_the_last_client_that_is_closed_closes_the_connection(connect, run, serve):
    server = serve(answering)
    first, second = connect(), connect()
    for transport in (first, second):
        await run(read(transport, server))
    await run(first.close())
    await run(read(second, server))
    assert len(server.wires) == 1
    await run(second.close())
    assert await aside(server.wires[0].over)


async def test_closing_a_client_ends_its_own_calls_only(connect, run, serve):
    server, mine, other = serve(), connect(), connect()
    calls = [run(read(mine, server))]
    wire = (await aside(server.wire)).establish()
    await aside(wire.request)
    calls.append(run(read(other, server)))
    stream = await aside(wire.request)
    await run(mine.close())
    with pytest.raises(ClientClosedError):
        await calls[0]
    assert (await aside(wire.until, "RST_STREAM")).stream_id != stream
    wire.answer(stream)
    await calls[1]


async def test_a_client_that_is_made_after_the_last_one_was_closed_has_a_new_connection(connect, run, serve):
    server = serve(answering)
    for _ in range(2):
        transport = connect()
        await run(read(transport, server))
        await run(transport.close())
    assert len(server.wires) == 2


async def test_closing_twice_counts_once(connect, run, serve):
    server, first, second = serve(answering), connect(), connect()
    for transport in (first, second):
        await run(read(transport, server))
    for _ in range(2):
        await run(first.close())
    await run(read(second, server))
    assert len(server.wires) == 1


# --- clients that nobody closes


def make(face):
    kind = ThreadTransport if face.is_blocking else AsyncioTransport
    return kind(ClientOptions.of({}))


async def test_a_dropped_client_is_warned_of_once_and_its_connections_are_closed(face, run, serve, collected):
    server = serve(answering)
    transport = make(face)
    await run(read(transport, server))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del transport
        gc.collect()
        assert await aside(server.wires[0].over)
        gc.collect()
    assert [one.category for one in seen] == [ResourceWarning]
    assert "was never closed" in str(seen[0].message)
    assert seen[0].filename == __file__


async def test_a_dropped_client_that_was_not_used_is_not_warned_of(face, collected):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        make(face)
        gc.collect()
    assert seen == []


async def test_a_client_that_shares_is_not_ended_by_another_that_is_dropped(face, connect, run, serve, collected):
    server, transport = serve(answering), connect()
    await run(read(transport, server))
    dropped = make(face)
    await run(read(dropped, server))
    with pytest.warns(ResourceWarning):
        del dropped
        gc.collect()
    await run(read(transport, server))
    assert len(server.wires) == 1


def test_an_event_loop_that_ends_closes_its_connections_silently(serve, collected):
    server, transport = serve(answering), AsyncioTransport(ClientOptions.of({}))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for count in (1, 2):
            asyncio.run(read(transport, server))
            assert server.wires[-1].over()
            assert len(server.wires) == count
        gc.collect()
    assert seen == []
    asyncio.run(transport.close())


def test_several_loops_have_connections_of_their_own(serve):
    server, transport = serve(answering), AsyncioTransport(ClientOptions.of({}))
    loops = [asyncio.new_event_loop() for _ in range(3)]
    for _ in range(2):
        for loop in loops:
            loop.run_until_complete(read(transport, server))
    assert len(server.wires) == 3
    for loop in loops:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    assert all(wire.over() for wire in server.wires)
    asyncio.run(transport.close())


# --- forks


@needs_fork
async def test_a_forked_child_drops_the_connection_without_a_byte_on_it(connect, run, serve):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = (await aside(server.wire)).establish()
    wire.answer(await aside(wire.request))
    await call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork in a process with threads
        child = os.fork()
    if not child:
        transport.forget()
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    call, seen = run(read(transport, server)), []
    while not seen or seen[-1].name != "DATA":
        seen.append(await aside(wire.hear))
    assert {one.name for one in seen} <= {"SETTINGS", "HEADERS", "DATA"}
    wire.answer(seen[-1].stream_id)
    await call
    assert len(server.wires) == 1
