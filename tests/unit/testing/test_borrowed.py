"""A transport that passes everything on to another one, except its own end."""

from __future__ import annotations

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import ClientClosedError
from etcd_factory.testing import ScriptedTransport, replies
from etcd_factory.testing.borrowed import Borrowed
from etcd_factory.wire import messages, methods

HOST = "http://127.0.0.1:2379"


@pytest.fixture
def lent():
    """The transport that is borrowed."""
    return ScriptedTransport({"Range": replies.get({"k": "v"}), "Watch": replies.watch(replies.put_event("k", "v"))})


def read(transport):
    """Read one key."""
    call = transport.unary(HOST, methods.RANGE, messages.RangeRequest(key=b"k"), 5.0, ())
    return finish(call).kvs[0].value


def test_calls_and_streams_are_those_of_the_other(lent):
    borrowed = Borrowed(lent)
    stream = finish(borrowed.stream(HOST, methods.WATCH, ()))
    stream.send(messages.WatchRequest(create_request={"key": b"k"}))
    assert finish(stream.receive()).created
    assert read(borrowed) == b"v"
    assert [call.method for call in lent.calls] == ["Watch", "Range"]


def test_closing_it_leaves_the_other_open_for_whoever_uses_it(lent):
    one, other = Borrowed(lent), Borrowed(lent).apart()
    finish(one.close())
    assert [read(transport) for transport in (one, other, lent)] == [b"v"] * 3
    finish(lent.close())
    with pytest.raises(ClientClosedError):
        read(other)


def test_what_is_to_be_done_in_a_forked_child_the_other_does(lent):
    guard = lent._guard
    assert Borrowed(lent).forget() is None
    assert lent._guard is guard
