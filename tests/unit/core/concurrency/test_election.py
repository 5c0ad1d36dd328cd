"""Elections: leading, what the others see, and what is left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory import AsyncETCDService
from etcd_factory.core.concurrency import election
from etcd_factory.errors import LeaseNotFoundError, LockFailedError, NotLeaderError, PermissionDeniedError
from etcd_factory.model import KeyValue
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import settle
from tests.support.transports import Held

BOUND = 10  # seconds that nothing here takes
OTHER = KeyValue(b"vote/1", b"other", 3, 3, 1, 1)
GONE = replies.canceled(compact_revision=50)
DENIED = replies.server_error("etcdserver: permission denied")


def methods_of(transport):
    return [call.method for call in transport.calls]


@pytest.fixture
def observed(face):
    """A function that returns the next values of an observer."""

    async def take(iterator, count=1):
        following = (lambda: next(iterator)) if face.name == "blocking" else (lambda: anext(iterator))
        return [await asyncio.wait_for(face.begin(following), BOUND) for _ in range(count)]

    return take


# --- leading


async def test_the_first_contender_leads_until_it_resigns(connect, queue):
    client, transport = connect(queue.script())
    leadership = await settle(client.election("vote").campaign("me"))
    assert (leadership.alive, leadership.key, leadership.fencing_token) == (True, b"vote/ff", 5)
    assert queue.value == b"me"
    await settle(leadership.resign())
    await settle(leadership.resign())
    assert not leadership.alive
    assert methods_of(transport)[-1] == "LeaseRevoke"


async def test_an_interrupt_before_anybody_has_the_leadership_leaves_nothing(connect, queue, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    client, transport = connect(queue.script())
    monkeypatch.setattr(election, "Leadership", interrupted)
    with pytest.raises(KeyboardInterrupt):
        await settle(client.election("vote").campaign("me"))
    assert methods_of(transport)[-1] == "LeaseRevoke"


async def test_a_block_resigns(connect, queue, face):
    client, transport = connect(queue.script())
    if face.name == "blocking":
        with client.election("vote").campaign() as leadership:
            assert leadership.alive
    else:
        async with client.election("vote").campaign() as leadership:
            assert leadership.alive
    assert not leadership.alive
    assert methods_of(transport)[-1] == "LeaseRevoke"


async def later(_):
    raise AssertionError


async def test_a_handler_that_can_never_run_is_refused(connect, queue, face):
    client, _ = connect(queue.script())
    leadership = await settle(client.election("vote").campaign())
    with pytest.raises(TypeError, match=r"^a handler must be a function, not str$"):
        leadership.on("lost", "print")
    if face.is_blocking:
        with pytest.raises(TypeError, match="is async"):
            leadership.on("lost", later)


async def test_a_contender_that_is_not_elected_in_time_leaves_nothing_behind(connect, queue):
    queue.ahead = [OTHER]
    client, transport = connect(queue.script())
    text = "the election 'vote' was not won within 0 s: it waits for the key b'vote/1'"
    with pytest.raises(LockFailedError, match=text):
        await settle(client.election("vote").campaign("me", timeout=0))
    assert methods_of(transport)[-1] == "LeaseRevoke"


async def test_a_new_value_is_proclaimed_while_it_leads(connect, queue):
    client, _ = connect(queue.script())
    leadership = await settle(client.election("vote").campaign("one"))
    await settle(leadership.proclaim("two"))
    assert queue.value == b"two"


@pytest.mark.parametrize("how", ["resigned", "deposed"])
async def test_nobody_proclaims_who_does_not_lead(connect, queue, how):
    client, _ = connect(queue.script())
    leadership = await settle(client.election("vote").campaign("one"))
    if how == "resigned":
        await settle(leadership.resign())
    else:
        queue.exists = False
    with pytest.raises(NotLeaderError, match="'vote' is led by another"):
        await settle(leadership.proclaim("two"))


async def test_the_loss_of_its_lease_is_reported(connect, queue):
    client, _ = connect(queue.script(LeaseKeepAlive=replies.of("LeaseKeepAlive", ID=255, TTL=0)))
    leadership, lost = await settle(client.election("vote").campaign()), threading.Event()
    assert leadership.on("lost", lambda one: lost.set()) is leadership
    with pytest.raises(LeaseNotFoundError):
        await leadership._entry.session.renew()
    assert await asyncio.to_thread(lost.wait, BOUND)
    assert not leadership.alive


# --- who leads


async def test_the_leader_is_the_first_in_the_queue(connect, queue):
    queue.ahead = [OTHER]
    client, _ = connect(queue.script())
    election = client.election("vote")
    assert await settle(election.leader()) == "other"
    assert await settle(election.leader_kv()) == OTHER


async def test_nobody_may_lead(connect, queue):
    queue.exists = False
    client, _ = connect(queue.script())
    assert await settle(client.election("vote").leader()) is None
    assert await settle(client.election("vote").leader_kv()) is None


def leader(value, key=b"vote/1", revision=3):
    return replies.get(KeyValue(key, value, revision, revision, 1, 1), revision=revision)


def iterate(observer, face):
    return iter(observer) if face.name == "blocking" else aiter(observer)


async def test_an_observer_sees_the_present_leader_its_values_and_the_next_leader(connect, face, observed):
    first = replies.watch(replies.put_event("vote/1", "two"), replies.delete_event("vote/1", revision=9), revision=3)
    leaders = [leader(b"one"), leader(b"next", b"vote/2", 9)]
    client, transport = connect({"Range": leaders, "Watch": [first, replies.watch()]})
    iterator = iterate(client.election("vote").observe(), face)
    assert await observed(iterator, 3) == ["one", "two", "next"]
    requests = [call.sent[0].create_request for call in transport.calls if call.method == "Watch"]
    assert [(request.key, request.start_revision) for request in requests] == [(b"vote/1", 4), (b"vote/2", 10)]
    await closed(iterator)


async def closed(iterator):
    await settle(iterator.close())


async def test_an_observer_waits_until_somebody_contends(connect, face, observed):
    contending = replies.watch(replies.put_event("vote/1", "one", revision=8))
    steps = {"Range": [replies.get(revision=6), leader(b"one", revision=8)], "Watch": [contending, replies.watch()]}
    client, transport = connect(steps)
    iterator = iterate(client.election("vote").observe(), face)
    assert await observed(iterator) == ["one"]
    request = transport.calls[1].sent[0].create_request
    assert (request.key, request.range_end, request.start_revision) == (b"vote/", b"vote0", 7)
    await closed(iterator)


async def test_an_observer_looks_again_where_the_history_is_compacted(connect, face, observed):
    compacted = replies.watch(replies.canceled(compact_revision=50))
    steps = {"Range": [leader(b"one"), leader(b"later", revision=60)], "Watch": [compacted, replies.watch()]}
    client, _ = connect(steps)
    iterator = iterate(client.election("vote").observe(), face)
    assert await observed(iterator, 2) == ["one", "later"]
    await closed(iterator)


async def test_an_observer_that_is_closed_ends_its_watch(connect, face, observed):
    client, transport = connect({"Range": leader(b"one"), "Watch": [replies.watch(), replies.watch()]})
    kept = await settle(client.watch().create())
    iterator = iterate(client.election("vote").observe(), face)
    await observed(iterator)
    await closed(iterator)
    (canceled,) = [one.cancel_request for one in transport.calls[0].sent if one.HasField("cancel_request")]
    assert canceled.watch_id == 2
    await settle(kept.cancel())


async def test_an_observer_begins_again_after_an_error(connect, face, observed):
    reads = {"Range": [leader(b"one"), DENIED, leader(b"two")], "Watch": [replies.watch(GONE), replies.watch()]}
    client, _ = connect(reads)
    iterator = iterate(client.election("vote").observe(), face)
    assert await observed(iterator) == ["one"]
    with pytest.raises(PermissionDeniedError):
        await observed(iterator)
    assert await observed(iterator) == ["two"]
    await closed(iterator)


# --- an observer whose wait is cancelled


async def cancelled(waiting):
    """Cancel a wait, and wait for its end."""
    waiting.cancel()
    await asyncio.wait([waiting], timeout=BOUND)
    assert waiting.cancelled()


async def test_a_cancelled_wait_for_the_next_value_can_be_taken_up_again():
    watch = replies.watch(revision=3)
    transport = ScriptedTransport({"Range": leader(b"one"), "Watch": watch})
    async with AsyncETCDService(transport=transport) as client:
        observer = client.election("vote").observe()
        assert await anext(observer) == "one"
        for value in ("two", "three"):
            waiting = asyncio.ensure_future(anext(observer))
            await asyncio.sleep(0)
            await cancelled(waiting)
            watch.push(replies.put_event("vote/1", value))
            assert await asyncio.wait_for(anext(observer), BOUND) == value
        assert [call.method for call in transport.calls] == ["Range", "Watch"]
        await settle(observer.close())


async def test_a_wait_that_timed_out_can_be_taken_up_again():
    watch = replies.watch(revision=3)
    async with AsyncETCDService(transport=ScriptedTransport({"Range": leader(b"one"), "Watch": watch})) as client:
        observer = client.election("vote").observe()
        assert await anext(observer) == "one"
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(observer), 0.001)
        watch.push(replies.put_event("vote/1", "two"))
        assert await asyncio.wait_for(anext(observer), BOUND) == "two"
        await settle(observer.close())


@pytest.mark.parametrize("method", ["Range", "Watch"])
async def test_a_look_that_was_cancelled_is_made_again(method):
    held = Held(ScriptedTransport({"Range": leader(b"one"), "Watch": replies.watch()}), method)
    async with AsyncETCDService(transport=held) as client:
        observer = client.election("vote").observe()
        held.hold()
        waiting = asyncio.ensure_future(anext(observer))
        await held.arrived()
        await cancelled(waiting)
        held.release()
        assert await asyncio.wait_for(anext(observer), BOUND) == "one"
        await settle(observer.close())


# --- what an observer yields


async def test_a_vacant_election_is_none_once_each_time(connect, face, observed):
    contending = replies.watch(replies.lost(), replies.put_event("vote/1", "one", revision=8), revision=6)
    resigning = replies.watch(replies.delete_event("vote/1", revision=9, watch=2), revision=8)
    later = replies.watch(replies.put_event("vote/2", "two", revision=12, watch=3), revision=9)
    reads = [replies.get(revision=6), leader(b"one", revision=8), replies.get(revision=9), leader(b"two", revision=12)]
    client, _ = connect({"Range": reads, "Watch": sequence(contending, contending, resigning, later, replies.watch())})
    iterator = iterate(client.election("vote").observe(vacant=True), face)
    assert await observed(iterator, 4) == [None, "one", None, "two"]
    await closed(iterator)


def sequence(*steps):
    """A step that answers each call by the next one of these."""
    left = iter(steps)
    return lambda call: next(left)


async def test_an_election_that_stays_vacant_is_none_once(connect, face, observed):
    """A contender came and went before the observer looked."""
    came = replies.watch(replies.put_event("vote/1", "gone", revision=8), revision=6)
    later = replies.watch(replies.put_event("vote/2", "two", revision=12, watch=2), revision=9)
    reads = [replies.get(revision=6), replies.get(revision=9), leader(b"two", revision=12)]
    client, _ = connect({"Range": reads, "Watch": [came, later, replies.watch()]})
    iterator = iterate(client.election("vote").observe(vacant=True), face)
    assert await observed(iterator, 2) == [None, "two"]
    await closed(iterator)


async def test_by_default_a_vacant_election_is_passed_over(connect, face, observed):
    resigning = replies.watch(replies.delete_event("vote/1", revision=9), revision=3)
    later = replies.watch(replies.put_event("vote/2", "two", revision=12, watch=2), revision=9)
    reads = [leader(b"one"), replies.get(revision=9), leader(b"two", revision=12)]
    client, _ = connect({"Range": reads, "Watch": [resigning, later, replies.watch()]})
    iterator = iterate(client.election("vote").observe(), face)
    assert await observed(iterator, 2) == ["one", "two"]
    await closed(iterator)


async def test_the_leaders_keys_can_be_observed_whatever_their_values_are(connect, face, observed):
    """A leader's value need not be text."""
    client, _ = connect({"Range": leader(b"\xff"), "Watch": replies.watch()})
    iterator = iterate(client.election("vote").observe().kvs(), face)
    (kv,) = await observed(iterator)
    assert (kv.value, kv.key, kv.lease) == (b"\xff", b"vote/1", 1)
    await closed(iterator)


