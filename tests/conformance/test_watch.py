"""Watching keys: what a watch tells, to whom, and how it ends."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from functools import partial

import pytest

from etcd_factory import AsyncETCDService, errors, ops
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.support.faces import THREADS, closed, fill, is_async, settle

from .test_auth import CHEAP, Guarded

BOUND = 10
POLLS = 500
BIG = b"x" * 500_000
PROGRESS = "--experimental-watch-progress-notify-interval=100ms"
OURS = "etcd_factory"


async def soon(given):
    """What comes within the bound."""
    return await asyncio.wait_for(given, BOUND)


def taking(watcher, count):
    """Reading so many events, under way beside the test."""

    async def several():
        return [await watcher.__anext__() for _ in range(count)]

    if is_async(watcher):
        return asyncio.ensure_future(several())
    return asyncio.get_running_loop().run_in_executor(THREADS, lambda: [next(watcher) for _ in range(count)])


async def take(watcher, count=1):
    return await soon(taking(watcher, count))


def rest(watcher):
    """Reading to the end, under way beside the test."""

    async def all_of_it():
        return [event async for event in watcher]

    if is_async(watcher):
        return asyncio.ensure_future(all_of_it())
    return asyncio.get_running_loop().run_in_executor(THREADS, lambda: list(watcher))


def shown(events):
    return [(event.type, event.kv.key_text, event.kv.text) for event in events]


def keys(events):
    return [event.kv.key_text for event in events]


async def put(client, *names, value="v"):
    for name in names:
        await settle(client.put(name).value(value))


class Told:
    """What functions were called with, and a way to wait for it."""

    def __init__(self):
        self.calls, self._change = [], threading.Condition()

    def __call__(self, name, *args):
        with self._change:
            self.calls.append((name, *args))
            self._change.notify_all()

    def on(self, watch, *kinds):
        """The watch, with these kinds noted."""
        for kind in kinds:
            watch = watch.on(kind, partial(self, kind))
        return watch

    @property
    def names(self):
        return [name for name, *_ in self.calls]

    async def until(self, name, count=1):
        """Wait for so many calls of that name."""

        def waiting():
            with self._change:
                return self._change.wait_for(lambda: self.names.count(name) >= count, BOUND)

        assert await asyncio.to_thread(waiting), f"{name} was told {self.names.count(name)} times: {self.calls}"


@pytest.fixture
def told():
    return Told()


def metric(server, name, labels=""):
    text = urllib.request.urlopen(f"{server.url}/metrics").read().decode()
    line = next(line for line in text.splitlines() if line.startswith(name) and labels in line)
    return int(float(line.rsplit(" ", 1)[1]))


STREAMS = ("grpc_server_started_total", 'grpc_method="Watch",grpc_service="etcdserverpb.Watch"')
WATCHERS = ("etcd_debugging_mvcc_watcher_total",)


async def comes_to(server, name, expected):
    """Wait until the server counts so many."""
    for _ in range(POLLS):
        if await asyncio.to_thread(metric, server, *name) == expected:
            return
    pytest.fail(f"{name[0]} is {metric(server, *name)} and not {expected}")


# --- beginning


async def test_a_put_right_after_create_is_seen(client):
    for number in range(20):
        watcher = await settle(client.watch().key("k").create())
        await put(client, "k", value=str(number))
        assert shown(await take(watcher)) == [("put", "k", str(number))]
        await settle(watcher.cancel())


async def test_events_tell_type_key_value_and_revision(client):
    watcher = await settle(client.watch().create())
    written = await settle(client.put("k").value("v"))
    gone = await settle(client.delete().key("k"))
    first, second = await take(watcher, 2)
    assert (first.type, first.kv.key, first.kv.value, first.revision) == ("put", b"k", b"v", written.revision)
    assert (second.type, second.kv.key, second.kv.value, second.revision) == ("delete", b"k", b"", gone.revision)
    assert (first.previous, first.resync, second.previous) == (None, False, None)


SELECTED = {
    "key": (lambda w: w.key("b"), ["b"]),
    "prefix": (lambda w: w.prefix("b"), ["b", "ba"]),
    "range": (lambda w: w.range("b", "c"), ["b", "ba"]),
    "from": (lambda w: w.range("b", "\0"), ["b", "ba", "c"]),
    "all": (lambda w: w.key("b").all(), ["a", "b", "ba", "c"]),
    "default": (lambda w: w, ["a", "b", "ba", "c"]),
}


@pytest.mark.parametrize("name", SELECTED)
async def test_what_is_watched_is_chosen_by_a_modifier(client, name):
    choose, expected = SELECTED[name]
    watcher = await settle(choose(client.watch()).create())
    await put(client, "a", "b", "ba", "c", "a", "b")
    assert keys(await take(watcher, len(expected) + 1)) == [*expected, "a" if "a" in expected else "b"]


async def test_a_key_that_is_not_watched_is_not_told(client):
    watcher = await settle(client.watch().prefix("mine/").create())
    await put(client, "other", "mine", "mine/1", "mine0", "mine/2")
    assert keys(await take(watcher, 2)) == ["mine/1", "mine/2"]


async def test_a_start_revision_tells_the_past_and_goes_on_with_what_comes(client):
    await put(client, "k", value="old")
    start = (await settle(client.put("k").value("one"))).revision
    await put(client, "k", value="two")
    watcher = await settle(client.watch().key("k").start_revision(start).create())
    await put(client, "k", value="three")
    assert [event.kv.text for event in await take(watcher, 3)] == ["one", "two", "three"]


async def test_previous_tells_what_stood_there_and_the_keys_of_a_namespace_are_its_own(client):
    watcher = await settle(client.namespace("in/").watch().prefix("k").previous().create())
    await put(client, "k", "in/k", value="1")
    await put(client, "in/k", value="2")
    await settle(client.delete().key("in/k"))
    first, second, third = await take(watcher, 3)
    assert (first.kv.key, first.previous) == (b"k", None)
    assert (second.kv.text, second.previous.key, second.previous.text) == ("2", b"k", "1")
    assert (third.type, third.kv.key, third.previous.key, third.previous.text) == ("delete", b"k", b"k", "2")


@pytest.mark.parametrize(("kind", "expected"), [("put", ["1", "2"]), ("delete", ["", ""])])
async def test_only_one_kind_of_event_is_told(client, kind, expected):
    watcher = await settle(client.watch().only(kind).create())
    for value in ("1", "2"):
        await put(client, "k", value=value)
        await settle(client.delete().key("k"))
    events = await take(watcher, 2)
    assert [(event.type, event.kv.text) for event in events] == [(kind, text) for text in expected]


async def test_the_events_of_one_transaction_come_together(client, told):
    await settle(told.on(client.watch(), "data").create())
    await put(client, "a")
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(100)]).commit())
    await told.until("data", 2)
    assert [len(events) for _, events in told.calls] == [1, 100]
    assert len({event.revision for event in told.calls[1][1]}) == 1


@pytest.fixture
def heard(client):
    """What comes on the client's streams."""
    io, messages = client._run.client.io, []
    opened = io.stream

    async def stream(*call):
        one = await opened(*call)
        receive = one.receive

        async def noting():
            messages.append(await receive())
            return messages[-1]

        one.receive = noting
        return one

    io.stream = stream
    return messages


