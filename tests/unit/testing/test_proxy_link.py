"""One connection through a proxy, on fake transports."""

import asyncio
import socket

import pytest
from attrs import define, field

from etcd_factory.testing.proxy_link import MAX_CHUNKS, RESET_LINGER, Link


@define
class Rules:
    """A proxy that forwards what it is set to forward."""

    pause: float = 0.0
    forwards: bool = True
    opened: list = field(factory=list)
    closed: list = field(factory=list)

    def link_opened(self, link):
        self.opened.append(link)

    def passes(self, link, data, *, is_request):
        return self.forwards

    def link_closed(self, link):
        self.closed.append(link)


class Socket:
    """A socket that records its options."""

    def __init__(self):
        self.options = []

    def setsockopt(self, *option):
        self.options.append(option)


class Transport:
    """A transport that records what is done to it."""

    def __init__(self):
        self.written, self.is_reading, self.state, self.socket = [], True, "open", Socket()

    def is_closing(self):
        return self.state != "open"

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.state = "closed"

    def abort(self):
        self.state = "aborted"

    def get_extra_info(self, name):
        return self.socket


@pytest.fixture
def rules():
    return Rules()


@pytest.fixture
async def link(rules):
    """A link with both ends connected."""
    link = Link(rules)
    link.client.connection_made(Transport())
    link.target.connection_made(Transport())
    await asyncio.sleep(0)
    return link


async def written(transport, count):
    """What was written, once it is so many chunks."""
    while len(transport.written) < count:  # noqa: ASYNC110  # a few turns of the loop
        await asyncio.sleep(0)
    return transport.written


async def test_only_the_client_end_opens_the_link(link, rules):
    assert rules.opened == [link]


async def test_chunks_keep_their_order_when_the_delay_ends(link, rules):
    rules.pause = 0.01
    link.client.data_received(b"one")
    rules.pause = 0.0
    link.client.data_received(b"two")
    assert await written(link.target.transport, 2) == [b"one", b"two"]


async def test_reading_stops_while_many_chunks_wait(link, rules):
    rules.pause = 0.01
    for _ in range(MAX_CHUNKS):
        link.client.data_received(b"x")
    assert not link.client.transport.is_reading
    await written(link.target.transport, MAX_CHUNKS)
    assert link.client.transport.is_reading


async def test_reading_stops_while_the_other_end_is_full(link):
    link.target.pause_writing()
    assert not link.client.transport.is_reading
    link.target.resume_writing()
    assert link.client.transport.is_reading


async def test_the_end_of_one_side_is_forwarded(link, rules):
    link.client.data_received(b"last")
    target = link.target.transport
    link.client.connection_lost(None)
    assert await written(target, 1) == [b"last"]
    await asyncio.sleep(0)
    assert target.state == "closed"
    assert rules.closed == []
    link.target.connection_lost(None)
    assert rules.closed == [link]


async def test_dropped_bytes_are_remembered(link, rules):
    rules.forwards = False
    link.client.data_received(b"x")
    await asyncio.sleep(0.01)
    assert link.target.transport.written == []
    assert link.has_lost_bytes


async def test_a_reset_closes_both_sockets_without_waiting(link):
    link.reset()
    for end in (link.client, link.target):
        assert end.transport.state == "aborted"
        assert end.transport.socket.options == [(socket.SOL_SOCKET, socket.SO_LINGER, RESET_LINGER)]


async def test_a_socket_that_closes_already_gets_no_more_options(link):
    link.client.transport.close()
    link.client.reset()
    assert link.client.transport.socket.options == []
