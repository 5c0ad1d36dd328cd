"""What to watch: the request that is made of it, and what is refused at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import settle

BOUND = 10  # seconds that nothing here takes


async def created(connect, build, **options):
    """Return the create request of a watch."""
    client, transport = connect({"Watch": replies.watch()}, **options)
    watcher = await settle(build(client.watch()).create())
    await settle(watcher.cancel())
    return transport.calls[0].sent[0].create_request


@pytest.mark.parametrize(
    ("build", "keys"),
    [
        (lambda watch: watch, (b"ns/", b"ns0")),
        (lambda watch: watch.all(), (b"ns/", b"ns0")),
        (lambda watch: watch.key("k"), (b"ns/k", b"")),
        (lambda watch: watch.prefix("p"), (b"ns/p", b"ns/q")),
        (lambda watch: watch.range("a", "c"), (b"ns/a", b"ns/c")),
        (lambda watch: watch.prefix("p").key("k"), (b"ns/k", b"")),
    ],
    ids=["default", "all", "key", "prefix", "range", "the last one"],
)
async def test_the_keys_are_in_the_namespace(connect, build, keys):
    request = await created(connect, build, namespace="ns/")
    assert (request.key, request.range_end) == keys


@pytest.mark.parametrize(
    ("build", "field", "value"),
    [
        (lambda watch: watch, "start_revision", 0),
        (lambda watch: watch.start_revision(7), "start_revision", 7),
        (lambda watch: watch.previous(), "prev_kv", True),
        (lambda watch: watch.only("put"), "filters", [1]),
        (lambda watch: watch.only("delete"), "filters", [0]),
        (lambda watch: watch.only("put").only("delete"), "filters", [0]),
        (lambda watch: watch.fragment(), "fragment", True),
        (lambda watch: watch, "progress_notify", True),
    ],
)
async def test_a_modifier_sets_its_field(connect, build, field, value):
    assert getattr(await created(connect, build), field) == value


async def test_a_modifier_returns_a_new_builder(connect):
    client, _ = connect([])
    watch = client.watch()
    for changed in (watch.key("k"), watch.previous(), watch.resync(), watch.progress(), watch.on("put", print)):
        assert changed is not watch
        assert type(changed) is type(watch)
    assert repr(watch) == repr(client.watch())


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda watch: watch.only("puts"),
            ValueError,
            "kind of event: expected .*'puts'.*did you mean 'put'",
        ),
        (
            lambda watch: watch.on("pot", print),
            ValueError,
            "event of a watch: expected .*'pot'.*did you mean 'put'",
        ),
        (lambda watch: watch.start_revision(-1), ValueError, "a revision must not be negative"),
        (lambda watch: watch.key(1), TypeError, "a key must be str or bytes"),
        (lambda watch: watch.range("a", ""), ValueError, "a range needs an end"),
    ],
)
async def test_a_wrong_argument_is_an_error_at_once(connect, call, error, text):
    client, transport = connect([])
    with pytest.raises(error, match=text):
        call(client.watch())
    assert transport.calls == []


@pytest.mark.parametrize(("buffer", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)])
async def test_a_buffer_holds_at_least_one_event(connect, buffer, error):
    client, transport = connect([])
    with pytest.raises(error, match="a buffer must"):
        await settle(client.watch().create(buffer=buffer))
    assert transport.calls == []


async def test_handlers_of_the_builder_get_the_first_event_and_are_those_of_this_builder_only(connect):
    client, _ = connect({"Watch": replies.watch(replies.put_event("k", "1"), replies.canceled(compact_revision=9))})
    seen, over, watch = [], threading.Event(), client.watch()
    await settle(watch.on("put", lambda event: seen.append(event.kv.text)).on("end", over.set).create())
    assert await asyncio.to_thread(over.wait, BOUND)
    assert seen == ["1"]
    assert watch._handlers == {}


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
def test_a_builder_shows_its_keys_and_its_client(service):
    client = service({"hosts": ["a:1"]}, transport=ScriptedTransport([]))
    assert repr(client.watch()) == "<Watch prefix b'' of a:1>"
    assert repr(client.watch().key("k")) == "<Watch key b'k' of a:1>"
    assert repr(client.watch().range("a", "\0")) == "<Watch range b'a' to the end of a:1>"


async def test_an_asyncio_watch_may_be_awaited_or_entered():
    async with AsyncETCDService(transport=ScriptedTransport({"Watch": replies.watch()})) as client:
        async with client.watch().create() as entered:
            assert repr(entered) == "<Watcher running of 127.0.0.1:2379>"
        awaited = await client.watch().create()
        await awaited.cancel()
    assert [repr(entered), repr(awaited)] == ["<Watcher ended of 127.0.0.1:2379>"] * 2