@pytest.mark.parametrize("fragment", [False, True])
async def test_big_events_arrive_whole(client, heard, fragment):
    def watch():
        return client.watch().fragment() if fragment else client.watch()

    live = await settle(watch().prefix("big").create())
    first = await settle(client.txn().then(ops.put("big/a").value(BIG), ops.put("big/b").value(BIG)).commit())
    for number in range(20):
        await put(client, f"big/{number}", value=BIG + str(number).encode())
    past = await settle(watch().prefix("big").start_revision(first.revision).create())
    events = await take(past, 22)
    assert any(message.fragment for message in heard) == fragment
    assert (max(message.ByteSize() for message in heard) > 22 * len(BIG)) != fragment  # all of them, or a part
    assert keys(events) == ["big/a", "big/b", *(f"big/{n}" for n in range(20))]
    assert [event.kv.value for event in events[2:]] == [BIG + str(n).encode() for n in range(20)]
    assert await take(live, 22) == events


@pytest.fixture(scope="module")
def telling():
    """A server that tells idle watches its revision every 100 ms."""
    with EtcdServer(args=[PROGRESS]) as server:
        yield server


async def test_progress_is_told_to_those_who_ask_for_it_and_to_no_others(make, telling, told):
    client = make(hosts=[telling.endpoint])
    watcher = await settle(client.watch().key("mine").progress().create())
    quiet = await settle(told.on(client.watch().key("mine"), "progress", "put").create())
    revision = (await settle(client.put("other").value("v"))).revision
    while (mark := (await take(watcher))[0]).revision < revision:
        pass
    assert (mark.type, mark.kv.key) == ("progress", b"")
    await take(watcher)
    await put(client, "mine")
    await told.until("put")
    assert told.names == ["put"]
    await settle(quiet.cancel())


