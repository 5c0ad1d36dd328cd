"""One stream of renewals."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from etcd_factory.core.lease.stream import KeepAliveStream
from etcd_factory.errors import ConnectionFailedError, InvalidAuthTokenError
from etcd_factory.options import ClientOptions

TOKEN = (("token", "old"),)


class Stream:
    """Gives what it is made from, raising errors."""

    def __init__(self, *messages):
        self._messages, self.sent, self.closed = list(messages), [], False

    async def send(self, message):
        self.sent.append(message.ID)

    async def receive(self):
        message = self._messages.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    async def close(self):
        self.closed = True


class Peer:
    """A client whose streams are that one."""

    def __init__(self, stream):
        self.io, self.token, self.options = self, self, ClientOptions()
        self._stream, self.shown_at, self.dropped = stream, (), []

    async def shown(self, timeout):
        return TOKEN

    async def stream(self, host, method, metadata):
        self.shown_at = metadata
        return self._stream

    def drop(self, token):
        self.dropped.append(token)


async def run(stream, leases=(1,)):
    """A line on that stream to its end, with what it told."""
    told, peer = [], Peer(stream)
    line = KeepAliveStream(peer, "http://a:1", list(leases))
    await line.run(lambda line, answer: told.append(answer), lambda line, error: told.append(error))
    return peer, told


async def test_it_opens_with_one_lease_and_tells_every_answer_and_the_end():
    answers = [SimpleNamespace(ID=1), SimpleNamespace(ID=2)]
    stream = Stream(*answers, None)
    _, told = await run(stream, (1, 2))
    assert (told, stream.sent, stream.closed) == ([*answers, None], [1], True)


async def test_it_shows_the_token_and_asks_for_a_leader():
    peer, _ = await run(Stream(None))
    assert peer.shown_at == (*TOKEN, ("hasleader", "true"))


@pytest.mark.parametrize(
    ("error", "dropped"), [(InvalidAuthTokenError(), [TOKEN]), (ConnectionFailedError(), [])], ids=["token", "other"]
)
async def test_a_token_that_is_refused_is_dropped(error, dropped):
    peer, told = await run(Stream(error))
    assert (peer.dropped, told) == (dropped, [error])


async def test_what_is_pushed_before_it_is_open_goes_when_it_is():
    stream = Stream()
    line = KeepAliveStream(Peer(stream), "http://a:1", [1, 2])
    line._stream = stream
    await line.push([3])
    assert stream.sent == []
    line.is_open = True
    await line.push([4])
    assert stream.sent == [2, 3, 4]


async def test_one_that_was_ended_before_it_was_opened_sends_nothing():
    stream = Stream()
    told = []
    line = KeepAliveStream(Peer(stream), "http://a:1", [1])
    await line.hang_up()
    await line.run(lambda *_: None, lambda line, error: told.append(error))
    assert (stream.sent, stream.closed, told) == ([], True, [None])
