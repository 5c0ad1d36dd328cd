"""Watches without I/O: what is requested, and what responses mean, however often the stream breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import errors
from etcd_factory.core.watch.state import BROADCAST, WatchMux
from tests.support.watch_states import FIELDS, FIRST, event, events_of, kinds, reply, running


class Server:
    """A model of etcd: responses wait in a stream until they are delivered or the stream breaks."""

    def __init__(self, own_ids):
        self._own_ids, self._history = own_ids, {}
        self._stream, self._ids, self._last = [], {}, 0

    @property
    def revision(self):
        return FIRST + len(self._history)

    def create(self, request):
        self._last += 1
        id = self._last + 100 if self._own_ids else request["watch_id"]  # noqa: A001
        start = request["start_revision"] or self.revision + 1
        self._ids[id] = start
        self._stream.append(reply(id, self.revision, created=True))
        for revision in range(start, self.revision + 1):
            self._send(id, revision)

    def write(self, count):
        revision = self.revision + 1
        self._history[revision] = [event(revision, number) for number in range(count)]
        for id in self._ids:  # noqa: A001
            self._send(id, revision)

    def _send(self, id, revision):  # noqa: A002
        *parts, last = self._history[revision]
        self._stream += [reply(id, self.revision, fragment=True, events=[part]) for part in parts]
        self._stream.append(reply(id, self.revision, events=[last]))

    def progress(self):
        if not self._stream:  # it is sent only after all events
            self._stream += [reply(one, self.revision) for one in self._ids]

    def deliver(self, mux):
        return mux.received(self._stream.pop(0)) if self._stream else []

    def reconnect(self, mux):
        self._stream, self._ids = [], {}
        for request in mux.reconnected():
            self.create(request)

    def drain(self, mux):
        outputs = []
        while self._stream:
            outputs += self.deliver(mux)
        return outputs

    def after(self, start):
        """All events from a revision on, those of one revision together."""
        history = sorted(self._history.items())
        return [[(revision, one.kv.key) for one in events] for revision, events in history if revision >= start]


STEPS = st.one_of(st.integers(1, 4), st.sampled_from(["deliver", "deliver", "deliver", "break", "progress"]))


@given(st.lists(STEPS, max_size=40), st.lists(st.sampled_from([0, FIRST + 1, FIRST + 3]), min_size=1), st.booleans())
def test_each_event_is_delivered_once_and_in_order_wherever_the_stream_breaks(steps, starts, own_ids):
    server, mux, outputs = Server(own_ids), WatchMux(), []
    ids = {mux.add(FIELDS, start).id: start for start in starts}
    server.reconnect(mux)
    for step in steps:
        if isinstance(step, int):
            server.write(step)
        elif step == "deliver":
            outputs += server.deliver(mux)
        else:
            server.reconnect(mux) if step == "break" else server.progress()
    outputs += server.drain(mux)
    for id, start in ids.items():  # noqa: A001
        mine = [output for output in outputs if output.id == id]
        begun = start or mine[0].revision + 1
        assert mine[0].kind == "created"
        assert events_of(mine) == server.after(begun)


@pytest.fixture
def mux():
    return WatchMux()


def test_a_create_request_has_the_fields_of_the_watch_and_an_id_that_is_never_zero(mux):
    entry = mux.add(FIELDS, 7)
    request = mux.create(entry)
    assert request == {"key": b"k", "watch_id": entry.id, "start_revision": 7}
    assert entry.id > 0


def test_fragments_are_requested_on_each_stream_of_a_watch_that_wants_them(mux):
    cut, whole = mux.add({**FIELDS, "fragment": True}, 0), mux.add(FIELDS, 0)
    assert mux.create(cut)["fragment"]
    assert "fragment" not in mux.create(whole)
    assert [request.get("fragment", False) for request in mux.reconnected()] == [True, False]


def test_a_watch_from_now_on_resumes_after_the_revision_it_was_created_at(mux):
    running(mux)
    (request,) = mux.reconnected()
    assert request["start_revision"] == FIRST + 1


def test_a_watch_that_was_never_confirmed_begins_again_from_now_on(mux):
    mux.create(mux.add(FIELDS, 0))
    (request,) = mux.reconnected()
    assert request["start_revision"] == 0


def test_a_watch_of_the_past_whose_stream_broke_before_its_events_requests_all_of_them_again(mux):
    running(mux, start=3)
    (request,) = mux.reconnected()
    assert request["start_revision"] == 3


def test_a_watch_resumes_after_its_last_event_and_not_after_the_header(mux):
    (entry,) = running(mux, start=3)
    mux.received(reply(entry.id, 50, events=[event(4), event(5)]))
    assert mux.reconnected()[0]["start_revision"] == 6


def test_a_watch_resumes_after_progress(mux):
    (entry,) = running(mux)
    assert kinds(mux.received(reply(entry.id, 40))) == [(entry.id, "progress")]
    assert mux.reconnected()[0]["start_revision"] == 41


def test_a_mark_for_all_is_for_those_who_asked_for_it_and_each_gets_one(mux):
    first, _ = running(mux, 2)
    assert mux.ask(first.id)
    (output,) = mux.received(reply(BROADCAST, 40))
    assert (output.id, output.kind, output.revision, output.requested) == (first.id, "progress", 40, True)
    assert (mux.asks, mux.received(reply(BROADCAST, 41))) == (False, [])


def test_a_mark_for_all_moves_no_watch_on(mux):
    """Before 3.4.25 and 3.5.8 it may come before events that it speaks of."""
    (entry,) = running(mux)
    mux.ask(entry.id)
    mux.received(reply(BROADCAST, 40))
    assert mux.reconnected()[0]["start_revision"] == FIRST + 1


def test_an_older_mark_for_all_is_no_answer(mux):
    (entry,) = running(mux, start=100)
    mux.ask(entry.id)
    assert (mux.received(reply(BROADCAST, 40)), mux.asks) == ([], True)


def test_a_mark_of_its_own_answers_a_watch_that_asked(mux):
    (entry,) = running(mux)
    mux.ask(entry.id)
    (output,) = mux.received(reply(entry.id, 40))
    assert (output.requested, mux.asks) == (True, False)


def test_a_watch_that_is_not_confirmed_yet_may_ask_and_one_that_has_ended_may_not(mux):
    entry = mux.add(FIELDS, 0)
    assert (mux.ask(entry.id), mux.asks) == (True, True)
    mux.remove(entry.id)
    assert (mux.ask(entry.id), mux.asks) == (False, False)


def test_progress_between_fragments_does_not_skip_them(mux):
    (entry,) = running(mux)
    mux.received(reply(entry.id, 20, fragment=True, events=[event(11)]))
    mux.ask(entry.id)
    assert mux.received(reply(entry.id, 20)) == mux.received(reply(BROADCAST, 20)) == []
    assert mux.reconnected()[0]["start_revision"] == 11


def test_older_progress_does_not_move_a_watch_back(mux):
    (entry,) = running(mux, start=100)
    mux.received(reply(entry.id, 40))
    assert mux.reconnected()[0]["start_revision"] == 100


def test_fragments_are_delivered_together(mux):
    (entry,) = running(mux)
    assert mux.received(reply(entry.id, fragment=True, events=[event(11, 1)])) == []
    assert mux.received(reply(entry.id, fragment=True, events=[event(11, 2)])) == []
    (output,) = mux.received(reply(entry.id, events=[event(11, 3)]))
    assert [one.kv.key for one in output.events] == [b"k1", b"k2", b"k3"]


def test_half_of_a_fragmented_response_is_dropped_when_the_stream_breaks(mux):
    (entry,) = running(mux)
    mux.received(reply(entry.id, fragment=True, events=[event(11, 1)]))
    mux.reconnected()
    mux.received(reply(entry.id, created=True))
    (output,) = mux.received(reply(entry.id, events=[event(11, 1), event(11, 2)]))
    assert [one.kv.key for one in output.events] == [b"k1", b"k2"]


def test_events_that_were_seen_are_not_delivered_again(mux):
    (entry,) = running(mux)
    mux.received(reply(entry.id, events=[event(11)]))
    assert mux.received(reply(entry.id, events=[event(11)])) == []
    assert events_of(mux.received(reply(entry.id, events=[event(11), event(12)]))) == [[(12, b"k0")]]


@pytest.mark.parametrize("id", [0, BROADCAST, "own"])
def test_a_refusal_is_for_the_watch_requested_first_and_the_others_continue(mux, id):  # noqa: A002
    (first,) = running(mux)
    refused, later = mux.add(FIELDS, 0), mux.add(FIELDS, 0)
    mux.create(refused)
    mux.create(later)
    refusal = reply(refused.id if id == "own" else id, created=True, canceled=True, cancel_reason="permission denied")
    (output,) = mux.received(refusal)
    assert (output.id, output.kind, type(output.error)) == (refused.id, "error", errors.PermissionDeniedError)
    assert kinds(mux.received(reply(later.id, created=True))) == [(later.id, "created")]
    assert kinds(mux.received(reply(first.id, events=[event(11)]))) == [(first.id, "events")]
    assert kinds(mux.received(reply(later.id, events=[event(11)]))) == [(later.id, "events")]


def test_a_refused_watch_is_not_requested_again(mux):
    mux.create(mux.add(FIELDS, 0))
    mux.received(reply(0, created=True, canceled=True, cancel_reason="permission denied"))
    assert mux.reconnected() == []


def test_responses_to_a_watch_removed_before_its_confirmation_do_not_reach_the_next_one(mux):
    gone, kept = mux.add(FIELDS, 0), mux.add(FIELDS, 0)
    mux.create(gone)
    mux.create(kept)
    assert mux.remove(gone.id) is None
    assert kinds(mux.received(reply(gone.id, created=True))) == [(gone.id, "stray")]
    assert kinds(mux.received(reply(kept.id, created=True))) == [(kept.id, "created")]
    assert mux.received(reply(gone.id, events=[event(11)])) == []


def test_the_refusal_of_a_removed_watch_is_ignored(mux):
    gone, kept = mux.add(FIELDS, 0), mux.add(FIELDS, 0)
    mux.create(gone)
    mux.create(kept)
    mux.remove(gone.id)
    assert mux.received(reply(0, created=True, canceled=True, cancel_reason="permission denied")) == []
    assert kinds(mux.received(reply(kept.id, created=True))) == [(kept.id, "created")]


def test_removing_a_watch_returns_the_servers_id_and_its_responses_are_then_ignored(mux):
    entry = mux.add(FIELDS, 0)
    mux.create(entry)
    mux.received(reply(77, created=True))
    assert mux.remove(entry.id) == 77
    assert mux.received(reply(77, events=[event(11)])) == []
    assert mux.received(reply(77, canceled=True)) == []
    assert mux.remove(entry.id) is None


def test_a_watch_at_the_server_that_was_never_requested_is_a_stray(mux):
    assert kinds(mux.received(reply(999, created=True))) == [(999, "stray")]


@pytest.mark.parametrize("fields", [{"events": [event(11)]}, {"canceled": True}, {}], ids=str)
def test_responses_for_an_unknown_watch_are_ignored(mux, fields):
    (entry,) = running(mux)
    assert mux.received(reply(999, **fields)) == []
    assert kinds(mux.received(reply(entry.id, events=[event(11)]))) == [(entry.id, "events")]


def test_a_server_may_choose_its_own_ids_even_crosswise(mux):
    one, two = mux.add(FIELDS, 0), mux.add(FIELDS, 0)
    mux.create(one)
    mux.create(two)
    mux.received(reply(two.id, created=True))
    mux.received(reply(one.id, created=True))
    assert kinds(mux.received(reply(two.id, events=[event(11)]))) == [(one.id, "events")]
    assert kinds(mux.received(reply(one.id, events=[event(11)]))) == [(two.id, "events")]


def test_ids_of_a_broken_stream_mean_nothing_on_the_new_one(mux):
    entry = mux.add(FIELDS, 0)
    mux.create(entry)
    mux.received(reply(5, created=True))
    mux.reconnected()
    assert mux.received(reply(5, events=[event(11)])) == []
    mux.received(reply(6, created=True))
    assert kinds(mux.received(reply(6, events=[event(11)]))) == [(entry.id, "events")]


@pytest.mark.parametrize("created", [True, False])
def test_compaction_ends_a_watch_with_the_oldest_revision_left(mux, created):
    (entry,) = running(mux)
    mux.reconnected()
    if not created:
        mux.received(reply(entry.id, created=True))
    (output,) = mux.received(reply(entry.id, created=created, canceled=True, compact_revision=30))
    assert (output.id, type(output.error), output.error.compact_revision) == (entry.id, errors.CompactedError, 30)
    assert mux.reconnected() == []


def test_an_end_without_a_reason_means_a_future_revision(mux):
    (entry,) = running(mux)
    (output,) = mux.received(reply(entry.id, canceled=True))
    assert type(output.error) is errors.FutureRevisionError


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("rpc error: code = PermissionDenied desc = etcdserver: permission denied", errors.PermissionDeniedError),
        ("rpc error: code = Unauthenticated desc = etcdserver: invalid auth token", errors.InvalidAuthTokenError),
        ("etcdserver: no leader", errors.NoLeaderError),
        ("something new", errors.EtcdError),
    ],
)
def test_the_error_of_an_ended_watch_has_the_class_of_its_reason(mux, reason, kind):
    (entry,) = running(mux)
    (output,) = mux.received(reply(entry.id, canceled=True, cancel_reason=reason))
    assert isinstance(output.error, kind)
    assert reason in str(output.error)


def test_an_ended_watch_can_be_put_back_and_resumes_where_it_was(mux):
    (entry,) = running(mux)
    mux.received(reply(entry.id, events=[event(11)]))
    (output,) = mux.received(reply(entry.id, canceled=True, cancel_reason="etcdserver: invalid auth token"))
    mux.watches[output.id] = output.entry
    (request,) = mux.reconnected()
    assert (request["watch_id"], request["start_revision"]) == (entry.id, 12)