async def test_a_function_is_called_with_progress(make, telling, told):
    client = make(hosts=[telling.endpoint])
    await settle(told.on(client.watch().key("mine").progress(), "progress").create())
    await told.until("progress")
    assert told.calls[0][1].type == "progress"


async def test_a_modifier_leaves_the_builder_as_it_was(client, told):
    plain = client.watch().key("k")
    plain.prefix("x").start_revision(1).previous().only("delete").fragment().progress().resync()
    told.on(plain, "put")
    watcher = await settle(plain.create())
    await put(client, "x", "k", "k")
    events = await take(watcher, 2)
    assert shown(events) == [("put", "k", "v")] * 2
    assert [event.previous for event in events] == [None, None]
    assert told.calls == []


async def test_a_builder_can_be_created_from_twice(client):
    watch = client.watch().key("k")
    one, two = await settle(watch.create()), await settle(watch.create())
    await put(client, "k")
    assert shown(await take(one)) == shown(await take(two)) == [("put", "k", "v")]


async def test_functions_of_one_watcher_are_not_those_of_another_from_the_same_builder(client, told):
    watch = told.on(client.watch().key("k"), "connected")
    (await settle(watch.create())).on("put", partial(told, "mine"))
    await settle(told.on(watch, "put").create())
    await put(client, "k")
    await told.until("mine")
    await told.until("put")
    assert told.names.count("mine") == 1


