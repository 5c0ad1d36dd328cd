"""Watches without I/O: what is asked, and what answers mean, however often the stream breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import errors
from etcd_factory.core.watch.state import BROADCAST, WatchMux
from etcd_factory.wire import messages

FIELDS = {"key": b"k"}
FIRST = 10  # the revision of a server that nothing has been written to


def reply(id=0, revision=FIRST, **fields):  # noqa: A002
    """An answer of the server."""
    header = messages.ResponseHeader(revision=revision)
    return messages.WatchResponse(header=header, watch_id=id, **fields)


def event(revision, number=0):
    return messages.Event(kv=messages.KeyValue(key=f"k{number}".encode(), mod_revision=revision))


def told(outs):
    """What was said, and to whom."""
    return [(out.id, out.kind) for out in outs]


def seen(outs):
    """The events that came out, by their revisions and keys."""
    return [[(one.kv.mod_revision, one.kv.key) for one in out.events] for out in outs if out.kind == "events"]


class Server:
    """A model of etcd: answers wait in a stream, until they are delivered or the stream breaks."""

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
        if not self._stream:  # only who has seen all is told so
            self._stream += [reply(one, self.revision) for one in self._ids]

    def deliver(self, machine):
        return machine.received(self._stream.pop(0)) if self._stream else []

    def reconnect(self, machine):
        self._stream, self._ids = [], {}
        for request in machine.connected():
            self.create(request)

    def drain(self, machine):
        outs = []
        while self._stream:
            outs += self.deliver(machine)
        return outs

    def after(self, start):
        """All events from a revision on, those of one revision together."""
        all_of_them = sorted(self._history.items())
        return [[(rev, one.kv.key) for one in events] for rev, events in all_of_them if rev >= start]


STEPS = st.one_of(st.integers(1, 4), st.sampled_from(["deliver", "deliver", "deliver", "break", "progress"]))


@given(st.lists(STEPS, max_size=40), st.lists(st.sampled_from([0, FIRST + 1, FIRST + 3]), min_size=1), st.booleans())
def test_each_event_comes_once_and_in_order_wherever_the_stream_breaks(steps, starts, own_ids):
    server, machine, outs = Server(own_ids), WatchMux(), []
    ids = {machine.add(FIELDS, start).id: start for start in starts}
    server.reconnect(machine)
    for step in steps:
        if isinstance(step, int):
            server.write(step)
        elif step == "deliver":
            outs += server.deliver(machine)
        else:
            server.reconnect(machine) if step == "break" else server.progress()
    outs += server.drain(machine)
    for id, start in ids.items():  # noqa: A001
        mine = [out for out in outs if out.id == id]
        begun = start or mine[0].revision + 1
        assert mine[0].kind == "created"
        assert seen(mine) == server.after(begun)


@pytest.fixture
def machine():
    return WatchMux()


def running(machine, count=1, start=0):
    """So many watches that the server has confirmed."""
    states = [machine.add(FIELDS, start) for _ in range(count)]
    for state in states:
        machine.create(state)
    for state in states:
        machine.received(reply(state.id, created=True))
    return states


def test_a_watch_asks_for_what_it_was_given_and_has_an_id_that_is_never_zero(machine):
    state = machine.add(FIELDS, 7)
    asked = machine.create(state)
    assert asked == {"key": b"k", "watch_id": state.id, "start_revision": 7}
    assert state.id > 0


def test_a_watch_asks_for_fragments_on_each_stream_if_it_is_to(machine):
    cut, whole = machine.add({**FIELDS, "fragment": True}, 0), machine.add(FIELDS, 0)
    assert machine.create(cut)["fragment"]
    assert "fragment" not in machine.create(whole)
    assert [asked.get("fragment", False) for asked in machine.connected()] == [True, False]


def test_a_watch_from_now_on_is_asked_for_again_from_the_revision_it_was_created_at(machine):
    running(machine)
    (asked,) = machine.connected()
    assert asked["start_revision"] == FIRST + 1


def test_a_watch_that_was_never_confirmed_is_asked_for_again_from_now_on(machine):
    machine.create(machine.add(FIELDS, 0))
    (asked,) = machine.connected()
    assert asked["start_revision"] == 0


def test_a_watch_of_the_past_that_broke_before_its_events_asks_for_all_of_them_again(machine):
    running(machine, start=3)
    (asked,) = machine.connected()
    assert asked["start_revision"] == 3


def test_events_move_the_start_behind_their_last_revision_and_not_the_headers(machine):
    (state,) = running(machine, start=3)
    machine.received(reply(state.id, 50, events=[event(4), event(5)]))
    assert machine.connected()[0]["start_revision"] == 6


@pytest.mark.parametrize("broadcast", [False, True])
def test_progress_moves_the_start(machine, broadcast):
    (state,) = running(machine)
    outs = machine.received(reply(BROADCAST if broadcast else state.id, 40))
    assert told(outs) == [(state.id, "progress")]
    assert machine.connected()[0]["start_revision"] == 41


def test_progress_for_all_says_nothing_to_a_watch_that_is_not_confirmed(machine):
    (state,) = running(machine)
    machine.create(machine.add(FIELDS, 3))
    assert told(machine.received(reply(BROADCAST, 40))) == [(state.id, "progress")]
    assert [asked["start_revision"] for asked in machine.connected()] == [41, 3]


def test_progress_between_fragments_does_not_skip_them(machine):
    (state,) = running(machine)
    machine.received(reply(state.id, 20, fragment=True, events=[event(11)]))
    assert machine.received(reply(BROADCAST, 20)) == []
    assert machine.connected()[0]["start_revision"] == 11


def test_older_progress_does_not_move_the_start_back(machine):
    (state,) = running(machine, start=100)
    machine.received(reply(state.id, 40))
    assert machine.connected()[0]["start_revision"] == 100


def test_fragments_come_out_together(machine):
    (state,) = running(machine)
    assert machine.received(reply(state.id, fragment=True, events=[event(11, 1)])) == []
    assert machine.received(reply(state.id, fragment=True, events=[event(11, 2)])) == []
    (out,) = machine.received(reply(state.id, events=[event(11, 3)]))
    assert [one.kv.key for one in out.events] == [b"k1", b"k2", b"k3"]


def test_half_of_a_fragmented_answer_is_forgotten_when_the_stream_breaks(machine):
    (state,) = running(machine)
    machine.received(reply(state.id, fragment=True, events=[event(11, 1)]))
    machine.connected()
    machine.received(reply(state.id, created=True))
    (out,) = machine.received(reply(state.id, events=[event(11, 1), event(11, 2)]))
    assert [one.kv.key for one in out.events] == [b"k1", b"k2"]


def test_events_that_were_seen_are_not_told_again(machine):
    (state,) = running(machine)
    machine.received(reply(state.id, events=[event(11)]))
    assert machine.received(reply(state.id, events=[event(11)])) == []
    assert seen(machine.received(reply(state.id, events=[event(11), event(12)]))) == [[(12, b"k0")]]


@pytest.mark.parametrize("id", [0, BROADCAST, "own"])
def test_a_refused_watch_is_the_one_that_was_asked_for_first_and_others_are_unharmed(machine, id):  # noqa: A002
    (first,) = running(machine)
    refused, later = machine.add(FIELDS, 0), machine.add(FIELDS, 0)
    machine.create(refused)
    machine.create(later)
    answer = reply(refused.id if id == "own" else id, created=True, canceled=True, cancel_reason="permission denied")
    (out,) = machine.received(answer)
    assert (out.id, out.kind, type(out.error)) == (refused.id, "error", errors.PermissionDeniedError)
    assert told(machine.received(reply(later.id, created=True))) == [(later.id, "created")]
    assert told(machine.received(reply(first.id, events=[event(11)]))) == [(first.id, "events")]
    assert told(machine.received(reply(later.id, events=[event(11)]))) == [(later.id, "events")]


def test_a_refused_watch_is_not_asked_for_again(machine):
    machine.create(machine.add(FIELDS, 0))
    machine.received(reply(0, created=True, canceled=True, cancel_reason="permission denied"))
    assert machine.connected() == []


def test_answers_to_a_watch_that_was_removed_before_its_confirmation_do_not_cross_to_the_next(machine):
    gone, kept = machine.add(FIELDS, 0), machine.add(FIELDS, 0)
    machine.create(gone)
    machine.create(kept)
    assert machine.remove(gone.id) is None
    assert told(machine.received(reply(gone.id, created=True))) == [(gone.id, "stray")]
    assert told(machine.received(reply(kept.id, created=True))) == [(kept.id, "created")]
    assert machine.received(reply(gone.id, events=[event(11)])) == []


def test_the_refusal_of_a_removed_watch_is_nobodys(machine):
    gone, kept = machine.add(FIELDS, 0), machine.add(FIELDS, 0)
    machine.create(gone)
    machine.create(kept)
    machine.remove(gone.id)
    assert machine.received(reply(0, created=True, canceled=True, cancel_reason="permission denied")) == []
    assert told(machine.received(reply(kept.id, created=True))) == [(kept.id, "created")]


def test_a_removed_watch_gives_the_servers_id_and_its_answers_are_ignored(machine):
    state = machine.add(FIELDS, 0)
    machine.create(state)
    machine.received(reply(77, created=True))
    assert machine.remove(state.id) == 77
    assert machine.received(reply(77, events=[event(11)])) == []
    assert machine.received(reply(77, canceled=True)) == []
    assert machine.remove(state.id) is None


def test_a_watch_at_the_server_that_nobody_asked_for_is_told_to_be_a_stray(machine):
    assert told(machine.received(reply(999, created=True))) == [(999, "stray")]


@pytest.mark.parametrize("answer", [{"events": [event(11)]}, {"canceled": True}, {}], ids=str)
def test_answers_that_nobody_asked_for_are_ignored(machine, answer):
    (state,) = running(machine)
    assert machine.received(reply(999, **answer)) == []
    assert told(machine.received(reply(state.id, events=[event(11)]))) == [(state.id, "events")]


def test_a_server_may_choose_its_own_ids_even_crosswise(machine):
    one, two = machine.add(FIELDS, 0), machine.add(FIELDS, 0)
    machine.create(one)
    machine.create(two)
    machine.received(reply(two.id, created=True))
    machine.received(reply(one.id, created=True))
    assert told(machine.received(reply(two.id, events=[event(11)]))) == [(one.id, "events")]
    assert told(machine.received(reply(one.id, events=[event(11)]))) == [(two.id, "events")]


def test_ids_of_the_stream_before_mean_nothing_on_the_new_one(machine):
    state = machine.add(FIELDS, 0)
    machine.create(state)
    machine.received(reply(5, created=True))
    machine.connected()
    assert machine.received(reply(5, events=[event(11)])) == []
    machine.received(reply(6, created=True))
    assert told(machine.received(reply(6, events=[event(11)]))) == [(state.id, "events")]


@pytest.mark.parametrize("created", [True, False])
def test_compaction_ends_a_watch_with_the_oldest_revision_left(machine, created):
    (state,) = running(machine)
    machine.connected()
    if not created:
        machine.received(reply(state.id, created=True))
    (out,) = machine.received(reply(state.id, created=created, canceled=True, compact_revision=30))
    assert (out.id, type(out.error), out.error.compact_revision) == (state.id, errors.CompactedError, 30)
    assert machine.connected() == []


def test_an_end_without_a_reason_means_a_future_revision(machine):
    (state,) = running(machine)
    (out,) = machine.received(reply(state.id, canceled=True))
    assert type(out.error) is errors.FutureRevisionError


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("rpc error: code = PermissionDenied desc = etcdserver: permission denied", errors.PermissionDeniedError),
        ("rpc error: code = Unauthenticated desc = etcdserver: invalid auth token", errors.InvalidAuthTokenError),
        ("etcdserver: no leader", errors.NoLeaderError),
        ("something new", errors.EtcdError),
    ],
)
def test_an_end_is_told_with_an_error_of_the_reasons_kind(machine, reason, kind):
    (state,) = running(machine)
    (out,) = machine.received(reply(state.id, canceled=True, cancel_reason=reason))
    assert isinstance(out.error, kind)
    assert reason in str(out.error)


def test_an_ended_watch_can_be_put_back_and_goes_on_where_it_was(machine):
    (state,) = running(machine)
    machine.received(reply(state.id, events=[event(11)]))
    (out,) = machine.received(reply(state.id, canceled=True, cancel_reason="etcdserver: invalid auth token"))
    machine.watches[out.id] = out.state
    (asked,) = machine.connected()
    assert (asked["watch_id"], asked["start_revision"]) == (state.id, 12)
