"""The queue behind locks and elections: entering it, waiting for one's turn, leaving it."""

from __future__ import annotations

import logging

import pytest

from etcd_factory.core.concurrency.queue import ENTER_ATTEMPTS, PATIENCE, QueueEntry, first_entry, leave_and_log
from etcd_factory.core.lease.session import LeaseSession
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    LockFailedError,
    NoSpaceError,
    PermissionDeniedError,
)
from etcd_factory.model import KeyValue
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages
from tests.support.transports import Held

TTL = 60
KEY = b"q/ff"
REVOKED = replies.of("LeaseRevoke")
DENIED = replies.server_error("etcdserver: permission denied")


def own(value=b"", create_revision=5):
    """This entry's key, as a read returns it."""
    return replies.get(KeyValue(KEY, value, create_revision, create_revision, 1, 255), revision=9)


def before(key=b"q/1", revision=9):
    """The entry before this one, as a read returns it."""
    return replies.get(KeyValue(key, b"", 3, 3, 1, 1), revision=revision)


def exists(value=b"", create_revision=5):
    """The response to creating an entry that is there already, and the first."""
    found = own(value, create_revision)
    return replies.txn(found, found, succeeded=False, revision=9)


FIRST = replies.txn(replies.put(revision=5), own(), revision=5)  # the entry is created, and no other is there
SECOND = replies.txn(replies.put(revision=5), before(), revision=5)


@pytest.fixture
def entry_of(view_of):
    """A function that returns an entry whose lease is ff, on these responses, and the scripted transport.

    ``through`` puts another transport around that.
    """

    def make(*steps, through=lambda transport: transport, **script):
        reads = [step for step in steps if isinstance(step, messages.RangeResponse)]
        by_method = {
            "LeaseGrant": replies.lease(255, TTL),
            "LeaseRevoke": REVOKED,
            "Txn": [step for step in steps if step not in reads],
            "Range": reads,
        }
        inner = ScriptedTransport({**by_method, **script})
        view, _ = view_of(through(inner), hosts=["a:1"])
        return QueueEntry(view, "q", LeaseSession(view, TTL)), inner

    return make


def methods_of(transport):
    return [call.method for call in transport.calls]


# --- entering


async def test_an_entry_is_the_key_of_its_lease_below_the_name_as_in_go(entry_of):
    entry, transport = entry_of(FIRST)
    await entry.enter(b"v")
    assert (entry.key, entry.revision, entry.alive) == (KEY, 5, True)
    request = transport.calls[1].request
    assert (request.compare[0].key, request.compare[0].create_revision) == (KEY, 0)
    put = request.success[0].request_put
    assert (put.key, put.value, put.lease) == (KEY, b"v", 255)
    assert request.failure[0].request_range.key == KEY
    for branch in (request.success, request.failure):
        first = branch[1].request_range
        assert (first.key, first.range_end, first.limit, first.sort_target, first.sort_order) == (b"q/", b"q0", 1, 2, 1)


async def test_an_entry_that_this_lease_has_already_is_continued(entry_of):
    entry, transport = entry_of(exists(b"v", create_revision=3))
    await entry.enter(b"v")
    assert (entry.revision, methods_of(transport)) == (3, ["LeaseGrant", "Txn"])


async def test_a_continued_entry_gets_the_new_value(entry_of):
    entry, transport = entry_of(exists(b"old", create_revision=3), replies.txn(replies.put()))
    await entry.enter(b"new")
    put = transport.calls[2].request.success[0].request_put
    assert (put.value, put.ignore_lease) == (b"new", True)
    assert transport.calls[2].request.compare[0].create_revision == 3


async def test_a_continued_entry_that_is_gone_is_lost(entry_of):
    entry, _ = entry_of(exists(b"old"), replies.txn(succeeded=False))
    with pytest.raises(LockFailedError, match="the key of 'q' was lost while waiting: it was deleted, or"):
        await entry.enter(b"new")


@pytest.mark.parametrize("error", [replies.lost(), NoSpaceError("full")], ids=["lost", "applied before it failed"])
async def test_creating_an_entry_is_repeated_if_it_may_have_been_applied(entry_of, error):
    """The key is this lease's alone: creating it twice is harmless."""
    entry, transport = entry_of(error, exists(b"v"))
    await entry.enter(b"v")
    assert (entry.revision, entry.in_doubt) == (5, True)
    assert methods_of(transport) == ["LeaseGrant", "Txn", "Txn"]


