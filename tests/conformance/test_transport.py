"""Services on a transport of the user's, here one that plays a script: no server, no connections."""

from __future__ import annotations

import pytest

from etcd_factory import errors
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, failure, settle
from tests.support.watching import keys, take

FIRST, SECOND = "http://10.0.0.1:2379", "http://10.0.0.2:2379"
OPTIONS = {"hosts": [FIRST, SECOND], "namespace": "n/", "retry": {"initial": 0.001, "maximum": 0.001}}


@pytest.fixture
async def play(face):
    """Creates a service on a script; the script must be used up at the end."""
    opened = []

    def create(script, **changes):
        transport = ScriptedTransport(script)
        opened.append((face.create({**OPTIONS, **changes}, transport), transport))
        return opened[-1]

    yield create
    for client, transport in opened:
        await closed(client)
        transport.done()


async def test_calls_go_to_the_transport_and_replies_come_from_it(play):
    client, transport = play([replies.get({"n/color": "red"}), replies.put(revision=7)])
    assert await settle(client.get("color").string()) == "red"
    assert (await settle(client.put("color").value("blue"))).revision == 7
    read, write = transport.calls
    assert (read.method, read.host, read.request.key, read.timeout) == ("Range", FIRST, b"n/color", 2.5)
    assert (write.method, write.request.value, write.timeout) == ("Put", b"blue", 5)


async def test_a_call_that_was_not_sent_is_retried_on_the_next_host(play):
    client, transport = play([replies.refused(), replies.put()])
    assert client.endpoint == "10.0.0.1:2379"
    await settle(client.put("k").value("v"))
    assert [call.host for call in transport.calls] == [FIRST, SECOND]
    assert client.endpoint == "10.0.0.2:2379"


async def test_a_write_whose_response_is_lost_is_not_retried(play):
    client, _ = play([replies.lost()])
    error = await failure(lambda: client.put("k").value("v"), errors.ConnectionFailedError)
    assert (error.maybe_applied, error.attempts, error.operation) == (True, 1, "put b'k'")


async def test_a_missing_reply_is_a_deadline_error_at_once(play):
    client, _ = play([replies.NO_REPLY])
    error = await failure(lambda: client.put("k").value("v"), errors.DeadlineExceededError)
    assert error.maybe_applied


async def test_a_watch_reads_events_of_the_script(play):
    client, _ = play([replies.watch(replies.put_event("n/a", "1"), replies.put_event("n/b", "2"))])
    watcher = await settle(client.watch().create())
    assert keys(await take(watcher, 2)) == ["a", "b"]
    await settle(watcher.cancel())


async def test_a_transport_serves_all_views_and_is_closed_once_with_any_of_them(play):
    client, transport = play([replies.put(), replies.put()])
    inner = client.namespace("in/").with_options(timeout=1)
    for view in (client, inner):
        await settle(view.put("k").value("v"))
    assert [(call.request.key, call.timeout) for call in transport.calls] == [(b"n/k", 5), (b"n/in/k", 1)]
    await closed(inner)
    error = await failure(lambda: client.get("k").string(), errors.ClientClosedError)
    assert "create a new one" in str(error)


async def test_the_endpoint_is_the_host_of_the_first_call_before_any(play):
    client, _ = play([], hosts=["https://10.0.0.3:2379"])
    assert (client.endpoint, client.namespace("a/").endpoint) == ("10.0.0.3:2379", "10.0.0.3:2379")
