"""What all watches share: their confirmation, their end, and reading the range again where history is gone."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from etcd_factory.core.face import Async, Sync
from etcd_factory.core.watch.subscription import Subscription
from etcd_factory.errors import (
    ClientClosedError,
    CompactedError,
    ConnectionFailedError,
    DeadlineExceededError,
    FutureRevisionError,
    PermissionDeniedError,
)
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from tests.support.faces import closed
from tests.support.transports import Held
from tests.support.views import view_behind

BOUND = 10  # seconds that nothing here takes
FIELDS = {"key": b"p", "range_end": b"q"}
COMPACTED = replies.canceled(compact_revision=9)


class Noted(Subscription):
    """A subscription that records what its hooks are called with; ``until`` waits for one of them."""

    def __init__(self, view, fields=FIELDS, *, resync=False, keep=True):
        super().__init__(view, fields, resync=resync)
        self.notes, self.keep, self._change = [], keep, threading.Condition()

    def _note(self, kind, *facts):
        with self._change:
            self.notes.append((kind, *facts))
            self._change.notify_all()

    async def until(self, kind, count=1):
        """Wait until a hook was called so often, and return what it was called with last."""

        def called():
            return [note for note in self.notes if note[0] == kind]

        def wait():
            with self._change:
                assert self._change.wait_for(lambda: len(called()) >= count, BOUND), self.notes
            return called()[-1][1:]

        return await asyncio.to_thread(wait)

    def on_events(self, events):
        self._note("events", *[event.kv.mod_revision for event in events])
        return self.keep

    def on_progress(self, revision, *, requested=False):
        self._note("progress", revision)

    def on_state(self, state, error=None):
        self._note(state, error)

    def on_resync(self, reply):
        self._note("resync", reply.header.revision, [kv.key for kv in reply.kvs])

    def on_end(self, error):
        self._note("end", error)


@pytest.fixture
def view(connect):
    """A function that returns the view of a client on a script, and the transport."""

    def make(script, **options):
        client, transport = connect(script, **options)
        return view_behind(client), transport

    return make


def created(transport):
    """The create requests of all watches."""
    sent = [message for call in transport.calls for message in call.sent]
    return [message.create_request for message in sent if message.HasField("create_request")]


def canceled(transport):
    """The ids of the watches that were cancelled."""
    sent = [message for call in transport.calls for message in call.sent]
    return [message.cancel_request.watch_id for message in sent if message.HasField("cancel_request")]


# --- beginning


async def test_it_is_open_once_the_server_has_confirmed_it(view):
    on, transport = view({"Watch": replies.watch()})
    subscription = Noted(on)
    await subscription.open(0)
    assert [kind for kind, *_ in subscription.notes] == ["connecting", "connected"]
    assert len(created(transport)) == 1


async def test_it_is_connected_for_whoever_waits_for_the_confirmation(view):
    class Watched(Noted):
        def on_state(self, state, error=None):
            super().on_state(state, self._confirmed)

    subscription = Watched(view({"Watch": replies.watch()})[0])
    await subscription.open(0)
    assert subscription.notes == [("connecting", False), ("connected", False)]


async def test_its_range_is_in_the_namespace(view):
    on, transport = view({"Watch": replies.watch()}, namespace="ns/")
    await Noted(on).open(7)
    (request,) = created(transport)
    assert (request.key, request.range_end, request.start_revision) == (b"ns/p", b"ns/q", 7)


async def test_a_refusal_is_raised_and_the_watch_is_gone(view):
    refused = replies.canceled("etcdserver: permission denied")
    refused.created = True
    on, transport = view({"Watch": StreamScript(reply=lambda request: refused)})
    subscription = Noted(on)
    with pytest.raises(PermissionDeniedError):
        await subscription.open(0)
    assert subscription._over
    assert len(created(transport)) == 1


async def test_without_a_confirmation_in_time_the_error_of_the_connection_is_raised(view):
    silent = [replies.refused("nobody there"), StreamScript()]
    on, _ = view({"Watch": silent}, timeout=0.5)
    with pytest.raises(ConnectionFailedError, match="nobody there"):
        await Noted(on).open(0)


async def test_without_a_confirmation_in_time_and_without_an_error_the_deadline_is_the_error(view):
    on, _ = view({"Watch": StreamScript()}, timeout=0.01)
    subscription = Noted(on)
    with pytest.raises(DeadlineExceededError):
        await subscription.open(0)
    assert subscription._over


# --- delivery


async def test_an_error_of_a_watch_that_cannot_begin_says_which_and_where(view):
    on, _ = view({"Watch": replies.NO_REPLY}, hosts=["a:1"], timeout=0.05)
    with pytest.raises(DeadlineExceededError) as caught:
        await Noted(on).open(0)
    expected = f"watch {FIELDS['key']!r} at a:1: the server did not confirm the watch within 0.05 s"
    assert str(caught.value).partition(";")[0] == expected


async def test_each_watch_gets_an_error_of_its_own(view):
    on, _ = view({"Watch": replies.lost()}, timeout=0.05)
    errors = []
    for key in (b"a", b"b"):
        with pytest.raises(ConnectionFailedError) as caught:
            await Noted(on, {"key": key, "range_end": b""}).open(0)
        errors.append(caught.value)
    assert [error.operation for error in errors] == ["watch b'a'", "watch b'b'"]


async def test_events_and_progress_reach_the_hooks(view):
    on, _ = view({"Watch": replies.watch(replies.put_event("p", "v"), replies.progress(8))})
    subscription = Noted(on)
    await subscription.open(0)
    assert await subscription.until("progress") == (8,)
    assert ("events", 2) in subscription.notes


async def test_a_hook_may_end_the_watch(view):
    on, transport = view({"Watch": replies.watch(replies.put_event("p", "v", watch=2))})
    await Noted(on).open(0)
    subscription = Noted(on, keep=False)
    await subscription.open(0)
    await subscription.until("events")
    await Noted(on).open(0)  # confirmed after the other one was ended
    assert canceled(transport) == [2]


async def test_a_broken_stream_is_reported_with_its_error_and_reconnected(view):
    watch = replies.watch(replies.lost("broke"), replies.put_event("p", "v"))
    on, transport = view({"Watch": watch})
    subscription = Noted(on)
    await subscription.open(0)
    await subscription.until("events")
    states = [kind for kind, *_ in subscription.notes]
    assert states == ["connecting", "connected", "disconnected", "connecting", "connected", "events"]
    assert len(created(transport)) == 2


async def test_closing_the_client_ends_it(view, connect):
    client, _ = connect({"Watch": replies.watch()})
    subscription = Noted(view_behind(client))
    await subscription.open(0)
    await closed(client)
    (error,) = await subscription.until("end")
    assert isinstance(error, ClientClosedError)


async def test_ending_twice_is_ending_once(view):
    on, _ = view({"Watch": replies.watch()})
    subscription = Noted(on)
    await subscription.open(0)
    await subscription.end()
    await subscription.end()
    assert "end" not in [kind for kind, *_ in subscription.notes]


async def test_a_watch_ended_before_it_was_requested_is_confirmed_and_removed(view):
    """Another thread may end it while the range is read; whoever waits for the confirmation must not wait for ever."""
    on, _ = view({"Watch": replies.watch()})
    subscription = Noted(on)
    await subscription.end()
    await asyncio.wait_for(subscription.open(0), BOUND)


# --- reading the range


async def test_the_range_is_read_again_if_its_revision_is_compacted_between_pages(view):
    on, transport = view({"Range": [CompactedError(), replies.get({"p": "v"}, revision=7)]})
    reply = await Noted(on).read(keys_only=True)
    assert (reply.header.revision, len(transport.calls)) == (7, 2)
    assert all(call.request.keys_only for call in transport.calls)


async def test_with_resync_it_reads_the_range_where_events_are_compacted_and_resumes_after_it(view):
    range_ = replies.get({"ns/p": "v"}, revision=20)
    script = {"Watch": replies.watch(COMPACTED, replies.put_event("ns/p2", "v", watch=2)), "Range": range_}
    on, transport = view(script, namespace="ns/")
    subscription = Noted(on, resync=True)
    await subscription.open(3)
    await subscription.until("events")
    assert [note for note in subscription.notes if note[0] in ("resync", "events")] == [
        ("resync", 20, [b"ns/p"]),
        ("events", 21),
    ]
    assert [request.start_revision for request in created(transport)] == [3, 21]


async def test_without_resync_the_compaction_ends_it(view):
    on, _ = view({"Watch": replies.watch(COMPACTED)})
    subscription = Noted(on)
    await subscription.open(3)
    (error,) = await subscription.until("end")
    assert (type(error), error.compact_revision) == (CompactedError, 9)


async def test_with_resync_the_server_filters_no_events(view):
    """Only who has seen both kinds knows which keys were deleted."""
    on, transport = view({"Watch": replies.watch()})
    await Noted(on, {**FIELDS, "filters": ["NOPUT"]}, resync=True).open(0)
    assert list(created(transport)[0].filters) == []


@pytest.mark.parametrize(
    ("error", "survives"), [(CompactedError(), True), (FutureRevisionError(), True), (PermissionDeniedError(), False)]
)
@pytest.mark.parametrize("resync", [True, False])
async def test_which_errors_a_subscription_survives(view, error, survives, resync):
    on, _ = view([])
    assert Noted(on, resync=resync).survives(error) is (survives and resync)


async def test_reading_the_range_is_retried_until_it_succeeds(view, caplog):
    caplog.set_level(logging.DEBUG, "etcd_factory.watch")
    steps = [replies.server_error("etcdserver: too many requests")] * 2 + [replies.get(revision=20)]
    on, transport = view({"Watch": replies.watch(COMPACTED), "Range": steps})
    subscription = Noted(on, resync=True)
    await subscription.open(0)
    assert await subscription.until("resync") == (20, [])
    assert caplog.text.count("could not read a range for resync, retrying") == 2
    assert [call.method for call in transport.calls].count("Range") == 3


async def test_a_watch_that_ends_during_a_resync_does_not_resume(connect):
    held = Held(ScriptedTransport({"Watch": replies.watch(COMPACTED), "Range": replies.get(revision=20)}), "Range")
    client, _ = connect(held)
    subscription = Noted(view_behind(client), resync=True)
    held.hold()
    await subscription.open(0)
    await held.arrived()
    await subscription.end()
    held.release()
    await closed(client)
    assert "resync" not in [kind for kind, *_ in subscription.notes]
    assert len(created(held.inner)) == 1


async def test_a_client_closed_during_a_resync_ends_it(view):
    on, _ = view({"Watch": replies.watch(COMPACTED), "Range": ClientClosedError})
    subscription = Noted(on, resync=True)
    await subscription.open(0)
    (error,) = await subscription.until("end")
    assert isinstance(error, ClientClosedError)


async def test_it_has_the_face_of_its_view(view, face):
    on, _ = view([])
    assert Noted(on).face is {"blocking": Sync, "asyncio": Async}[face.name]