async def test_creating_an_entry_is_given_up_after_some_attempts(entry_of):
    entry, transport = entry_of(*[replies.lost()] * ENTER_ATTEMPTS)
    with pytest.raises(ConnectionFailedError) as caught:
        await entry.enter(b"v")
    assert (caught.value.maybe_applied, methods_of(transport).count("Txn")) == (True, ENTER_ATTEMPTS)


async def test_what_the_server_refuses_is_not_repeated(entry_of):
    entry, transport = entry_of(DENIED)
    with pytest.raises(PermissionDeniedError):
        await entry.enter(b"v")
    assert (entry.in_doubt, methods_of(transport)) == (False, ["LeaseGrant", "Txn"])


# --- waiting


async def test_an_entry_that_was_created_first_has_its_turn_without_another_call(entry_of):
    entry, transport = entry_of(FIRST)
    await entry.enter(b"")
    assert await entry.wait()
    assert (entry.is_first, methods_of(transport)) == (True, ["LeaseGrant", "Txn"])


async def test_an_entry_that_this_lease_has_already_may_be_the_first(entry_of):
    entry, transport = entry_of(exists(b"v", create_revision=3))
    await entry.enter(b"v")
    assert await entry.wait()
    assert methods_of(transport) == ["LeaseGrant", "Txn"]


async def test_it_is_the_turn_of_the_entry_that_has_none_before_it(entry_of):
    entry, transport = entry_of(SECOND, replies.get(), own())
    await entry.enter(b"")
    assert await entry.wait()
    assert entry.is_first
    request = transport.calls[2].request
    assert (request.key, request.max_create_revision, request.limit) == (b"q/", 4, 1)
    assert (request.sort_target, request.sort_order) == (2, 2)  # the last one created
    assert transport.calls[3].request.key == KEY


async def test_it_waits_for_the_deletion_of_the_entry_just_before_it(entry_of):
    watch = replies.watch(replies.delete_event(b"q/1", revision=10))
    entry, transport = entry_of(SECOND, before(revision=9), replies.get(), own(), Watch=watch)
    await entry.enter(b"")
    assert await entry.wait()
    (opened,) = [call for call in transport.calls if call.method == "Watch"]
    request = opened.sent[0].create_request
    assert (request.key, request.start_revision, list(request.filters)) == (b"q/1", 0, [0])
    assert methods_of(transport).count("Range") == 3  # before, and after it, and the own key


async def test_a_key_that_was_deleted_before_the_watch_began_is_not_waited_for(entry_of):
    """From now on is not from the revision at which the key was read."""
    reads = [before(revision=9), replies.get(revision=12), replies.get(), own()]
    entry, transport = entry_of(SECOND, *reads, Watch=replies.watch(revision=12))
    await entry.enter(b"")
    assert await entry.wait()
    assert [call.request.key for call in transport.calls if call.method == "Range"] == [b"q/", b"q/1", b"q/", KEY]


async def test_a_key_that_was_created_again_before_the_watch_began_is_looked_at_again(entry_of):
    again = replies.get(KeyValue(b"q/1", b"", 11, 11, 1, 1), revision=12)
    entry, _ = entry_of(SECOND, before(revision=9), again, replies.get(), own(), Watch=replies.watch(revision=12))
    await entry.enter(b"")
    assert await entry.wait()


async def test_a_key_that_is_still_there_when_the_watch_has_begun_is_waited_for(entry_of):
    watch = replies.watch(replies.delete_event(b"q/1", revision=13), revision=12)
    entry, transport = entry_of(SECOND, before(revision=9), before(revision=12), replies.get(), own(), Watch=watch)
    await entry.enter(b"")
    assert await entry.wait()
    assert methods_of(transport).count("Range") == 4


async def test_it_looks_again_if_the_deletion_is_compacted(entry_of):
    watch = replies.watch(replies.canceled(compact_revision=50))
    entry, _ = entry_of(SECOND, before(), replies.get(), own(), Watch=watch)
    await entry.enter(b"")
    assert await entry.wait()


