"""Keeping one key registered: writes, losses, other processes with the same id, and the end."""

from __future__ import annotations

import asyncio
import json

import pytest
from attrs import evolve

from etcd_factory import KeyValue
from etcd_factory.core.face import finish
from etcd_factory.errors import ClientClosedError, NoSpaceError, PermissionDeniedError
from etcd_factory.registry.formats import EtcdFactory, GoZero, Kitex
from etcd_factory.registry.instance import PAUSED, UP, ServiceInstance
from etcd_factory.registry.reconciler import Reconciler
from etcd_factory.service import view_of
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages
from tests.support.registering import KEY, script
from tests.support.transports import Failing, Held, Recorded

DENIED = "etcdserver: permission denied"
NO_SPACE = "etcdserver: mvcc: database space exceeded"
NO_LEASE = "etcdserver: requested lease not found"
FUTURE = "etcdserver: mvcc: required revision is a future revision"
REFUSED = messages.WatchResponse(watch_id=-1, created=True, canceled=True, cancel_reason=DENIED)
GOAL = ServiceInstance("user", "a", started=100.0, ttl=10)
ADDRESSED = ServiceInstance("user", "a", "10.0.0.1", 80, started=100.0, ttl=10)
OTHER_LEASE = 99
OWN = EtcdFactory()
PUT_AGAIN = [replies.txn(replies.get(), succeeded=False), replies.txn(replies.put(), revision=9)]


def by_other(started):
    """The key as another process wrote it, which registered at that time."""
    value = EtcdFactory().encode(ServiceInstance("user", "a", started=started))
    return KeyValue(KEY.encode(), value, 8, 9, 2, OTHER_LEASE)


@pytest.fixture
def run(face):
    """Run a coroutine function to its end, as the face does."""

    async def call(method, *args, **kwargs):
        return finish(method(*args, **kwargs)) if face.is_blocking else await method(*args, **kwargs)

    return call


@pytest.fixture
def make(connect, recorder):
    """A function that returns a reconciler on a script, and a transport that records its calls."""

    def create(wrap=None, goal=GOAL, form=OWN, **steps):
        inner = ScriptedTransport(script(**steps))
        transport = Recorded(wrap(inner) if wrap else inner)
        client, _ = connect(transport)
        reconciler = Reconciler(view_of(client, type(client), "a test"), b"services/", goal, form)
        reconciler.listen(recorder)
        return reconciler, transport

    return create


def put_of(call):
    """The put of a transaction that may write the key."""
    return call.request.success[0].request_put


# --- registering


async def test_the_first_write_is_a_put_under_a_new_lease_whatever_the_key_has(make, run):
    reconciler, transport = make()
    await run(reconciler.begin)
    grant, put = transport.calls
    assert (grant.method, grant.request.TTL) == ("LeaseGrant", 10)
    assert (put.method, put.request.key, put.request.lease) == ("Put", KEY.encode(), 7)
    assert json.loads(put.request.value)["started"] == 100.0
    assert reconciler.alive


async def test_the_key_is_watched_from_the_revision_after_its_write(make, run):
    reconciler, transport = make(Put=replies.put(revision=41))
    await run(reconciler.begin)
    (stream,) = transport.streams
    create = stream.sent[0].create_request
    assert (create.key, create.range_end, create.start_revision) == (KEY.encode(), b"", 42)


async def test_an_invalid_instance_is_refused_before_anything_is_sent(make):
    with pytest.raises(ValueError, match="an instance's port must be an int from 0 to 65535, not '80'"):
        make(goal=ServiceInstance("user", "a", port="80", ttl=10))


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ({"Put": replies.server_error(NO_SPACE)}, NoSpaceError),
        ({"Watch": StreamScript(reply=lambda _: REFUSED)}, PermissionDeniedError),
    ],
    ids=["the put", "the watch"],
)
async def test_a_registration_that_fails_revokes_its_lease(make, run, steps, error):
    reconciler, transport = make(**steps)
    with pytest.raises(error):
        await run(reconciler.begin)
    assert transport.names()[-1] == "LeaseRevoke"
    assert not reconciler.alive


async def test_a_lease_that_the_server_does_not_know_any_more_is_replaced(make, run):
    steps = {
        "LeaseGrant": [replies.lease(7), replies.lease(8)],
        "Put": [replies.server_error(NO_LEASE), replies.put(revision=5)],
    }
    reconciler, transport = make(**steps)
    await run(reconciler.begin)
    assert [put.lease for put in transport.requests("Put")] == [7, 8]
    assert reconciler.alive


