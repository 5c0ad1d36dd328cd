"""A range kept in memory: loading and following it, reading it, waiting for it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from attrs import evolve

from etcd_factory.core.mirror.mirror import Fresh, Mirror
from etcd_factory.core.mirror.reads import Held
from etcd_factory.errors import (
    ClientClosedError,
    DeadlineExceededError,
    PermissionDeniedError,
)
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from tests.support.faces import closed, settle

BOUND = 10  # seconds that nothing here takes
LOADED = replies.get({"ns/p/a": "1", "ns/p/b": "2"}, revision=5)
UNCHANGED = replies.of("Range", header={"revision": 5}, count=2)


def range_of(later):
    """A step that answers the first read by the range, and the question for later changes by ``later``."""
    return lambda call: later if call.request.min_mod_revision else LOADED


class Changes:
    """Records the changes of a mirror, and waits for them."""

    def __init__(self):
        self.changes, self._change = [], threading.Condition()

    def __call__(self, old, new):
        with self._change:
            self.changes.append((old and old.text, new and new.text))
            self._change.notify_all()

    async def until(self, count):
        def wait():
            with self._change:
                assert self._change.wait_for(lambda: len(self.changes) >= count, BOUND), self.changes

        await asyncio.to_thread(wait)
        return self.changes


@pytest.fixture
def mirrored(connect):
    """A function that returns a mirror of ``p/`` in the namespace ``ns/``, its client, watch and transport."""

    async def make(**script):
        watch = replies.watch(revision=5)
        client, transport = connect({"Range": range_of(UNCHANGED), "Watch": watch, **script}, namespace="ns/")
        mirror = await settle(client.mirror("p/"))
        return mirror, client, watch, transport

    return make


def put(key, value, **fields):
    return replies.put_event(f"ns/p/{key}", value, **fields)


def texts(mirror):
    return {key: kv.text for key, kv in mirror.items()}


# --- loading and following


async def test_it_holds_the_range_and_follows_it_from_there(mirrored):
    mirror, _, _, transport = await mirrored()
    assert (texts(mirror), mirror.revision, mirror.connected) == ({b"p/a": "1", b"p/b": "2"}, 5, True)
    read, watch = transport.calls[0].request, transport.calls[1].sent[0].create_request
    assert (read.key, read.range_end) == (b"ns/p/", b"ns/p0")
    assert (watch.key, watch.start_revision) == (b"ns/p/", 6)


async def test_it_applies_what_happens_and_calls_handlers(mirrored):
    mirror, _, watch, _ = await mirrored()
    changes = Changes()
    assert mirror.on("change", changes) is mirror
    watch.push(put("a", "new"), replies.delete_event("ns/p/b"), put("c", "3"))
    assert await changes.until(3) == [("1", "new"), ("2", None), (None, "3")]
    assert texts(mirror) == {b"p/a": "new", b"p/c": "3"}


async def test_a_write_of_the_same_value_is_a_change_of_its_revision(mirrored):
    mirror, _, watch, _ = await mirrored()
    changes = Changes()
    mirror.on("change", changes)
    watch.push(put("a", "1"))
    assert await changes.until(1) == [("1", "1")]
    assert mirror[b"p/a"].mod_revision == 6


@pytest.mark.parametrize("reason", ["compacted", "something new"])
async def test_whatever_ends_its_watch_it_reads_the_range_again_and_says_what_changed(mirrored, reason, caplog):
    ended = replies.canceled(compact_revision=9) if reason == "compacted" else replies.canceled(reason)
    again = replies.get({"ns/p/a": "new", "ns/p/c": "3"}, revision=20)
    mirror, _, watch, _ = await mirrored(Range=[LOADED, again])
    changes = Changes()
    mirror.on("change", changes)
    watch.push(ended)
    assert await changes.until(3) == [("1", "new"), ("2", None), (None, "3")]
    assert (texts(mirror), mirror.revision) == ({b"p/a": "new", b"p/c": "3"}, 20)
    assert "reading the mirrored prefix b'p/' again" in caplog.text


async def test_a_refused_watch_is_an_error_of_its_creation(connect):
    refused = replies.canceled("etcdserver: permission denied")
    refused.created = True
    script = {"Range": LOADED, "Watch": replies.StreamScript(reply=lambda request: refused)}
    client, _ = connect(script)
    with pytest.raises(PermissionDeniedError):
        await settle(client.mirror("p/"))


# --- reading


async def test_a_key_is_read_as_on_a_service_and_never_awaited(mirrored):
    mirror, _, _, transport = await mirrored()
    calls = len(transport.calls)
    read = mirror.get("p/a")
    assert (read.string(), read.number(), read.bytes(), read.exists()) == ("1", 1, b"1", True)
    assert (mirror.get("p/none").string(), mirror.get("p/none").exists()) == (None, False)
    assert mirror.get(b"p/a").kv() == mirror[b"p/a"]
    assert len(transport.calls) == calls


async def test_it_is_a_mapping_of_bytes(mirrored):
    mirror, *_ = await mirrored()
    assert (len(mirror), list(mirror), b"p/a" in mirror) == (2, [b"p/a", b"p/b"], True)
    assert mirror == mirror.copy()
    with pytest.raises(TypeError, match="a mirror's keys are bytes"):
        mirror["p/a"]


def answering(revision, mod_revision):
    """A step that answers the first read by the range, and the question when the key was changed last."""
    answer = replies.get(KeyValue(b"ns/p/a", b"", 1, mod_revision, 1), revision=revision)
    return lambda call: answer if call.request.keys_only else LOADED


async def test_a_fresh_read_is_of_the_stores_present_revision(mirrored):
    mirror, _, _, transport = await mirrored(Range=answering(5, 5))
    assert await settle(mirror.get("p/a", fresh=True).string()) == "1"
    assert [call.method for call in transport.calls] == ["Range", "Watch", "Range"]


async def test_a_fresh_read_waits_until_the_mirror_has_caught_up(mirrored, face):
    mirror, _, watch, _ = await mirrored(Range=answering(6, 6))
    reading = face.begin(lambda: mirror.get("p/a", fresh=True).string())
    watch.push(put("a", "new"))
    assert await asyncio.wait_for(reading, BOUND) == "new"


async def test_a_fresh_read_that_the_mirror_does_not_reach_in_time_is_an_error_with_its_key(mirrored):
    mirror, *_ = await mirrored(Range=answering(9, 9))
    shorten(mirror)
    with pytest.raises(DeadlineExceededError, match="is at revision 5, and did not reach 9 within") as caught:
        await settle(mirror.get("p/a", fresh=True).string())
    assert caught.value.operation == "get b'p/a' of a mirror"


def shorten(mirror):
    """Let the service's timeout be short from now on: creating the mirror has the usual one."""
    mirror._run = evolve(mirror._run, timeout=0.01)