@pytest.mark.parametrize("found", [replies.get(), own(create_revision=8)], ids=["deleted", "of another contender"])
async def test_an_entry_whose_key_is_gone_has_no_turn(entry_of, found):
    """Whatever the clock says here: the lease may have expired while this process was stopped."""
    entry, _ = entry_of(SECOND, replies.get(), found)
    await entry.enter(b"")
    with pytest.raises(LockFailedError, match="the key of 'q' was lost while waiting: it was deleted, or"):
        await entry.wait()
    assert not entry.is_first


async def test_an_entry_whose_lease_has_expired_has_no_turn(entry_of, clock):
    entry, transport = entry_of(FIRST)
    await entry.enter(b"")
    clock.time = TTL
    with pytest.raises(LockFailedError, match="the lease of 'q' was lost"):
        await entry.wait()
    assert methods_of(transport) == ["LeaseGrant", "Txn"]


async def test_an_entry_that_was_left_says_so(entry_of):
    entry, _ = entry_of(FIRST)
    await entry.enter(b"")
    await entry.leave()
    with pytest.raises(LockFailedError, match="the entry for 'q' was left while waiting"):
        await entry.wait()


async def test_closing_the_client_ends_the_wait(entry_of):
    entry, _ = entry_of(FIRST)
    await entry.enter(b"")
    await entry._view.client.close()
    with pytest.raises(ClientClosedError):
        await entry.wait()


# --- the deadline of a contender

FAILED = "the lock 'q' was not acquired"


def never(clock, reply=replies.NO_REPLY):
    """A step that answers nothing before the call's timeout has passed."""

    def step(call):
        clock.time += call.timeout
        return reply

    return step


def starting(*steps):
    """A step that answers calls by these, and from then on by the last one."""
    left = [*steps]
    return lambda call: (left.pop(0) if len(left) > 1 else left[0])(call)


def reply(message):
    return lambda call: message


SILENCE = {
    "the grant": ("LeaseGrant", ()),
    "the entry": ("Txn", ()),
    "the entry before": ("Range", ()),
    "the own key": ("Range", (replies.get(),)),
}


@pytest.mark.parametrize("silent", SILENCE)
async def test_one_deadline_bounds_all_calls_of_a_contender(entry_of, clock, silent):
    method, answers = SILENCE[silent]
    silence = starting(*map(reply, answers), never(clock))
    entry, transport = entry_of(SECOND, replies.get(), own(), **{method: silence})
    with pytest.raises(LockFailedError, match=f"{FAILED} within 0.5 s: etcd did not answer") as caught:
        await entry.contend(b"", 0.5, FAILED)
    assert isinstance(caught.value.__cause__, DeadlineExceededError)
    assert clock.time == pytest.approx(0.5)
    assert max(call.timeout for call in transport.calls if call.method == method) <= 0.5


async def test_a_contender_that_etcd_never_answers_leaves_nothing(entry_of, clock):
    entry, transport = entry_of(Txn=never(clock))
    with pytest.raises(LockFailedError):
        await entry.contend(b"", 0.5, FAILED)
    await entry._view.client.close()
    assert (entry.is_left, methods_of(transport)[-1]) == (True, "LeaseRevoke")


async def test_whoever_gives_up_waits_only_a_moment_for_an_answer_to_its_leaving(entry_of, clock):
    entry, inner = entry_of(Txn=never(clock), through=lambda inner: Held(inner, "LeaseRevoke"))
    held = entry._view.client.transport
    held.hold()
    with pytest.raises(LockFailedError):
        await entry.contend(b"", 0.5, FAILED)
    await held.arrived()
    assert "LeaseRevoke" not in methods_of(inner)
    held.release()
    await entry._view.client.close()
    assert methods_of(inner)[-1] == "LeaseRevoke"


def waiting_until(clock, deadline):
    """A watch in whose time the deadline passes."""

    def created(request):
        if not request.HasField("create_request"):
            return None
        clock.time = deadline
        return messages.WatchResponse(watch_id=request.create_request.watch_id, created=True)

    return StreamScript(reply=created)


async def test_a_waiter_gives_up_at_its_deadline_and_says_what_it_waits_for(entry_of, clock):
    entry, _ = entry_of(SECOND, Range=before(), Watch=waiting_until(clock, 0.1))
    with pytest.raises(LockFailedError, match=rf"{FAILED} within 0\.1 s: it waits for the key b'q/1'"):
        await entry.contend(b"", 0.1, FAILED)
    assert not entry.is_first