WRONG = {
    "only": (lambda w: w.only("both"), ValueError, "'put' or 'delete'"),
    "on": (lambda w: w.on("puts", print), ValueError, "did you mean 'put'"),
    "key": (lambda w: w.key(1), TypeError, "a key is"),
    "prefix": (lambda w: w.prefix(None), TypeError, "a prefix is"),
    "range": (lambda w: w.range("a", 1), TypeError, "is str or bytes"),
    "revision": (lambda w: w.start_revision("1"), TypeError, "a revision is an int"),
    "negative": (lambda w: w.start_revision(-1), ValueError, "not negative"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_modifier_is_told_at_once(client, name):
    call, error, text = WRONG[name]
    with pytest.raises(error, match=text):
        call(client.watch())


async def test_a_wrong_kind_is_refused_by_a_running_watcher_too(client):
    watcher = await settle(client.watch().create())
    with pytest.raises(ValueError, match="none of connecting"):
        watcher.on("change", print)


@pytest.mark.parametrize("size", ["5", None, -1, 0], ids=repr)
async def test_a_buffer_that_is_no_size_is_refused(client, size):
    with pytest.raises((TypeError, ValueError)):
        await settle(client.with_options(timeout=0.5).watch().create(buffer=size))


async def test_a_watch_is_a_context_manager_that_cancels_it(face, client):
    if face.name == "blocking":
        with client.watch().key("k").create() as watcher:
            await put(client, "k")
            assert keys(await take(watcher)) == ["k"]
    else:
        async with client.watch().key("k").create() as watcher:
            await put(client, "k")
            assert keys(await take(watcher)) == ["k"]
        async with await client.watch().key("k").create() as other:
            pass
        assert await soon(rest(other)) == []
    assert await soon(rest(watcher)) == []


# --- what the server refuses


@pytest.fixture(scope="module")
def guarded():
    with EtcdServer(args=[CHEAP]) as server:
        yield Guarded(server)


@pytest.fixture
def alice(make, guarded):
    """Makes clients of a user who may see and write pub/ only."""

    def new(**changes):
        return make(**{**guarded.options, "auth": {"username": "alice", "password": "wonder"}, **changes})

    return new


async def test_a_watch_without_the_right_is_refused_and_others_are_unharmed(alice):
    client = alice()
    other = await settle(client.watch().prefix("pub/").create())
    with pytest.raises(errors.PermissionDeniedError):
        await settle(client.with_options(timeout=3).watch().key("secret").create())
    later = await settle(client.watch().key("pub/k").create())
    await put(client, "pub/k")
    assert keys(await take(other)) == keys(await take(later)) == ["pub/k"]


async def test_a_refused_watch_ends_what_the_client_does_in_the_background(alice):
    client = alice()
    before = threads()
    with pytest.raises(errors.PermissionDeniedError):
        await settle(client.watch().key("secret").create())
    await nothing_left(before)


async def test_the_functions_of_a_refused_watch_are_told(alice, told):
    client = alice()
    with pytest.raises(errors.PermissionDeniedError):
        await settle(told.on(client.watch().key("secret"), "connected", "error", "end").create())
    await told.until("end")
    assert told.names == ["error", "end"]
    assert isinstance(told.calls[0][1], errors.PermissionDeniedError)


async def test_a_wrong_password_is_what_create_raises(alice):
    client = alice(auth={"username": "alice", "password": "wrong"}, timeout=0.5)
    with pytest.raises(errors.AuthenticationFailedError):
        await settle(client.watch().key("pub/k").create())


async def test_a_watch_goes_on_however_often_its_token_is_refused(alice, guarded):
    with FaultProxy(guarded.server.endpoint) as proxy:
        watcher = await settle(alice(hosts=[proxy.endpoint]).watch().prefix("pub/").create())
        writer = alice()
        for number in range(4):
            guarded.renew()
            proxy.reset()
            await put(writer, f"pub/{number}")
            assert keys(await take(watcher)) == [f"pub/{number}"]
        await settle(watcher.cancel())


async def test_a_watch_goes_on_when_the_server_was_restarted_and_knows_no_token(alice, guarded):
    client = alice()
    watcher = await settle(client.watch().prefix("pub/").create())
    await asyncio.to_thread(guarded.server.restart)
    await put(client, "pub/k")
    assert keys(await take(watcher)) == ["pub/k"]


async def test_a_new_watch_is_created_with_a_token_that_is_refused(alice, guarded):
    client = alice()
    await put(client, "pub/k")
    guarded.renew()
    watcher = await settle(client.watch().prefix("pub/").create())
    await put(client, "pub/k")
    assert keys(await take(watcher)) == ["pub/k"]


async def test_a_start_that_was_compacted_is_an_error_with_the_oldest_revision_left(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await put(client, "k", "k")
    last = (await settle(client.put("k").value("last"))).revision
    fragile.etcdctl("compact", str(last))
    with pytest.raises(errors.CompactedError) as caught:  # etcd confirms such a watch before it ends it
        await take(await settle(client.watch().key("k").start_revision(1).create()))
    assert caught.value.compact_revision == last
    watcher = await settle(client.watch().key("k").start_revision(last).create())
    assert shown(await take(watcher)) == [("put", "k", "last")]


async def test_a_resync_at_the_start_reads_the_range_and_goes_on(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await put(client, "a", "b", "x")
    last = (await settle(client.put("a").value("new"))).revision
    fragile.etcdctl("compact", str(last))
    watcher = await settle(client.watch().range("a", "c").start_revision(1).resync().create())
    events = await take(watcher, 2)
    await put(client, "c", "b", value="live")
    events += await take(watcher)
    assert shown(events) == [("put", "a", "new"), ("put", "b", "v"), ("put", "b", "live")]
    assert [event.resync for event in events] == [True, True, False]


@pytest.mark.parametrize("buffered", [100, 1])
async def test_a_resync_is_read_whatever_the_buffer(make, fragile, buffered):
    client = make(hosts=[fragile.endpoint])
    await fill(client, {f"k{n}": "v" for n in range(10)})
    last = (await settle(client.put("k0").value("new"))).revision
    fragile.etcdctl("compact", str(last))
    watcher = await settle(client.watch().start_revision(1).resync().create(buffer=buffered))
    assert keys(await take(watcher, 10)) == [f"k{n}" for n in range(10)]


async def test_create_times_out_on_a_server_that_hangs_and_no_keys_cross_afterwards(make, fragile):
    client = make(hosts=[fragile.endpoint])
    one = await settle(client.watch().key("a").create())
    fragile.pause()
    with pytest.raises(errors.DeadlineExceededError):
        await settle(client.with_options(timeout=0.3).watch().key("b").create())
    fragile.resume()
    three = await settle(client.watch().key("c").create())
    await put(client, "b", "a", "c")
    assert keys(await take(one)) == ["a"]
    assert keys(await take(three)) == ["c"]


async def test_a_watch_whose_creation_timed_out_is_not_left_on_the_server(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await comes_to(fragile, WATCHERS, 0)
    await settle(client.watch().key("a").create())
    fragile.pause()
    with pytest.raises(errors.DeadlineExceededError):
        await settle(client.with_options(timeout=0.3).watch().key("b").create())
    fragile.resume()
    await settle(client.watch().key("c").create())
    await comes_to(fragile, WATCHERS, 2)


@pytest.mark.parametrize("others", [0, 1])
async def test_create_times_out_at_a_host_that_never_says_a_word(face, make, deaf, others):
    client = make(hosts=[deaf], dial_timeout=30)
    creating = [face.begin(lambda: create(client.with_options(timeout=0.3), "k")) for _ in range(1 + others)]
    for one in await soon(asyncio.gather(*creating, return_exceptions=True)):
        assert isinstance(one, errors.EtcdError)


def create(client, key):
    """A watch of one key, for ``face.begin``: what create gives in asyncio can be awaited, but is no coroutine."""
    return begun(client.watch().key(key).create())


def begun(given):
    return settle(given) if hasattr(given, "__await__") else given


async def test_create_times_out_while_another_waits_for_a_host_that_never_says_a_word(face, make, deaf, told):
    client = make(hosts=[deaf], dial_timeout=30, timeout=2)
    patient = face.begin(lambda: begun(told.on(client.watch(), "connecting").create()))
    await told.until("connecting")
    with pytest.raises(errors.EtcdError):
        await asyncio.wait_for(face.begin(partial(create, client.with_options(timeout=0.3), "k")), 1.5)
    await soon(asyncio.wait([patient]))
    assert isinstance(patient.exception(), errors.EtcdError)


async def test_a_creation_that_timed_out_at_such_a_host_leaves_nothing_and_closing_is_prompt(face, make, deaf):
    before = threads()
    client = make(hosts=[deaf], dial_timeout=30, timeout=0.3)
    with pytest.raises(errors.EtcdError):
        await settle(client.watch().create())
    await asyncio.wait_for(face.begin(client.close if face.name == "blocking" else client.aclose), 3)
    await nothing_left(before)


async def test_create_of_a_client_that_cannot_reach_its_host_tells_why(make, refusing):
    client = make(hosts=[refusing], timeout=0.5)
    with pytest.raises(errors.ConnectionFailedError):
        await settle(client.watch().create())


async def test_watches_that_are_created_at_once_do_not_cross(face, client):
    names = [f"k{n}" for n in range(30)]
    made = await soon(asyncio.gather(*(face.begin(partial(create, client, name)) for name in names)))
    await put(client, *names)
    assert [keys(await take(one)) for one in made] == [[name] for name in names]


async def test_watches_created_side_by_side_do_not_cross(face, client):
    names = [f"k{n}" for n in range(20)]
    made = await soon(asyncio.gather(*(face.begin(partial(create, client, name)) for name in names)))
    await put(client, *names)
    assert [keys(await take(one)) for one in made] == [[name] for name in names]


async def test_a_hundred_watches_share_one_stream(make, fragile):
    client, before = make(hosts=[fragile.endpoint]), metric(fragile, *STREAMS)
    made = [await settle(client.watch().key(f"k{n}").create()) for n in range(100)]
    assert metric(fragile, *STREAMS) == before + 1
    await put(client, *(f"k{n}" for n in range(100)))
    assert [keys(await take(one)) for one in made] == [[f"k{n}"] for n in range(100)]


async def test_watches_of_all_views_share_one_stream(make, fragile):
    client, before = make(hosts=[fragile.endpoint]), metric(fragile, *STREAMS)
    await settle(client.watch().create())
    await settle(client.namespace("n/").with_options(timeout=3).watch().create())
    assert metric(fragile, *STREAMS) == before + 1


# --- ending


def threads():
    """Those of ours and of gRPC, but for the one that all of asyncio shares."""
    ours = (OURS, "Thread-")  # so gRPC's are called
    return {one for one in threading.enumerate() if one.name.startswith(ours) and "_poll_wrapper" not in one.name}


async def nothing_left(before):
    """Wait until no thread and no task is left but those before."""
    for one in threads() - before:
        await asyncio.to_thread(one.join, BOUND)
        assert not one.is_alive(), one
    tasks = {one for one in asyncio.all_tasks() if one.get_name().startswith(OURS)}
    if tasks:
        _, left = await asyncio.wait(tasks, timeout=BOUND)
        assert not left


async def test_cancel_ends_iteration_and_may_be_called_twice(client):
    watcher = await settle(client.watch().create())
    await settle(watcher.cancel())
    await settle(watcher.cancel())
    assert await soon(rest(watcher)) == []


async def test_cancel_ends_an_iteration_that_waits(client):
    watcher = await settle(client.watch().create())
    await put(client, "k")
    await take(watcher)
    waiting = rest(watcher)
    await asyncio.sleep(0)
    await settle(watcher.cancel())
    assert await soon(waiting) == []


async def test_a_cancelled_watch_is_gone_from_the_server_and_others_go_on(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await comes_to(fragile, WATCHERS, 0)
    one, two = [await settle(client.watch().key("k").create()) for _ in range(2)]
    await settle(one.cancel())
    await comes_to(fragile, WATCHERS, 1)
    await put(client, "k")
    assert keys(await take(two)) == ["k"]


async def test_the_last_cancel_ends_the_stream_and_all_that_runs_for_it(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await put(client, "k")
    before = threads()
    made = [await settle(client.watch().create()) for _ in range(3)]
    made[0].on("put", print)
    for one in made:
        await settle(one.cancel())
    await nothing_left(before)
    await comes_to(fragile, WATCHERS, 0)


async def test_a_watch_after_the_last_cancel_works(client):
    for _ in range(10):
        watcher = await settle(client.watch().key("k").create())
        await put(client, "k")
        assert keys(await take(watcher)) == ["k"]
        await settle(watcher.cancel())


async def test_closing_the_client_ends_what_waits_with_an_error_and_leaves_nothing(make, told):
    before = threads()
    client = make()
    one = await settle(client.watch().create())
    await settle(told.on(client.watch(), "error", "end").create())
    waiting = rest(one)
    await asyncio.sleep(0)
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await soon(waiting)
    await told.until("end")
    assert [(name, *map(type, args)) for name, *args in told.calls] == [("error", errors.ClientClosedError), ("end",)]
    await nothing_left(before)


async def test_a_closed_client_has_no_watches(client):
    watcher = await settle(client.watch().create())
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await settle(client.watch().create())
    await settle(watcher.cancel())


async def test_closing_while_the_server_hangs_is_prompt(face, make, fragile):
    client = make(hosts=[fragile.endpoint])
    watcher = await settle(client.watch().create())
    fragile.pause()
    waiting = rest(watcher)
    await soon(face.begin(client.close if face.name == "blocking" else client.aclose))
    with pytest.raises(errors.ClientClosedError):
        await soon(waiting)


async def test_cancel_while_the_server_hangs_is_prompt(face, make, fragile):
    client = make(hosts=[fragile.endpoint])
    one, two = [await settle(client.watch().create()) for _ in range(2)]
    fragile.pause()
    await soon(asyncio.gather(face.begin(one.cancel), face.begin(two.cancel)))
    assert await soon(asyncio.gather(rest(one), rest(two))) == [[], []]


async def test_a_creation_that_is_cancelled_leaves_nothing(fragile):
    async with AsyncETCDService({"hosts": [fragile.endpoint]}) as client:
        await put(client, "k")
        fragile.pause()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(settle(client.watch().create()), 0.2)
        fragile.resume()
        await nothing_left(threads())


async def test_a_reader_that_is_cancelled_loses_nothing(options):
    async with AsyncETCDService(options) as client:
        watcher = await client.watch().create()
        reader = taking(watcher, 1)
        await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait([reader])
        await put(client, "a", "b")
        assert keys(await take(watcher, 2)) == ["a", "b"]


# --- functions


async def test_functions_are_called_in_order(client, told):
    watcher = await settle(told.on(client.watch(), "connecting", "connected", "put", "delete", "data", "end").create())
    await settle(client.txn().then(ops.put("a").value("1"), ops.put("b").value("2")).commit())
    await settle(client.delete().key("a"))
    await told.until("data", 2)
    await settle(watcher.cancel())
    await told.until("end")
    assert told.names == ["connecting", "connected", "put", "put", "data", "delete", "data", "end"]
    assert told.calls[4][1] == [told.calls[2][1], told.calls[3][1]]
    assert [len(call) - 1 for call in told.calls] == [0, 0, 1, 1, 1, 1, 1, 0]


async def test_functions_may_be_given_to_a_running_watch_and_miss_nothing(client, told):
    watcher = await settle(client.watch().create())
    await put(client, "a")
    assert told.on(watcher, "put") is watcher
    await put(client, "b")
    await told.until("put", 2)
    assert keys([event for _, event in told.calls]) == ["a", "b"]


async def test_functions_given_to_the_builder_all_see_the_past(client, told):
    start = (await settle(client.put("k").value("v"))).revision
    await settle(client.delete().key("k"))
    await put(client, "k")
    for number in range(1, 10):
        watch = client.watch().key("k").start_revision(start)
        watcher = await settle(told.on(watch, "put", "delete").create())
        await told.until("put", 2 * number)
        await settle(watcher.cancel())
    assert told.names == ["put", "delete", "put"] * 9


async def test_several_functions_of_one_kind_are_called_in_the_order_they_were_given(client, told):
    watch = client.watch().on("put", lambda event: told("one")).on("put", lambda event: told("two"))
    await settle(watch.create())
    await put(client, "k")
    await told.until("two")
    assert told.names == ["one", "two"]


async def test_a_function_may_use_the_client_and_cancel_its_own_watcher(client, told):
    made = []

    async def answer(event):
        await client.put("answer").value(event.kv.text)
        await made[0].cancel()
        told("done")

    def answer_blocking(event):
        client.put("answer").value(event.kv.text)
        made[0].cancel()
        told("done")

    watcher = await settle(told.on(client.watch().key("k"), "end").create())
    made.append(watcher)
    watcher.on("put", answer if is_async(watcher) else answer_blocking)
    await put(client, "k", value="asked")
    await told.until("end")
    assert told.names == ["done", "end"]
    assert await settle(client.get("answer").string()) == "asked"


async def test_a_function_may_create_a_watch(client, told):
    async def nest(event):
        (await client.watch().key("in").create()).on("put", partial(told, "inner"))
        told("made")

    def nest_blocking(event):
        client.watch().key("in").create().on("put", partial(told, "inner"))
        told("made")

    watcher = await settle(client.watch().key("k").create())
    watcher.on("put", nest if is_async(watcher) else nest_blocking)
    await put(client, "k")
    await told.until("made")
    await put(client, "in")
    await told.until("inner")


async def test_after_cancel_in_a_function_no_other_is_called_but_for_end(client, told):
    watcher = await settle(told.on(client.watch(), "data", "end").create())

    async def stop(event):
        told("put")
        await watcher.cancel()

    def stop_blocking(event):
        told("put")
        watcher.cancel()

    watcher.on("put", stop if is_async(watcher) else stop_blocking)
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(3)]).commit())
    await told.until("end")
    assert told.names == ["put", "end"]


async def test_a_slow_function_does_not_delay_another_watch(client, told):
    go, entered = threading.Event(), threading.Event()

    async def slow(event):
        entered.set()
        await asyncio.to_thread(go.wait, BOUND)
        told("slow")

    def slow_blocking(event):
        entered.set()
        go.wait(BOUND)
        told("slow")

    one = await settle(client.watch().key("k").create())
    one.on("put", slow if is_async(one) else slow_blocking)
    await settle(told.on(client.watch().key("k"), "put").create())
    await put(client, "k", "k", "k")
    assert await asyncio.to_thread(entered.wait, BOUND)
    await told.until("put", 3)
    go.set()
    await told.until("slow", 3)
    assert told.names == ["put"] * 3 + ["slow"] * 3


async def test_what_a_function_raises_is_logged_and_the_next_event_still_comes(client, told, caplog):
    def fails(event):
        if event.kv.text == "bad":
            raise RuntimeError("no good")

    await settle(told.on(client.watch().on("put", fails), "put").create())
    await put(client, "k", value="bad")
    await put(client, "k", value="good")
    await told.until("put", 2)
    assert [event.kv.text for _, event in told.calls] == ["bad", "good"]
    (record,) = [one for one in caplog.records if one.name == "etcd_factory.watch" and one.exc_info]
    assert "no good" in str(record.exc_info[1])
    assert "'put'" in record.getMessage()


async def test_a_watcher_with_functions_is_not_iterated_over(client, told):
    watcher = await settle(told.on(client.watch(), "put").create())
    with pytest.raises(TypeError, match="not iterated over"):
        await take(watcher)


async def test_functions_are_told_the_error_that_ends_the_watch(client, told):
    await settle(told.on(client.watch(), "put", "error", "end").create(buffer=5))
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(6)]).commit())
    await told.until("end")
    assert told.names == ["error", "end"]
    assert isinstance(told.calls[0][1], errors.WatchOverflowError)


UNTOLD = "no function was given for its 'error'"


@pytest.mark.parametrize("kinds", [("put", "end"), ("error", "end")], ids=str)
async def test_an_error_that_no_function_is_told_is_logged(client, told, caplog, kinds):
    await settle(told.on(client.watch(), *kinds).create(buffer=5))
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(6)]).commit())
    await told.until("end")
    warned = [one.getMessage() for one in caplog.records if UNTOLD in one.getMessage()]
    assert len(warned) == ("error" not in kinds)
    assert all("more than 5 events" in one for one in warned)