# --- changing


async def test_a_change_is_written_in_place_only_over_its_own_lease(make, run):
    reconciler, transport = make()
    await run(reconciler.begin)
    await run(reconciler.update, weight=3)
    change = transport.calls[-1]
    (compare,) = change.request.compare
    assert (compare.key, compare.lease) == (KEY.encode(), 7)
    assert (put_of(change).lease, json.loads(put_of(change).value)["weight"]) == (7, 3)
    assert reconciler.goal.weight == 3


async def test_a_change_that_fails_is_raised_and_retried_in_the_background(make, run):
    steps = {"Txn": [replies.server_error(NO_SPACE), replies.txn(replies.put(), revision=6)]}
    reconciler, transport = make(**steps)
    await run(reconciler.begin)
    with pytest.raises(NoSpaceError):
        await run(reconciler.update, weight=3)
    await transport.until(lambda: transport.names().count("Txn") == 2)
    assert json.loads(put_of(transport.calls[-1]).value)["weight"] == 3


async def test_an_invalid_change_is_refused_and_the_goal_stays(make, run):
    reconciler, transport = make()
    await run(reconciler.begin)
    with pytest.raises(ValueError, match="weight must be"):
        await run(reconciler.update, weight=-1)
    assert reconciler.goal == GOAL
    assert transport.names() == ["LeaseGrant", "Put"]


async def test_a_change_after_the_end_says_that_it_has_ended(make, run):
    reconciler, _ = make()
    await run(reconciler.begin)
    await run(reconciler.leave)
    with pytest.raises(ClientClosedError, match="the registration of user/a has ended; register again"):
        await run(reconciler.update, weight=3)


# --- formats without a status


async def test_while_it_is_paused_the_key_is_removed(make, run, recorder):
    steps = {"Txn": [replies.txn(replies.delete(), revision=6), *PUT_AGAIN]}
    reconciler, transport = make(goal=ADDRESSED, form=GoZero(), **steps)
    await run(reconciler.begin)
    await run(reconciler.update, status=PAUSED)
    removal = transport.calls[-1].request
    assert (removal.compare[0].lease, removal.success[0].request_delete_range.key) == (7, KEY.encode())
    assert not reconciler.alive
    reconciler._on_change(None, 6)  # the event may come before or after the reply
    reconciler._on_change(None, 7)
    reconciler._on_read(None, 8, False)
    assert reconciler._done == reconciler._wanted
    await run(reconciler.update, status=UP)
    assert put_of(transport.calls[-1]).value == b"10.0.0.1:80"
    assert (reconciler.alive, recorder.calls) == (True, [])


async def test_a_removal_that_is_heard_of_after_it_was_resumed_is_no_loss(make, run, recorder):
    steps = {"Txn": [replies.txn(replies.delete(), revision=6), *PUT_AGAIN, replies.txn(replies.put(), revision=10)]}
    reconciler, transport = make(goal=ADDRESSED, form=GoZero(), **steps)
    await run(reconciler.begin)
    await run(reconciler.update, status=PAUSED)
    reconciler.goal = evolve(reconciler.goal, status=UP)  # as update() does, before it writes
    reconciler._on_change(None, 7)
    await transport.until(lambda: reconciler.alive)
    assert recorder.calls == []


async def test_a_loss_that_a_pause_follows_is_restored_by_the_resumption(make, run, recorder, monkeypatch):
    steps = {"Txn": [replies.txn(replies.get(), succeeded=False), *PUT_AGAIN]}
    reconciler, _ = make(goal=ADDRESSED, form=GoZero(), **steps)
    await run(reconciler.begin)
    monkeypatch.setattr(reconciler._signal, "set", lambda: None)  # the background does not restore it first
    reconciler._on_change(None, 7)
    await run(reconciler.update, status=PAUSED)
    assert recorder.names == ["lost"]
    await run(reconciler.update, status=UP)
    assert recorder.names == ["lost", "restored"]


async def test_a_key_under_an_earlier_lease_is_removed_too(make, run):
    old = KeyValue(KEY.encode(), b"10.0.0.1:80", 5, 6, 1, 7)
    steps = {"Txn": [replies.txn(replies.get(old), succeeded=False), replies.txn(replies.delete(), revision=8)]}
    reconciler, transport = make(goal=ADDRESSED, form=GoZero(), **steps)
    await run(reconciler.begin)
    await run(reconciler.update, status=PAUSED)
    assert transport.calls[-1].request.compare[0].mod_revision == 6