async def test_a_waiter_whose_turn_comes_at_its_deadline_has_it(entry_of, clock):
    reads = [before(), replies.get(), own()]
    entry, _ = entry_of(SECOND, Range=reads, Watch=waiting_until(clock, 0.1))
    await entry.contend(b"", 0.1, FAILED)
    assert entry.is_first


async def test_a_waiter_gives_up_soon_after_its_deadline_if_etcd_does_not_answer_any_more(entry_of, clock):
    reads = starting(reply(before()), never(clock))
    entry, _ = entry_of(SECOND, Range=reads, Watch=waiting_until(clock, 0.1))
    with pytest.raises(LockFailedError, match=rf"{FAILED} within 0\.1 s: it waits for the key b'q/1'"):
        await entry.contend(b"", 0.1, FAILED)
    assert clock.time <= 0.1 + PATIENCE + 0.001


async def test_who_tries_once_has_the_usual_time_for_it(entry_of, clock):
    entry, transport = entry_of(SECOND, replies.get(), own())
    await entry.contend(b"", 0, FAILED)
    assert entry.is_first
    assert {call.timeout for call in transport.calls if call.method == "Txn"} == {5.0}


async def test_who_tries_once_does_not_wait_for_another(entry_of):
    entry, transport = entry_of(SECOND, before())
    with pytest.raises(LockFailedError, match=f"{FAILED} within 0 s: it waits for the key b'q/1'"):
        await entry.contend(b"", 0, FAILED)
    assert "Watch" not in methods_of(transport)


async def test_who_waits_for_ever_has_the_usual_time_for_each_call(entry_of):
    entry, transport = entry_of(SECOND, replies.get(), own())
    await entry.contend(b"", None, FAILED)
    assert {call.timeout for call in transport.calls if call.method == "Txn"} == {5.0}


async def test_without_a_deadline_the_error_of_a_call_is_raised(entry_of, clock):
    entry, _ = entry_of(Txn=never(clock))
    with pytest.raises(DeadlineExceededError):
        await entry.contend(b"", None, FAILED)


async def test_what_the_server_refuses_is_raised_whatever_the_deadline(entry_of):
    entry, _ = entry_of(DENIED)
    with pytest.raises(PermissionDeniedError):
        await entry.contend(b"", 60, FAILED)


# --- leaving


async def test_leaving_revokes_the_lease_of_the_entry(entry_of):
    entry, transport = entry_of(FIRST)
    await entry.enter(b"")
    await entry.leave()
    assert (entry.is_left, entry.alive, methods_of(transport)[-1]) == (True, False, "LeaseRevoke")


async def test_after_leaving_no_listener_is_called(entry_of):
    entry, _ = entry_of(FIRST)
    await entry.enter(b"")
    entry.listen(print)
    assert print in entry.session.state.listeners
    await entry.leave()
    entry.listen(repr)
    assert not entry.session.state.listeners


async def test_a_failure_to_leave_is_logged_with_what_becomes_of_the_entry(entry_of, caplog):
    entry, _ = entry_of(FIRST, LeaseRevoke=[NoSpaceError("full"), REVOKED])
    await entry.enter(b"")
    with caplog.at_level(logging.WARNING, "etcd_factory.lock"):
        await leave_and_log(entry)
    assert "the entry for 'q' could not be removed, its lease expires by its ttl" in caplog.text


# --- reading the queue


def test_the_first_entry_is_the_one_created_first():
    fields = first_entry(b"q/").op().fields
    assert (fields["key"], fields["range_end"], fields["limit"]) == (b"q/", b"q0", 1)
    assert (fields["sort_target"], fields["sort_order"]) == ("CREATE", "ASCEND")


async def test_a_new_value_is_written_only_if_the_key_is_still_this_entrys(entry_of):
    entry, transport = entry_of(FIRST, replies.txn(replies.put()), replies.txn(succeeded=False))
    await entry.enter(b"")
    assert [await entry.set_value(b"new"), await entry.set_value(b"newer")] == [True, False]
    assert transport.calls[2].request.compare[0].create_revision == 5
