"""The one stream of a client's watches: when it is opened, reconnected and closed."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from etcd_factory import Connected, Disconnected
from etcd_factory.core.call.observed import observe
from etcd_factory.core.watch import stream as module
from etcd_factory.core.watch.stream import HAS_LEADER, WatchStream, send
from etcd_factory.errors import (
    ClientClosedError,
    Code,
    ConnectionFailedError,
    InvalidAuthTokenError,
    PermissionDeniedError,
)
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages
from tests.support.faces import closed
from tests.support.transports import Held
from tests.support.views import view_behind
from tests.support.watch_receivers import FIELDS, Receiver, begun, sent

BOUND = 10  # seconds that nothing here takes


# --- opening


async def test_one_stream_carries_all_watches(stream_of):
    stream, transport, _ = stream_of({"Watch": replies.watch()})
    assert await begun(stream, Receiver()) == [1]
    assert await begun(stream, Receiver(), Receiver()) == [2, 3]
    assert [[request.watch_id for request in one] for one in sent(transport)] == [[1, 2, 3]]


async def test_a_stream_requires_a_leader_and_has_the_token(stream_of):
    script = {"Authenticate": replies.of("Authenticate", token="t"), "Watch": replies.watch()}
    stream, transport, _ = stream_of(script, auth={"username": "root", "password": "secret"})
    await begun(stream, Receiver())
    assert transport.calls[1].metadata == (("token", "t"), *HAS_LEADER)


async def test_outputs_reach_the_receiver_of_their_watch(stream_of):
    stream, _, _ = stream_of({"Watch": replies.watch(replies.put_event("k", "v", watch=2))})
    one, other = Receiver(), Receiver()
    await begun(stream, one, other)
    output = await other.until("events")
    assert [event.kv.value for event in output.events] == [b"v"]
    assert "events" not in one.kinds


async def test_a_watch_that_joins_an_open_stream_is_connecting_too(stream_of):
    stream, _, _ = stream_of({"Watch": replies.watch()})
    await begun(stream, Receiver())
    await begun(stream, receiver := Receiver())
    assert receiver.kinds == ["connecting", "created"]


# --- what is wrong with one watch does not matter to the others

INVALID = {
    "a revision of 64 bits": (FIELDS, 1 << 63),
    "a key that is no bytes": ({"key": 5}, 0),
    "an unknown field": ({"key": b"k", "color": "red"}, 0),
}


@pytest.mark.parametrize("name", INVALID)
async def test_a_watch_that_cannot_be_requested_never_enters_the_stream(stream_of, name):
    stream, transport, _ = stream_of({"Watch": replies.watch(replies.lost("broke"))})
    fields, start = INVALID[name]
    with pytest.raises((TypeError, ValueError)):
        stream.add(Receiver(), fields, start)
    await begun(stream, receiver := Receiver())
    await receiver.until("created", 2)  # also when all watches are requested again
    assert [[request.watch_id for request in one] for one in sent(transport)] == [[1], [1]]


class Raising(Receiver):
    """A receiver that cannot take events."""

    def deliver(self, output):
        super().deliver(output)
        if output.kind == "events":
            raise RecursionError("98 brackets")
        return True


async def test_a_receiver_that_raises_ends_its_own_watch(stream_of, caplog):
    script = replies.watch()
    stream, transport, _ = stream_of({"Watch": script})
    one, other = Raising(), Receiver()
    await begun(stream, one, other)
    script.push(replies.put_event("k", "v"), replies.put_event("k", "v", watch=2))
    await other.until("events")
    output = await one.until("error")
    assert isinstance(output.error, RecursionError)
    assert "a watch could not take what it received, and ends" in caplog.text
    assert [[request.watch_id for request in each] for each in sent(transport, "cancel_request")] == [[1]]
    script.push(replies.lost("broke"))
    await other.until("created", 2)
    assert [[request.watch_id for request in each] for each in sent(transport)] == [[1, 2], [2]]
    assert "disconnected" not in one.kinds


# --- the end of watches


async def test_removing_a_watch_cancels_it_at_the_server_and_the_last_one_ends_the_stream(stream_of):
    stream, transport, _ = stream_of({"Watch": [replies.watch(), replies.watch()]})
    one, other = await begun(stream, Receiver(), Receiver())
    await stream.remove(one)
    assert [[request.watch_id for request in each] for each in sent(transport, "cancel_request")] == [[1]]
    await stream.remove(other)
    await begun(stream, Receiver())  # a later watch has a new stream
    assert [request.watch_id for request in sent(transport)[-1]] == [3]
    assert len(sent(transport)) == 2


async def test_watches_that_begin_and_end_one_after_another_do_not_look_like_streams_that_break(connect):
    client, transport = connect({"Watch": [replies.watch() for _ in range(9)]}, hosts=["a:1", "b:1"])
    core, pauses = view_behind(client).client, []
    core.backoff = lambda failures: pauses.append(failures) or 0.0
    stream = core.background.get(WatchStream)
    for _ in range(5):
        (number,) = await begun(stream, receiver := Receiver())
        await stream.remove(number)
        assert "disconnected" not in receiver.kinds
    assert (pauses, {call.host for call in transport.calls}) == ([], {"http://a:1"})


class Canceling(ScriptedTransport):
    """A transport whose streams raise an error if they are closed, as those of gRPC do."""

    async def stream(self, *call):
        stream = await super().stream(*call)
        abort = stream.abort
        stream.abort = lambda error: abort(error or replies.server_error("canceled", Code.CANCELLED))
        return stream


async def test_nor_if_a_closed_stream_raises_an_error(connect):
    client, transport = connect(Canceling({"Watch": [replies.watch() for _ in range(9)]}), hosts=["a:1", "b:1"])
    core, pauses = view_behind(client).client, []
    core.backoff = lambda failures: pauses.append(failures) or 0.0
    stream = core.background.get(WatchStream)
    for _ in range(5):
        (number,) = await begun(stream, receiver := Receiver())
        await stream.remove(number)
        assert "disconnected" not in receiver.kinds
    assert (pauses, {call.host for call in transport.calls}) == ([], {"http://a:1"})


async def test_a_receiver_may_end_its_watch(stream_of):
    stream, transport, _ = stream_of({"Watch": replies.watch(replies.put_event("k", "v", watch=2))})
    await begun(stream, Receiver(), Receiver(keep=False))
    await begun(stream, Receiver())  # confirmed after the other one was ended
    assert [[request.watch_id for request in each] for each in sent(transport, "cancel_request")] == [[2]]


async def test_a_watch_that_was_removed_before_its_confirmation_is_cancelled_when_that_comes(stream_of):
    confirmed, requested = threading.Event(), threading.Event()

    def reply(request):
        if not request.HasField("create_request"):
            return None
        requested.set()
        id_ = request.create_request.watch_id
        return messages.WatchResponse(watch_id=id_, created=True) if confirmed.is_set() else None

    script = StreamScript(reply=reply)
    stream, transport, _ = stream_of({"Watch": script})
    stream.add(kept := Receiver(), FIELDS, 0)
    gone = stream.add(Receiver(), FIELDS, 0)
    assert await asyncio.to_thread(requested.wait, BOUND)
    await stream.remove(gone)
    script.push(*[messages.WatchResponse(watch_id=number, created=True) for number in (1, 2)])
    await kept.until("created")
    confirmed.set()
    await begun(stream, Receiver())
    assert [[request.watch_id for request in each] for each in sent(transport, "cancel_request")] == [[2]]


async def test_what_the_server_ends_is_reported_once_and_not_requested_again(stream_of):
    script = replies.watch()
    stream, transport, _ = stream_of({"Watch": script})
    one, other = Receiver(), Receiver()
    await begun(stream, one, other)
    script.push(replies.canceled(compact_revision=9), replies.lost("broke"), replies.progress(5, watch=2))
    await other.until("progress")
    assert one.kinds.count("error") == 1
    assert "disconnected" not in one.kinds
    assert [[request.watch_id for request in each] for each in sent(transport)] == [[1, 2], [2]]


async def test_closing_the_client_reports_it_to_every_watch(connect):
    client, _ = connect({"Watch": replies.watch()})
    stream = view_behind(client).client.background.get(WatchStream)
    receivers = [Receiver(), Receiver()]
    await begun(stream, *receivers)
    await closed(client)
    assert [receiver.kinds[-1] for receiver in receivers] == ["closed", "closed"]
    with pytest.raises(ClientClosedError):
        stream.add(Receiver(), FIELDS, 0)


# --- reconnecting


async def test_a_broken_stream_is_reconnected_and_each_watch_resumes_after_what_it_has_seen(stream_of, caplog):
    caplog.set_level(logging.INFO, "etcd_factory.watch")
    script = replies.watch(revision=5)
    stream, transport, _ = stream_of({"Watch": script})
    one, other = Receiver(), Receiver()
    await begun(stream, one, other, start=3)
    script.push(replies.put_event("k", "v", revision=7), replies.lost("broke"), replies.put_event("k", "v", watch=2))
    await other.until("events")
    assert [[request.start_revision for request in each] for each in sent(transport)] == [[3, 3], [8, 3]]
    again = ["disconnected", "connecting", "created"]
    assert one.kinds == ["connecting", "created", "events", *again]
    began, ended = caplog.messages
    assert began.startswith("watches are interrupted, retrying: ")
    assert ended.startswith("watches work again after ")


async def test_a_stream_that_the_server_ended_is_reconnected(stream_of):
    script = replies.watch(replies.END, replies.put_event("k", "v"))
    stream, _, _ = stream_of({"Watch": script})
    receiver = Receiver()
    await begun(stream, receiver)
    await receiver.until("events")
    error = await receiver.until("disconnected")
    assert isinstance(error, ConnectionFailedError)
    assert "the server ended the stream" in str(error)


async def test_the_next_stream_goes_to_another_host(stream_of):
    script = {"Watch": replies.watch(replies.lost("broke"), replies.progress(9))}
    stream, transport, core = stream_of(script, hosts=["a:1", "b:1"], retry={"initial": 1})
    core.backoff = lambda failures: 0.0
    receiver = Receiver()
    await begun(stream, receiver)
    await receiver.until("progress")
    assert [call.host for call in transport.calls] == ["http://a:1", "http://b:1"]


async def test_while_there_is_no_stream_the_reason_is_known(stream_of):
    failing = [replies.watch(replies.lost("broke")), replies.watch()]
    stream, _, _ = stream_of({"Watch": failing})
    receiver = Receiver()
    await begun(stream, receiver)
    await receiver.until("created", 2)
    assert stream.error is None
    assert str(await receiver.until("disconnected")).startswith("broke")


async def test_pauses_grow_while_no_stream_answers(connect):
    client, _ = connect({"Watch": [replies.refused("no"), replies.refused("no"), replies.watch()]})
    core = view_behind(client).client
    pauses, backoff = [], core.backoff
    core.backoff = lambda failures: pauses.append(failures) or backoff(failures)
    await begun(core.background.get(WatchStream), Receiver())
    assert pauses == [1, 2]


@pytest.mark.parametrize("ending", [replies.END, replies.lost("broke")], ids=["ended", "broken"])
async def test_pauses_grow_while_streams_end_at_once(connect, ending):
    """Also if each has answered: else it would be opened again for ever without a pause."""
    client, _ = connect({"Watch": replies.watch(*[ending] * 3)})
    core = view_behind(client).client
    pauses = []
    core.backoff = lambda failures: pauses.append(failures) or 0.0
    await begun(core.background.get(WatchStream), receiver := Receiver())
    await receiver.until("created", 4)
    assert pauses == [1, 2, 3]


async def test_pauses_begin_again_after_a_stream_that_has_lived(connect, monkeypatch):
    monkeypatch.setattr(module, "LIVED", 0.0)
    client, _ = connect({"Watch": replies.watch(*[replies.lost("broke")] * 3)})
    core = view_behind(client).client
    pauses = []
    core.backoff = lambda failures: pauses.append(failures) or 0.0
    await begun(core.background.get(WatchStream), receiver := Receiver())
    await receiver.until("created", 4)
    assert pauses == [1, 1, 1]


# --- the token


def authenticated(*watches):
    """A script whose tokens are t1, t2, ..."""
    tokens = [replies.of("Authenticate", token=f"t{number}") for number in range(1, 9)]
    return {"Authenticate": iter_of(tokens), "Watch": list(watches)}


def iter_of(steps):
    """A step that answers each call by the next one of these."""
    left = iter(steps)
    return lambda call: next(left)


PASSWORD = {"username": "root", "password": "secret"}


def tokens(transport):
    return [dict(call.metadata)["token"] for call in transport.calls if call.method == "Watch"]


async def test_a_stream_whose_token_is_refused_is_reconnected_at_once_with_a_new_one(stream_of):
    refused = StreamScript(InvalidAuthTokenError("etcdserver: invalid auth token"))
    stream, transport, core = stream_of(authenticated(refused, replies.watch()), auth=PASSWORD, hosts=["a:1", "b:1"])
    receiver = Receiver()
    await begun(stream, receiver)
    assert tokens(transport) == ["t1", "t2"]
    assert "disconnected" not in receiver.kinds
    assert {call.host for call in transport.calls} == {"http://a:1"}
    assert not core.endpoints.failing


def refusing(reason):
    """A stream on which every watch is refused."""
    refusal = replies.canceled(reason)
    refusal.created = True
    return StreamScript(reply=lambda request: refusal)


@pytest.mark.parametrize("reason", ["etcdserver: permission denied", "etcdserver: invalid auth token"])
async def test_a_watch_that_is_refused_for_its_token_is_requested_once_more_with_a_new_one(stream_of, reason):
    """etcd before 3.5.5 answers an unknown token with "permission denied"."""
    stream, transport, _ = stream_of(authenticated(refusing(reason), replies.watch()), auth=PASSWORD)
    receiver = Receiver()
    await begun(stream, receiver)
    assert tokens(transport) == ["t1", "t2"]
    assert "error" not in receiver.kinds


async def test_a_watch_that_is_refused_with_a_new_token_too_has_an_error(stream_of):
    denied = "etcdserver: permission denied"
    script = authenticated(refusing(denied), refusing(denied))
    stream, transport, _ = stream_of(script, auth=PASSWORD)
    receiver = Receiver()
    stream.add(receiver, FIELDS, 0)
    output = await receiver.until("error")
    assert isinstance(output.error, PermissionDeniedError)
    assert tokens(transport) == ["t1", "t2"]


async def test_without_credentials_a_refusal_is_final(stream_of):
    stream, transport, _ = stream_of({"Watch": [refusing("etcdserver: permission denied")]})
    receiver = Receiver()
    stream.add(receiver, FIELDS, 0)
    assert isinstance((await receiver.until("error")).error, PermissionDeniedError)
    assert len(transport.calls) == 1


def refused_streams(count):
    return [StreamScript(InvalidAuthTokenError("etcdserver: invalid auth token")) for _ in range(count)]


async def test_a_watch_that_has_not_begun_ends_if_a_new_token_is_refused_too(stream_of):
    stream, transport, _ = stream_of(authenticated(*refused_streams(2)), auth=PASSWORD)
    stream.add(receiver := Receiver(), FIELDS, 0)
    assert isinstance((await receiver.until("error")).error, InvalidAuthTokenError)
    assert tokens(transport) == ["t1", "t2"]


async def test_a_running_watch_pauses_if_a_new_token_is_refused_too(stream_of):
    running = replies.watch()
    stream, transport, core = stream_of(authenticated(running, *refused_streams(3), replies.watch()), auth=PASSWORD)
    pauses = []
    core.backoff = lambda failures: pauses.append(failures) or 0.001
    await begun(stream, receiver := Receiver())
    running.push(InvalidAuthTokenError("etcdserver: invalid auth token"))
    await receiver.until("created", 2)
    assert (tokens(transport), pauses) == (["t1", "t2", "t3", "t4", "t5"], [2, 3, 4])
    assert "error" not in receiver.kinds


async def test_a_client_that_is_closed_while_it_connects_ends_the_task(stream_of):
    stream, transport, _ = stream_of({"Watch": [ClientClosedError]})
    stream.add(Receiver(), FIELDS, 0)
    assert await stream._task.join(BOUND)
    assert len(transport.calls) == 1


async def test_a_stream_that_opens_after_the_last_watch_was_removed_requests_nothing(connect):
    held = Held(
        ScriptedTransport({"Watch": replies.watch(), "Authenticate": replies.of("Authenticate")}), "Authenticate"
    )
    client, _ = connect(held, auth=PASSWORD)
    stream = view_behind(client).client.background.get(WatchStream)
    held.hold()
    number = stream.add(Receiver(), FIELDS, 0)
    await held.arrived()
    task = stream._task
    await stream.remove(number)
    held.release()
    assert await task.join(BOUND)
    assert sent(held.inner) == [[]]


async def test_an_event_of_a_watch_that_was_just_removed_is_dropped(stream_of):
    script = replies.watch()
    stream, _, _ = stream_of({"Watch": script})
    one, other = Receiver(), Receiver()
    first, _ = await begun(stream, one, other)
    stream._receivers.pop(first)
    script.push(replies.put_event("k", "v"), replies.put_event("k", "v", watch=2))
    await other.until("events")
    assert "events" not in one.kinds


async def test_a_request_that_cannot_be_sent_is_left_to_the_reader_of_the_stream(caplog):
    class Broken:
        def send(self, message):
            raise ConnectionFailedError("broke")

    caplog.set_level(logging.DEBUG, "etcd_factory.watch")
    send(Broken(), cancel_request={"watch_id": 7})
    assert "a watch request could not be sent: broke" in caplog.text


# --- a rolled back store


async def test_a_store_that_was_rolled_back_ends_the_watch_with_an_error(stream_of):
    def behind(request):
        if request.HasField("create_request"):
            number = request.create_request.watch_id
            return messages.WatchResponse(watch_id=number, created=True, header={"revision": 3})
        return None

    watches = [replies.watch(replies.progress(10), replies.lost(), revision=10), StreamScript(reply=behind)]
    stream, transport, _ = stream_of({"Watch": watches, "Range": replies.get(revision=3)})
    receiver = Receiver()
    await begun(stream, receiver)
    output = await receiver.until("error")
    assert "the store was emptied or restored: it is at revision 3, but this watch has seen 10" in str(output.error)
    assert sent(transport)[1][0].start_revision == 11


async def test_the_workers_of_a_service_and_its_namespaces_are_the_same(connect):
    client, _ = connect({"Watch": replies.watch()})
    one, other = (view_behind(service).client.background for service in (client, client.namespace("ns/")))
    assert one.get(WatchStream) is other.get(WatchStream)


async def test_one_that_only_the_stream_holds_is_told_what_ended_it(stream_of):
    stream, _, _ = stream_of({"Watch": replies.watch()})
    receiver = Receiver()
    receiver.is_kept, notes = True, receiver.notes
    await begun(stream, receiver)
    del receiver
    stream._end_refused(PermissionDeniedError(), certain=True)
    assert [kind for kind, _ in notes][-1] == "error"


async def test_in_a_forked_child_a_connection_of_its_own_is_left_to_the_parent(stream_of):
    _, _, core = stream_of({})
    left, transport = [], ScriptedTransport({})
    transport.forget = lambda: left.append(transport) or "connections"
    own = WatchStream(core, transport)
    assert (own.forget(), left) == ((own, "connections"), [transport])
    assert core.background.get(WatchStream).forget()[1] is None


# --- hooks


async def test_hooks_learn_of_a_stream_that_breaks_and_works_again(stream_of, observer):
    stream, _, core = stream_of({"Watch": [replies.watch(replies.lost()), replies.watch(replies.progress(9))]})
    observe(core, observer.hook)
    await begun(stream, receiver := Receiver())
    await receiver.until("progress")
    first, again = observer.of(Connected)
    (broken,) = observer.of(Disconnected)
    assert [(one.stream, one.endpoint, one.again) for one in (first, again)] == [
        ("watch", "127.0.0.1:2379", False),
        ("watch", "127.0.0.1:2379", True),
    ]
    assert (broken.stream, broken.error) == ("watch", ConnectionFailedError)