async def test_a_fresh_read_of_a_key_outside_the_prefix_asks_nobody(mirrored):
    mirror, _, _, transport = await mirrored()
    calls = len(transport.calls)
    assert await settle(mirror.get("elsewhere", fresh=True).string()) is None
    assert len(transport.calls) == calls


# --- waiting


async def test_a_revision_that_is_reached_is_not_waited_for(mirrored):
    mirror, _, _, transport = await mirrored()
    await settle(mirror.wait(5))
    assert len(transport.calls) == 2


async def test_a_change_in_the_range_ends_the_wait(mirrored, face):
    mirror, _, watch, _ = await mirrored()
    waiting = face.begin(lambda: mirror.wait(6, timeout=BOUND))
    watch.push(put("a", "new"))
    await asyncio.wait_for(waiting, BOUND)
    assert mirror.revision == 6


async def test_a_progress_mark_ends_the_wait(mirrored, face):
    mirror, _, watch, _ = await mirrored()
    watch.push(replies.progress(8))
    waiting = face.begin(lambda: mirror.wait(8, timeout=BOUND))
    await asyncio.wait_for(waiting, BOUND)


async def test_for_changes_elsewhere_it_asks_whether_the_range_is_unchanged(mirrored):
    unchanged = replies.of("Range", header={"revision": 12}, count=2)
    mirror, _, _, transport = await mirrored(Range=range_of(unchanged))
    await settle(mirror.wait(12, timeout=BOUND))
    assert mirror.revision == 12
    request = transport.calls[-1].request
    assert (request.min_mod_revision, request.limit, request.keys_only) == (6, 1, True)