async def test_the_end_of_the_client_is_no_error_to_be_logged(client, told, caplog):
    await settle(told.on(client.watch(), "put", "end").create())
    await closed(client)
    await told.until("end")
    assert UNTOLD not in caplog.text


# --- overflow


async def test_a_full_buffer_can_be_read_and_then_is_an_error_and_others_are_unharmed(client):
    slow = await settle(client.watch().prefix("k").create(buffer=5))
    other = await settle(client.watch().create())
    await put(client, *(f"k{n}" for n in range(8)), "end")
    assert len(await take(other, 9)) == 9  # by then the slow one has been given all
    assert keys(await take(slow, 5)) == ["k0", "k1", "k2", "k3", "k4"]
    with pytest.raises(errors.WatchOverflowError, match="more than 5"):
        await take(slow)
    await put(client, "k8")
    assert keys(await take(other)) == ["k8"]


async def test_a_reader_that_keeps_up_never_overflows(client):
    watcher = await settle(client.watch().create(buffer=5))
    for number in range(20):
        await put(client, f"k{number}")
        assert keys(await take(watcher)) == [f"k{number}"]


async def test_functions_that_keep_up_never_overflow(client, told):
    await settle(told.on(client.watch(), "put").create(buffer=5))
    for number in range(20):
        await put(client, f"k{number}")
        await told.until("put", number + 1)
    assert keys([event for _, event in told.calls]) == [f"k{n}" for n in range(20)]


async def test_an_overflown_watch_is_gone_from_the_server(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await comes_to(fragile, WATCHERS, 0)
    await settle(client.watch().key("other").create())
    await settle(client.watch().key("k").create(buffer=1))
    await put(client, "k", "k")
    await comes_to(fragile, WATCHERS, 1)
