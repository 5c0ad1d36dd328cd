"""Holders watch their own key: whoever deletes it, the lock or the leadership is another's."""

from __future__ import annotations

import gc
import weakref

import pytest

from etcd_factory.core.concurrency import queue as module
from etcd_factory.core.concurrency.queue import QueueEntry
from etcd_factory.core.lease.session import LeaseSession
from etcd_factory.core.watch.stream import WatchStream
from etcd_factory.errors import LeaseNotFoundError, LockFailedError, NotLeaderError
from etcd_factory.model import KeyValue
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, failure, settle
from tests.support.transports import Recorded
from tests.support.views import view_behind

TTL = 60
KEY = "name/ff"
OWN = 5  # the create revision of the holder's key


@pytest.fixture
def guarded(monkeypatch, unguarded):
    """Holders begin to watch their keys at once."""
    monkeypatch.setattr(module, "GUARD_AFTER", 0.0)


async def lock(client):
    return await settle(client.lock("name").acquire())


async def leadership(client):
    return await settle(client.election("name").campaign("me"))


def holds(one):
    return one.alive if hasattr(one, "alive") else one.held


@pytest.fixture
async def hold(connect, queue, guarded, recorder):
    """A function that holds a lock or a leadership whose key is watched; ``lost`` is recorded.

    It returns what is held, the script of the watch, and the transport.
    """

    async def make(how, **steps):
        watch = replies.watch(revision=OWN)
        transport = Recorded(ScriptedTransport(queue.script(Watch=watch, **steps)))
        client, _ = connect(transport)
        one = recorder.on(await how(client), "lost")
        await transport.until(lambda: transport.streams and transport.streams[-1].sent)
        return one, watch, transport

    return make


HOLDERS = pytest.mark.parametrize("how", [lock, leadership])


@HOLDERS
async def test_the_own_key_is_watched_from_when_it_was_created(hold, how):
    one, _, transport = await hold(how)
    (stream,) = [one for one in transport.streams if one.call.method == "Watch"]
    request = stream.sent[0].create_request
    assert (request.key, request.range_end, request.start_revision) == (KEY.encode(), b"", OWN + 1)
    assert holds(one)


@HOLDERS
async def test_who_holds_a_deleted_key_holds_nothing_and_is_notified_once(hold, how, recorder, caplog):
    one, watch, _ = await hold(how)
    watch.push(replies.delete_event(KEY))
    await recorder.until("lost")
    assert not holds(one)
    assert recorder.calls == [("lost", one)]
    assert "the key b'name/ff' is gone, and 'name' lost" in caplog.text


@HOLDERS
async def test_it_is_not_held_any_more_before_anybody_is_notified(connect, queue, guarded, recorder, how):
    watch = replies.watch(revision=OWN)
    transport = Recorded(ScriptedTransport(queue.script(Watch=watch)))
    client, _ = connect(transport)
    one = await how(client)
    one.on("lost", lambda same: recorder("lost", holds(same)))
    await transport.until(lambda: transport.streams and transport.streams[-1].sent)
    watch.push(replies.delete_event(KEY))
    await recorder.until("lost")
    assert recorder.calls == [("lost", False)]


@HOLDERS
async def test_the_end_of_its_lease_after_that_is_not_reported_again(hold, how, recorder):
    one, watch, _ = await hold(how, LeaseKeepAlive=replies.of("LeaseKeepAlive", ID=255, TTL=0))
    watch.push(replies.delete_event(KEY))
    await recorder.until("lost")
    await failure(one._entry.session.renew, LeaseNotFoundError)
    await closed_behind(one)
    assert recorder.names == ["lost"]


async def closed_behind(one):
    """Close the client of what is held: all that works in the background ends."""
    await one._run.client.close()


@HOLDERS
async def test_a_key_that_another_has_created_again_is_not_the_holders(hold, how, recorder):
    one, watch, _ = await hold(how)
    other = KeyValue(KEY.encode(), b"", OWN + 1, OWN + 1, 1, 1)
    watch.push(created_again(other))
    await recorder.until("lost")
    assert not holds(one)


def created_again(kv):
    message = replies.put_event(KEY, "v", revision=kv.mod_revision)
    message.events[0].kv.create_revision = kv.create_revision
    return message


@HOLDERS
async def test_a_new_value_of_the_own_key_changes_nothing(hold, how, recorder):
    one, watch, transport = await hold(how)
    same = replies.put_event(KEY, "new", revision=9)
    same.events[0].kv.create_revision = OWN
    watch.push(same, replies.lost())
    await transport.until(lambda: len(transport.streams) == 2)  # it has been delivered
    assert holds(one)
    assert recorder.calls == []