@pytest.mark.parametrize(
    "changed",
    [
        replies.of("Range", header={"revision": 12}, count=1),
        replies.of("Range", header={"revision": 12}, count=2, kvs=[{"key": b"ns/p/a", "mod_revision": 9}]),
    ],
    ids=["a key less", "a later change"],
)
async def test_a_changed_range_is_not_taken_for_a_seen_one(mirrored, changed):
    mirror, *_ = await mirrored(Range=range_of(changed))
    with pytest.raises(DeadlineExceededError, match=r"is at revision 5, and did not reach 12 within 0\.02 s"):
        await settle(mirror.wait(12, timeout=0.02))


async def test_a_wait_has_the_services_timeout_by_default(mirrored):
    mirror, *_ = await mirrored()
    shorten(mirror)
    with pytest.raises(DeadlineExceededError, match=r"within 0\.01 s"):
        await settle(mirror.wait(99))


@pytest.mark.parametrize("revision", [-1, "5", None])
async def test_a_revision_is_a_whole_number(mirrored, revision):
    mirror, *_ = await mirrored()
    with pytest.raises((TypeError, ValueError), match="a revision must"):
        await settle(mirror.wait(revision))


# --- the end


async def test_a_closed_mirror_keeps_what_it_holds_and_ends_who_waits(mirrored, face):
    mirror, *_ = await mirrored()
    waiting = face.begin(lambda: mirror.wait(99, timeout=BOUND))
    await settle(mirror.close())
    await settle(mirror.close())
    with pytest.raises(ClientClosedError, match="this mirror is closed; create a new one"):
        await asyncio.wait_for(waiting, BOUND)
    assert (texts(mirror), mirror.connected) == ({b"p/a": "1", b"p/b": "2"}, False)


async def test_closing_the_client_ends_the_mirror(mirrored):
    mirror, client, _, _ = await mirrored()
    await closed(client)
    with pytest.raises(ClientClosedError):
        await settle(mirror.wait(99))
    assert mirror.get("p/a").string() == "1"


async def test_leaving_its_block_closes_it(connect, face):
    client, _ = connect({"Range": LOADED, "Watch": replies.watch(revision=5)})
    if face.name == "blocking":
        with client.mirror() as mirror:
            assert mirror.connected
    else:
        async with client.mirror() as mirror:
            assert mirror.connected
    assert not mirror.connected


async def test_an_unknown_event_is_an_error_at_once(mirrored):
    mirror, *_ = await mirrored()
    with pytest.raises(ValueError, match=r"event of a mirror: expected one of .*, got 'changes'.*'change'"):
        mirror.on("changes", print)


# --- reprs


async def test_it_shows_what_it_holds(mirrored):
    mirror, *_ = await mirrored()
    assert repr(mirror) == "<Mirror b'p/': 2 keys at revision 5>"
    assert repr(mirror.get("p/a")) == f"<Get 'p/a' of {mirror!r}>"


async def test_a_mirror_is_iterated_over_and_not_its_reads(mirrored):
    mirror, *_ = await mirrored()
    for runner in (Held(mirror), Fresh(mirror.face, mirror)):
        with pytest.raises(TypeError, match="iterate over the mirror itself"):
            runner.pages({})
    assert isinstance(mirror, Mirror)