async def test_the_leaders_keys_of_a_vacant_election_are_none(connect, face, observed):
    client, _ = connect({"Range": replies.get(), "Watch": replies.watch()})
    iterator = iterate(client.election("vote").observe(vacant=True).kvs(), face)
    assert await observed(iterator) == [None]
    await closed(iterator)


async def test_iterating_in_the_way_of_the_other_face_is_an_error_that_says_how(connect, face):
    client, _ = connect([])
    observer = client.election("vote").observe()
    if face.name == "asyncio":
        with pytest.raises(TypeError, match="an observer of an asyncio client: iterate with 'async for'"):
            iter(observer)
    else:
        with pytest.raises(TypeError, match="an observer of a blocking client: iterate with 'for'"):
            aiter(observer)


# --- arguments and reprs


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda client: client.election(1), TypeError, "must be str or bytes"),
        (lambda client: client.election("v", 0), ValueError, "a ttl must be at least 1 second"),
        (lambda client: client.election("v", 9, lease=client.lease(9)), ValueError, "pass ttl or lease, not both"),
        (lambda client: client.election("v", lease=7), TypeError, "a lease must be made by lease"),
    ],
)
async def test_a_wrong_argument_is_an_error_at_once(connect, queue, call, error, text):
    client, transport = connect(queue.script())
    with pytest.raises(error, match=text):
        call(client)
    assert transport.calls == []


async def test_an_unknown_event_is_an_error_at_once(connect, queue):
    client, _ = connect(queue.script())
    leadership = await settle(client.election("vote").campaign())
    with pytest.raises(ValueError, match=r"event of a leadership: expected one of .*, got 'list'.*'lost'"):
        leadership.on("list", print)


@pytest.mark.parametrize(("ttl", "granted"), [(None, 60), (9, 9)])
async def test_its_lease_has_the_ttl_that_was_passed_or_60_seconds(connect, queue, ttl, granted):
    client, transport = connect(queue.script())
    await settle(client.election("vote", ttl).campaign())
    assert granted == transport.calls[0].request.TTL


async def test_it_shows_its_state(connect, queue):
    client, _ = connect(queue.script())
    election = client.election("vote")
    assert repr(election) == "<Election 'vote' of 127.0.0.1:2379>"
    assert repr(election.observe()) == "<Observer b'vote' of 127.0.0.1:2379>"
    leadership = await settle(election.campaign())
    assert repr(leadership) == "<Leadership of 'vote' alive>"
    await settle(leadership.resign())
    assert repr(leadership) == "<Leadership of 'vote' lost or resigned>"
