"""Streams of single watches: each on a transport of its own, which ends with it and with the client."""

from __future__ import annotations

import pytest

from etcd_factory.core.watch.own_streams import OwnStreams
from etcd_factory.core.watch.stream import WatchStream
from etcd_factory.errors import ClientClosedError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, settle
from tests.support.transports import Wrapped
from tests.support.views import view_behind
from tests.support.watch_receivers import Receiver, begun


class Apart(Wrapped):
    """A transport that counts those of its kind; ``ended`` has those that were closed or left to a parent."""

    def __init__(self):
        super().__init__(ScriptedTransport({"Watch": lambda call: replies.watch()}))
        self.others, self.ended, self.left = [], [], []

    def apart(self):
        self.others.append(Apart())
        return self.others[-1]

    async def close(self):
        self.ended.append("closed")
        await super().close()

    def forget(self):
        self.left.append("forgotten")
        return super().forget()


@pytest.fixture
async def streams(connect):
    """The own streams of a client, and its transport."""
    client, transport = connect(Apart())
    return view_behind(client).client.background.get(OwnStreams), transport, client


async def opened(streams, receiver):
    """Open a stream for a receiver; returns it and the id."""
    stream = streams.open()
    return stream, *await begun(stream, receiver)


async def test_each_has_a_transport_of_its_own_which_ends_with_its_watch(streams):
    own, transport, _ = streams
    one, first = await opened(own, receiver := Receiver())
    await opened(own, other := Receiver())
    assert (len(transport.others), transport.inner.calls) == (2, [])
    await one.remove(first)
    assert [bool(each.ended) for each in transport.others] == [True, False]
    assert ("error" in receiver.kinds, "error" in other.kinds) == (False, False)


async def test_closing_the_client_ends_them_all_and_says_so(streams):
    own, transport, client = streams
    receivers = Receiver(), Receiver()
    for receiver in receivers:
        await opened(own, receiver)
    held = list(own._open)
    await closed(client)
    assert [receiver.kinds[-1] for receiver in receivers] == ["closed"] * 2
    assert all(each.ended for each in transport.others)
    for stream in held:
        with pytest.raises(ClientClosedError):
            stream.add(Receiver(), {"key": b"k", "range_end": b""}, 0)


async def test_in_a_forked_child_their_connections_are_left_to_the_parent(streams):
    own, transport, client = streams
    stream, _ = await opened(own, Receiver())
    view_behind(client).client.forget()
    (apart,) = transport.others
    assert (apart.left, apart.ended) == (["forgotten"], [])
    assert view_behind(client).client.background.get(OwnStreams) is not own
    await stream.close()


async def test_a_watch_that_is_to_have_its_own_opens_none_on_the_clients(streams):
    _, transport, client = streams
    watcher = await settle(client.watch().own_stream().create())
    assert (len(transport.others), transport.inner.calls) == (1, [])
    assert isinstance(watcher._stream, WatchStream)
    await settle(watcher.cancel())
    assert transport.others[0].ended


class Plain:
    """A transport of a user, which cannot have another one."""

    def __init__(self, inner):
        self.unary, self.stream, self.close, self.forget = inner.unary, inner.stream, inner.close, inner.forget


async def test_a_transport_that_cannot_have_another_one_is_an_error_that_says_so(connect):
    client, _ = connect(Plain(ScriptedTransport({"Watch": replies.watch()})))
    with pytest.raises(
        TypeError, match=r"own_stream\(\) needs a transport with the method apart\(\), which Plain has not"
    ):
        await settle(client.watch().own_stream().create())


async def test_a_large_mirror_of_such_a_transport_shares_the_stream(connect, monkeypatch):
    monkeypatch.setattr("etcd_factory.core.mirror.mirror.LARGE", 1)
    script = {"Range": replies.get({"k": "v"}), "Watch": replies.watch()}
    client, _ = connect(Plain(ScriptedTransport(script)))
    mirror = await settle(client.mirror())
    assert mirror.get("k").string() == "v"