async def test_the_key_of_another_process_is_not_removed(make, run):
    other = KeyValue(KEY.encode(), b"10.0.0.1:80", 5, 6, 1, OTHER_LEASE)
    reconciler, transport = make(
        goal=ADDRESSED, form=GoZero(), Txn=replies.txn(replies.get(other), succeeded=False, revision=8)
    )
    await run(reconciler.begin)
    await run(reconciler.update, status=PAUSED)
    assert transport.names() == ["LeaseGrant", "Put", "Txn"]


async def test_one_that_begins_paused_writes_over_whatever_the_key_has_when_it_is_resumed(make, run):
    goal = evolve(ADDRESSED, status=PAUSED)
    reconciler, transport = make(goal=goal, form=GoZero(), Txn=replies.txn(replies.get(), succeeded=False))
    await run(reconciler.begin)
    assert (transport.names(), reconciler.alive) == (["LeaseGrant", "Txn"], False)
    await run(reconciler.update, status=UP)
    assert (transport.names()[-1], reconciler.alive) == ("Put", True)


async def test_who_is_found_there_registered_later_if_the_format_does_not_tell(make, run, recorder):
    other = KeyValue(KEY.encode(), b"10.0.0.2:80", 5, 6, 1, OTHER_LEASE)
    reconciler, transport = make(
        goal=ADDRESSED, form=GoZero(), Txn=replies.txn(replies.get(other), succeeded=False, revision=8)
    )
    await run(reconciler.begin)
    with pytest.raises(ClientClosedError, match="register again"):
        await run(reconciler.update, weight=2)
    await transport.until(lambda: transport.names()[-1] == "LeaseRevoke")
    assert recorder.names == ["lost"]


async def test_an_instance_that_the_format_cannot_store_is_refused(make, run):
    with pytest.raises(ValueError, match="user must be registered with host and port"):
        make(goal=GOAL, form=GoZero())
    reconciler, transport = make(goal=ADDRESSED, form=Kitex())
    await run(reconciler.begin)
    for change in ({"metadata": {"n": 1}}, {"weight": 0.5}, {"metadata": {"n": 1}, "status": PAUSED}):
        with pytest.raises(ValueError, match=r"must be texts only|no fractions"):
            await run(reconciler.update, **change)
    assert (reconciler.goal, transport.names()) == (ADDRESSED, ["LeaseGrant", "Put"])


# --- ids of leases


async def test_without_an_id_it_is_that_of_its_first_lease(make, run, recorder):
    watch = replies.watch(revision=5)
    steps = {"LeaseGrant": [replies.lease(7), replies.lease(8)], "Txn": PUT_AGAIN, "Watch": watch}
    reconciler, transport = make(goal=evolve(ADDRESSED, id=""), form=GoZero(), **steps)
    await run(reconciler.begin)
    assert reconciler.goal.id == "7"
    assert transport.requests("Put")[0].key == b"services/user/7"
    assert transport.streams[0].sent[0].create_request.key == b"services/user/7"
    watch.push(replies.delete_event("services/user/7"))
    await lost_and_restored(recorder, reconciler, transport, writes=2)
    assert put_of(transport.calls[-1]).key == b"services/user/7"


async def test_a_lease_that_is_refused_is_an_error(make, run):
    reconciler, transport = make(goal=evolve(ADDRESSED, id=""), form=GoZero(), LeaseGrant=replies.server_error(DENIED))
    with pytest.raises(PermissionDeniedError):
        await run(reconciler.begin)
    assert "Put" not in transport.names()


# --- losses


async def lost_and_restored(recorder, reconciler, transport, writes):
    """Wait until the key was lost, written again that many times, and restored."""
    await recorder.until("restored")
    assert recorder.names == ["lost", "restored"]
    assert transport.names().count("Txn") == writes
    assert reconciler.alive


@pytest.mark.parametrize(
    "event",
    [replies.delete_event(KEY), replies.put_event(KEY, "by hand")],
    ids=["deleted", "overwritten without a lease"],
)
async def test_a_key_that_is_gone_is_written_again(make, run, recorder, event):
    watch = replies.watch(revision=5)
    reconciler, transport = make(Watch=watch)
    await run(reconciler.begin)
    watch.push(event)
    await lost_and_restored(recorder, reconciler, transport, writes=1)