@pytest.mark.parametrize("is_there", [True, False])
async def test_where_the_history_is_compacted_the_key_is_read_again(hold, queue, recorder, is_there):
    one, watch, transport = await hold(lock)
    queue.exists = is_there
    reads = len(transport.requests("Range"))
    watch.push(replies.canceled(compact_revision=50))
    await transport.until(lambda: len(transport.requests("Range")) > reads)
    if is_there:
        await transport.until(lambda: len(transport.streams[-1].sent) > 1)  # it is watched again
        assert one.held
    else:
        await recorder.until("lost")
        assert not one.held


@HOLDERS
async def test_who_has_left_is_not_notified_of_the_deletion(hold, how, recorder):
    one, _, _ = await hold(how)
    stream = one._run.client.background.get(WatchStream)
    await settle(one.resign() if how is leadership else one.release())
    assert stream._mux.watches == {}
    assert recorder.calls == []


async def test_a_handler_that_is_registered_after_the_loss_is_called(hold, recorder):
    """As one of a lost lease is."""
    one, watch, _ = await hold(leadership)
    watch.push(replies.delete_event(KEY))
    await recorder.until("lost")
    one.on("lost", recorder.handler("later"))
    await recorder.until("later")


async def test_what_a_handler_raises_is_logged_and_the_others_are_called(hold, recorder, caplog):
    def fails(one):
        raise RuntimeError("no good")

    one, watch, _ = await hold(leadership)
    one.on("lost", fails)
    one.on("lost", recorder.handler("last"))
    watch.push(replies.delete_event(KEY))
    await recorder.until("last")
    assert "a handler of a lost leadership failed" in caplog.text


async def test_a_lock_that_was_lost_can_be_acquired_again(hold, recorder):
    one, watch, _ = await hold(lock)
    watch.push(replies.delete_event(KEY))
    await recorder.until("lost")
    with pytest.raises(LockFailedError, match="is not held"):
        _ = one.key
    await settle(one.release())
    await settle(one.acquire())
    assert one.held


async def test_a_proclamation_that_finds_another_leader_says_so_and_it_leads_no_longer(hold, queue, recorder):
    one, _, _ = await hold(leadership)
    queue.exists = False
    await failure(lambda: one.proclaim("new"), NotLeaderError)
    assert not one.alive
    await recorder.until("lost")


# --- when the watch begins


@pytest.fixture
async def contender(view_of, queue):
    """An entry whose turn it is, and what it lets be called later."""
    view, transport = view_of(queue.script(Watch=replies.watch()))
    later = []
    session = LeaseSession(view, TTL)
    session.call_later = lambda seconds, action: later.append((seconds, action))
    entry = QueueEntry(view, "name", session)
    await entry.contend(b"", None, "no")
    return entry, later, transport


def watches(transport):
    return [call for call in transport.calls if call.method == "Watch"]


async def test_the_watch_of_the_own_key_begins_a_moment_after_it_was_acquired(contender, monkeypatch):
    """Who holds a lock for less is faster than the watch would be."""
    entry, ((seconds, begin),), _ = contender
    assert seconds == module.GUARD_AFTER
    begin()
    assert entry._guard is not None


async def test_who_has_left_by_then_watches_nothing(contender):
    entry, ((_, begin),), transport = contender
    await entry.leave()
    begin()
    assert (entry._guard, watches(transport)) == (None, [])


async def test_who_has_lost_the_key_by_then_watches_nothing(contender):
    entry, ((_, begin),), transport = contender
    entry.lose()
    begin()
    assert (entry._guard, watches(transport)) == (None, [])


async def test_an_entry_that_was_dropped_by_then_watches_nothing_and_is_not_kept(view_of, queue):
    view, transport = view_of(queue.script(Watch=replies.watch()))
    later = []
    session = LeaseSession(view, TTL)
    session.call_later = lambda seconds, action: later.append(action)
    entry = QueueEntry(view, "name", session)
    await entry.contend(b"", None, "no")
    gone = weakref.ref(entry)
    del entry
    gc.collect()
    assert gone() is None
    for action in later:
        action()
    assert watches(transport) == []


async def test_a_client_that_is_closed_by_then_is_no_error(connect, queue, guarded, caplog):
    client, _ = connect(queue.script(Watch=replies.watch()))
    await lock(client)
    view_behind(client).client.background.get(WatchStream)._closed = True
    await closed(client)
    assert "failed" not in caplog.text
