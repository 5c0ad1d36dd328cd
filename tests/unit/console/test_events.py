from __future__ import annotations

import asyncio
import json

import pytest

from etcd_factory.console import events
from etcd_factory.console.values import decoded
from etcd_factory.model import Event, KeyValue


def parsed(text):
    """The fields of a message."""
    assert text.endswith("\n\n")
    fields = dict(line.split(": ", 1) for line in text.strip().split("\n"))
    return fields["event"], json.loads(fields["data"]), fields.get("id")


@pytest.fixture
async def aclient(fake):
    async with fake.aclient() as one:
        yield one


@pytest.fixture
async def stream(aclient):
    """Begins a stream of all keys; yields what reads its next message."""
    streams = []

    async def begin(start):
        streams.append(events.stream(aclient.watch().previous().start_revision(start + 1), start))
        return lambda: asyncio.wait_for(anext(streams[-1]), 20)

    yield begin
    for one in streams:
        await one.aclose()


async def until(following, kind):
    """The next message of a kind."""
    while (found := parsed(await following()))[0] != kind:
        pass
    return found


async def test_changes_come_with_their_revision(stream, etcd, fake):
    following = await stream(fake.revision)
    assert parsed(await following()) == ("open", {"revision": 1}, "1")
    etcd.put("k").value(b"\xff" * 1000)
    _, (one,), id = await until(following, "changes")  # noqa: A001
    assert (one["type"], decoded(one["key"]), one["value"]["size"], one["previous"], id) == (
        "put",
        b"k",
        1000,
        None,
        "2",
    )
    assert len(decoded(one["value"]["base64"])) == events.PREVIEW
    etcd.delete().key("k")
    _, (one,), id = await until(following, "changes")  # noqa: A001
    assert (one["type"], one["value"], one["previous"]["size"], id) == ("delete", None, 1000, "3")


async def test_a_stream_goes_on_after_the_last_id(stream, etcd):
    for number in range(3):
        etcd.put("k").value(str(number))
    following = await stream(2)
    found = []
    while len(found) < 2:
        found += (await until(following, "changes"))[1]
    assert [one["revision"] for one in found] == [3, 4]


async def test_what_ends_a_watch_is_told(stream, etcd):
    for number in range(3):
        etcd.put("k").value(str(number))
    etcd.compact(4)
    following = await stream(1)
    kind, data, _ = await until(following, "failed")
    assert (kind, data["kind"], "compacted" in data["error"]) == ("failed", "CompactedError", True)
    with pytest.raises(StopAsyncIteration):
        await following()


async def test_closing_the_client_ends_a_stream(stream, aclient, etcd, fake):
    following = await stream(fake.revision)
    await following()
    etcd.put("k").value("v")
    await until(following, "changes")
    await aclient.aclose()
    with pytest.raises(StopAsyncIteration):
        await until(following, "never")


async def test_a_watch_that_cannot_begin_says_why(stream, aclient):
    following = await stream(1)
    await following()
    await aclient.aclose()
    assert (await until(following, "failed"))[1]["kind"] == "ClientClosedError"


def test_only_the_last_message_of_a_revision_has_its_id(monkeypatch):
    """A stream that breaks between two begins again before the revision."""
    monkeypatch.setattr(events, "TOGETHER", 2)
    changes = [Event("put", KeyValue(b"%d" % number), 7) for number in range(4)]
    found = [parsed(one) for one in events.messages(changes)]
    assert [(len(data), id) for _, data, id in found] == [(2, None), (2, "7")]  # noqa: A001
    assert [id for _, _, id in map(parsed, events.messages(changes[:3]))] == [None, "7"]  # noqa: A001


def test_a_message_has_one_line_of_data():
    assert events.message("x", {"a": "\n\r\u2028"}) == 'event: x\ndata: {"a": "\\n\\r\\u2028"}\n\n'