async def test_a_key_without_a_lease_is_overwritten_at_the_revision_that_was_found(make, run, recorder):
    by_hand = KeyValue(KEY.encode(), b"by hand", 5, 9, 2, 0)
    watch = replies.watch(revision=5)
    steps = [replies.txn(replies.get(by_hand), succeeded=False), replies.txn(replies.put(), revision=10)]
    reconciler, transport = make(Watch=watch, Txn=steps)
    await run(reconciler.begin)
    watch.push(replies.put_event(KEY, "by hand", revision=9))
    await lost_and_restored(recorder, reconciler, transport, writes=2)
    (compare,) = transport.calls[-1].request.compare
    assert compare.mod_revision == 9


async def test_a_failing_write_is_retried_until_it_succeeds(make, run, recorder):
    watch = replies.watch(revision=5)
    failing = {"wrap": lambda inner: Failing(inner, "Txn", replies.server_error(NO_SPACE), times=3)}
    reconciler, transport = make(**failing, Watch=watch)
    await run(reconciler.begin)
    watch.push(replies.delete_event(KEY))
    await lost_and_restored(recorder, reconciler, transport, writes=4)


async def test_an_event_older_than_its_last_write_is_ignored(make, run, recorder):
    reconciler, _ = make(Txn=replies.txn(replies.put(), revision=10))
    await run(reconciler.begin)
    await run(reconciler.update, weight=3)
    reconciler._on_change(None, 10)
    assert (recorder.calls, reconciler.alive) == ([], True)
    reconciler._on_change(None, 11)
    assert recorder.names[0] == "lost"


async def test_its_own_writes_are_no_losses(make, run, recorder):
    reconciler, transport = make()
    await run(reconciler.begin)
    reconciler._on_change(messages.KeyValue(key=KEY.encode(), lease=7), 6)
    assert (recorder.calls, reconciler.alive) == ([], True)
    assert transport.names() == ["LeaseGrant", "Put"]


async def test_a_lost_lease_is_followed_by_a_new_one(make, run, recorder):
    steps = {
        "LeaseGrant": [replies.lease(7, ttl=1), replies.lease(8, ttl=60)],
        "LeaseKeepAlive": replies.keep_alive(0),
        "Txn": [replies.txn(replies.get(), succeeded=False), replies.txn(replies.put(), revision=6)],
    }
    reconciler, transport = make(goal=ServiceInstance("user", "a", ttl=1), **steps)
    await run(reconciler.begin)
    await lost_and_restored(recorder, reconciler, transport, writes=2)
    assert [put_of(call).lease for call in transport.calls if call.method == "Txn"] == [8, 8]


# --- other processes with the same id


async def test_it_yields_to_a_process_that_registered_the_key_later(make, run, recorder, caplog):
    watch = replies.watch(revision=5)
    reconciler, transport = make(Watch=watch)
    await run(reconciler.begin)
    watch.push(replies.put_event(KEY, by_other(200.0).value, lease=OTHER_LEASE))
    await recorder.until("lost")
    await transport.until(lambda: transport.names()[-1] == "LeaseRevoke")
    assert transport.names() == ["LeaseGrant", "Put", "LeaseRevoke"]
    assert "was registered by another process" in caplog.text
    assert not reconciler.alive
    with pytest.raises(ClientClosedError, match="register again"):
        await run(reconciler.update, weight=3)


async def test_a_change_that_finds_a_later_process_yields_too(make, run, recorder):
    reconciler, transport = make(Txn=[replies.txn(replies.get(by_other(200.0)), succeeded=False)])
    await run(reconciler.begin)
    with pytest.raises(ClientClosedError, match="register again"):
        await run(reconciler.update, weight=3)
    await transport.until(lambda: transport.names()[-1] == "LeaseRevoke")
    assert recorder.names == ["lost"]


@pytest.mark.parametrize(("started", "events"), [(50.0, ["restored"]), (200.0, [])])
async def test_after_a_rollback_it_overwrites_a_predecessor_and_yields_to_a_successor(
    make, run, recorder, started, events
):
    """A backup may still have the key of an earlier process with the same id."""
    found = by_other(started)
    watch = replies.watch(replies.canceled(FUTURE), revision=5)
    steps = {
        "Watch": watch,
        "Range": replies.get(found, revision=3),
        "Txn": [replies.txn(replies.get(found), succeeded=False), replies.txn(replies.put(), revision=4)],
    }
    reconciler, _ = make(**steps)
    await run(reconciler.begin)
    await recorder.until((events or ["lost"])[-1])
    assert recorder.names == ["lost", *events]
    assert reconciler.alive is bool(events)


