"""An interrupt at any place of what a connection takes: each call is told of its end, at the latest as that is lost."""

from __future__ import annotations

import pytest

from etcd_factory.io.http2.calls import Call
from etcd_factory.io.http2.connection import Connection
from tests.support.http2 import REQUEST, data, goaway, headers, message, reset, settings, trailers, window
from tests.support.places import places

MOST = 500  # places of what is done here
TWO_STREAMS = settings([(3, 2)])  # at once: other calls wait until they may begin

TAKEN = {
    "a response": [headers(), data(1, message()), trailers()],
    "a status without a response": [trailers()],
    "data that end without a status": [headers(), data(1, message(), end=True)],
    "a reset": [reset()],
    "a window that is opened by 0": [window(1, 0)],
    "a GOAWAY": [goaway(last=1)],
    "a broken rule": [data(99)],
    "fewer streams": [settings([(3, 1)]), trailers(), settings([(3, 9)])],
}


def begun():
    """Return a connection, and its calls: two are open, two wait."""
    connection, calls = Connection(), [Call("http://h:1") for _ in range(4)]
    connection.receive(TWO_STREAMS)
    for call in calls:
        connection.request(call, REQUEST, b"data", True)
    connection.take()
    return connection, calls


@pytest.mark.parametrize("taken", TAKEN.values(), ids=TAKEN)
def test_no_call_is_forgotten_before_it_was_told_of_its_end(taken):
    for place in places(MOST):
        connection, calls = begun()
        with place:
            connection.receive(b"".join(taken))
        connection.lost("interrupted")
        assert [call.is_done for call in calls] == [True] * 4, place.where


@pytest.mark.parametrize("end", [Connection.lost, Connection.close])
def test_an_end_of_the_connection_that_was_interrupted_can_be_repeated(end):
    for place in places(MOST):
        connection, calls = begun()
        with place:
            end(connection, "closed")
        connection.lost("interrupted")
        assert [call.is_done for call in calls] == [True] * 4, place.where
