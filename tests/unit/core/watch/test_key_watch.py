"""Watching a single key: the last event of each message, and re-reads that say whether the store was rolled back."""

from __future__ import annotations

import pytest

from etcd_factory.core.face import finish
from etcd_factory.core.watch.key_watch import KeyWatch
from etcd_factory.errors import PermissionDeniedError
from etcd_factory.service import view_of
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages
from tests.support.transports import Recorded

FUTURE = "etcdserver: mvcc: required revision is a future revision"
DENIED = "etcdserver: permission denied"
KEY = "services/user/a"


@pytest.fixture
async def watch(face, connect, recorder):
    """A function that watches the key from revision 6 on a script; the recorder has what the watch reports."""
    opened = []

    async def begin(**steps):
        transport = Recorded(ScriptedTransport(steps))
        client, _ = connect(transport)
        view = view_of(client, type(client), "a test")

        def on_change(kv, revision):
            recorder("change", kv and kv.value, revision)

        def on_read(kv, revision, rolled_back):
            recorder("read", kv and kv.value, revision, rolled_back)

        key_watch = KeyWatch(view, KEY.encode(), on_change, on_read)
        await run(key_watch.open(6))
        opened.append(key_watch)
        return transport

    async def run(body):
        return finish(body) if face.is_blocking else await body

    yield begin
    for one in opened:
        await run(one.end())


async def test_events_are_reported_with_their_revision(watch, recorder):
    await watch(Watch=replies.watch(replies.put_event(KEY, "v"), replies.delete_event(KEY), revision=5))
    await recorder.until("change", 2)
    assert recorder.calls == [("change", b"v", 6), ("change", None, 7)]


async def test_only_the_last_event_of_a_message_is_reported(watch, recorder):
    several = replies.events(replies.put_event(KEY, "a", revision=6), replies.put_event(KEY, "b", revision=7))
    await watch(Watch=replies.watch(several, replies.put_event(KEY, "c", revision=8), revision=5))
    await recorder.until("change", 2)
    assert recorder.calls == [("change", b"b", 7), ("change", b"c", 8)]


@pytest.mark.parametrize(("found", "value"), [([{KEY: "v"}], b"v"), ([], None)], ids=["there", "missing"])
async def test_after_a_compaction_the_key_is_read_again(watch, recorder, found, value):
    lines = replies.watch(replies.canceled(compact_revision=9), replies.put_event(KEY, "next", watch=2), revision=5)
    transport = await watch(Watch=lines, Range=replies.get(*found, revision=20))
    await recorder.until("change")
    assert recorder.calls == [("read", value, 20, False), ("change", b"next", 21)]
    assert [one.create_request.start_revision for one in transport.streams[0].sent] == [6, 21]


async def test_a_read_after_a_rollback_says_so_and_later_ones_do_not(watch, recorder):
    lines = replies.watch(
        replies.canceled(FUTURE), replies.canceled(compact_revision=9, watch=2), replies.delete_event(KEY, watch=3)
    )
    await watch(Watch=lines, Range=replies.get({KEY: "v"}, revision=3))
    await recorder.until("change")
    assert [call[3] for call in recorder.calls if call[0] == "read"] == [True, False]


async def test_any_error_after_its_confirmation_is_followed_by_a_read(watch, recorder):
    await watch(
        Watch=replies.watch(replies.canceled(DENIED), replies.delete_event(KEY, watch=2), revision=5),
        Range=replies.get(revision=8),
    )
    await recorder.until("change")
    assert recorder.calls[0] == ("read", None, 8, False)


async def test_a_refusal_is_raised(watch):
    refused = messages.WatchResponse(watch_id=-1, created=True, canceled=True, cancel_reason=DENIED)
    with pytest.raises(PermissionDeniedError):
        await watch(Watch=StreamScript(reply=lambda _: refused))