# --- the end


async def test_leaving_marks_the_key_before_its_lease_is_revoked_once(make, run):
    reconciler, transport = make()
    await run(reconciler.begin)
    await run(reconciler.leave)
    await run(reconciler.leave)
    mark, revoke = transport.calls[2:]
    assert json.loads(put_of(mark).value)["status"] == "down"
    assert (revoke.method, revoke.request.ID) == ("LeaseRevoke", 7)
    assert not reconciler.alive


async def test_leaving_without_a_mark_that_can_be_written_revokes_the_lease(make, run, caplog):
    caplog.set_level("INFO", "etcd_factory.registry")
    reconciler, transport = make(Txn=replies.server_error(NO_SPACE))
    await run(reconciler.begin)
    await run(reconciler.leave)
    assert transport.names()[-1] == "LeaseRevoke"
    assert "could not be marked as leaving" in caplog.text


async def test_a_format_without_a_status_has_no_mark(make, run):
    reconciler, transport = make(goal=ADDRESSED, form=GoZero())
    await run(reconciler.begin)
    await run(reconciler.leave)
    assert transport.names() == ["LeaseGrant", "Put", "LeaseRevoke"]


async def test_a_lease_that_cannot_be_revoked_is_an_error(make, run):
    reconciler, _ = make(LeaseRevoke=replies.server_error(DENIED))
    await run(reconciler.begin)
    with pytest.raises(PermissionDeniedError):
        await run(reconciler.leave)


async def test_after_the_end_a_deleted_key_is_not_written_again(make, run, recorder):
    reconciler, transport = make()
    await run(reconciler.begin)
    await run(reconciler.leave)
    names = transport.names()
    reconciler._on_change(None, 11)
    assert (recorder.calls, transport.names()) == ([], names)


# --- leaving by several at once


class Noting:
    """Flights that record who asks for one, by name."""

    def __init__(self, inner, record):
        self._inner, self._record, self.join = inner, record, inner.join

    async def run(self, *args):
        self._record("asked")
        return await self._inner.run(*args)


async def leave_together(face, run, recorder, reconciler, held):
    """Let two leave, the second while the first one's revoke is held; returns how both ended."""
    await run(reconciler.begin)
    reconciler._client.single_flight = Noting(reconciler._client.single_flight, recorder)
    leave = (lambda: finish(reconciler.leave())) if face.is_blocking else reconciler.leave
    held.hold(1)
    first = face.begin(leave)
    await held.arrived()
    second = face.begin(leave)
    await recorder.until("asked", 2)
    assert not first.done() and not second.done()
    held.release()
    return await asyncio.gather(first, second, return_exceptions=True)


async def test_who_leaves_while_another_does_waits_until_it_is_gone(make, run, face, recorder):
    reconciler, transport = make(lambda inner: Held(inner, "LeaseRevoke"))
    assert await leave_together(face, run, recorder, reconciler, transport.inner) == [None, None]
    assert transport.names() == ["LeaseGrant", "Put", "Txn", "LeaseRevoke"]


async def test_a_failure_is_that_of_both_and_later_ones_do_nothing(make, run, face, recorder):
    reconciler, transport = make(lambda inner: Held(inner, "LeaseRevoke"), LeaseRevoke=replies.server_error(DENIED))
    ends = await leave_together(face, run, recorder, reconciler, transport.inner)
    assert [type(end) for end in ends] == [PermissionDeniedError] * 2
    await run(reconciler.leave)
    assert transport.names().count("LeaseRevoke") == 1


async def test_if_the_first_is_broken_off_the_other_still_returns_when_it_is_gone(make, run, face, recorder):
    error = KeyboardInterrupt if face.is_blocking else asyncio.CancelledError
    reconciler, transport = make(lambda inner: Held(Failing(inner, "LeaseRevoke", error()), "LeaseRevoke"))
    first, second = await leave_together(face, run, recorder, reconciler, transport.inner)
    assert (type(first), second) == (error, None)
    assert [call.method for call, _ in transport.replies].count("LeaseRevoke") == 1  # the first one has none
