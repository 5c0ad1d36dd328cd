"""A mirror as a cache: ranges and the past are read, and watched, without a call to the server."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory import ETCDService, errors, ops
from etcd_factory.core.kv.builders import ORDERS, TARGETS
from tests.support.faces import error_of, failure, fill, in_time, inside, leave, settle
from tests.support.forks import needs_fork, needs_grpc_in_child, run_script
from tests.support.mirroring import caught_up, open_mirror, stored
from tests.support.watching import begin_drain, begin_take, keys, put, summary, take, take_revisions

FEW = settings(max_examples=60, suppress_health_check=list(HealthCheck))
KEYS = st.sampled_from([b"a", b"ab", b"b", b"b\xff", b"c", b"\xff", b"\0"])
WRITES = st.lists(st.tuples(KEYS, st.none() | st.sampled_from([b"", b"1", b"2", b"{}", b"\xff"])), max_size=12)
OFFSETS = st.integers(0, 12)
BOUNDS = ("min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision", "revision")
NARROWED = st.one_of(
    st.tuples(st.just("prefix"), st.tuples(st.sampled_from([b"", b"a", b"b", b"\xff", b"none"]))),
    st.tuples(st.just("range"), st.tuples(KEYS, KEYS)),
    st.tuples(st.just("limit"), st.tuples(st.integers(0, 4))),
    st.tuples(st.just("sort"), st.tuples(st.sampled_from(TARGETS), st.sampled_from(ORDERS))),
    st.tuples(st.just("serializable"), st.just(())),
    st.tuples(st.just("all"), st.just(())),
    st.tuples(st.sampled_from(BOUNDS), OFFSETS),
)
TERMINALS = ("keys", "key_bytes", "strings", "bytes", "json", "numbers", "count", "kvs")


def narrowed(builder, steps, first):
    """Return a builder with these modifiers; revisions are counted from the first one."""
    for name, args in steps:
        builder = getattr(builder, name)(*([first + args] if name in BOUNDS else args))
    return builder


def outcome(call):
    """Return the result, or the error with its text."""
    try:
        return call()
    except (ValueError, errors.EtcdError) as error:
        return type(error), str(error).partition("; ")[0]


def response(builder):
    """Return what the whole response says of the range."""
    found = builder.exec()
    return found.kvs, found.count, found.more


@pytest.fixture
def blocking(options):
    """A blocking client: a mirror reads without waiting in both faces, and hypothesis runs no coroutines."""
    with closing(ETCDService(options)) as client:
        yield client


def written(client, writes):
    """Write each pair, None deletes; returns the revision before the first and after the last."""
    first = client.delete().all().revision
    for key, value in writes:
        client.delete().key(key) if value is None else client.put(key).value(value)
    return first, client.get("none").exec().revision


@FEW
@given(writes=WRITES, reads=st.lists(st.lists(NARROWED, max_size=5), min_size=1, max_size=6))
def test_any_read_of_a_range_returns_what_that_of_the_service_does(blocking, writes, reads):
    with blocking.mirror() as mirror:
        first, last = written(blocking, writes)
        mirror.wait(last)
        for steps in reads:
            steps = [(name, min(args, last - first) if name == "revision" else args) for name, args in steps]
            ours, theirs = (narrowed(one.get_all(), steps, first) for one in (mirror, blocking))
            for terminal in TERMINALS:
                assert outcome(getattr(ours, terminal)) == outcome(getattr(theirs, terminal)), (terminal, steps)
            assert response(ours) == response(theirs)
            assert [*ours] == [*theirs]


# --- ranges


@pytest.fixture
async def mirror(client):
    """A mirror of three keys, in a store with others."""
    await fill(client, {"p/b": "2", "p/a": "1", "p/c": "3", "q": "no"})
    return await open_mirror(client, "p/")


async def test_all_of_it_is_read_in_key_order_and_not_awaited(client, mirror):
    await put(client, "p/aa", value="new")
    await caught_up(mirror, client)
    assert mirror.get_all().strings() == {"p/a": "1", "p/aa": "new", "p/b": "2", "p/c": "3"}
    assert mirror.get_all().prefix("p/a").keys() == ["p/a", "p/aa"]
    assert [kv.key_text for kv in mirror.get_all().range("p/aa", "p/c")] == ["p/aa", "p/b"]
    assert mirror.get_all().exec().revision == mirror.revision


@pytest.mark.parametrize(
    "narrow", [lambda read: read.prefix("p"), lambda read: read.range("p/", "q"), lambda read: read.prefix("q")]
)
async def test_a_range_that_it_does_not_hold_is_an_error_that_says_so(mirror, narrow):
    with pytest.raises(ValueError, match=r"is not in the mirrored prefix b'p/'; read it with the service"):
        narrow(mirror.get_all()).keys()


# --- the past


async def test_each_revision_since_it_was_read_is_what_the_store_was_then(client, mirror):
    first, held = mirror.revision, {}
    for change in (
        ops.put("p/a").value("9"),
        ops.delete().key("p/b"),
        ops.put("q").value("x"),
        ops.put("p/b").value("8"),
    ):
        done = await settle(client.txn().then(change).commit())
        held[done.revision] = await stored(client, "p/")
    await caught_up(mirror, client)
    assert {revision: dict(mirror.at(revision)) for revision in held} == held
    assert mirror.at(first).get_all().strings() == {"p/a": "1", "p/b": "2", "p/c": "3"}
    assert mirror.get_all().revision(first).strings() == mirror.at(first).get_all().strings()


async def test_the_past_never_changes(client, mirror):
    before = mirror.at(mirror.revision)
    await put(client, "p/a", value="9")
    await caught_up(mirror, client)
    assert (before.get("p/a").string(), mirror.get("p/a").string()) == ("1", "9")
    with pytest.raises(ValueError, match=f"the state of revision {before.revision}; read that of 1 from the mirror"):
        before.get_all().revision(1).keys()


@pytest.mark.parametrize("size", [0, 2])
async def test_what_is_longer_ago_than_its_history_is_compacted_here(client, size):
    mirror = await settle(client.mirror("p/", history=size))
    revisions = [(await settle(client.put("p/a").value(str(number)))).revision for number in range(4)]
    await settle(mirror.wait(revisions[-1]))
    oldest = revisions[-1 - size]
    assert mirror.at(oldest).get("p/a").string() == str(3 - size)
    caught = await failure(lambda: mirror.at(oldest - 1), errors.CompactedError)
    assert (caught.compact_revision, f"from {oldest} on, not {oldest - 1}; history=" in str(caught)) == (oldest, True)
    caught = await failure(lambda: mirror.watch(start_revision=oldest), errors.CompactedError)
    assert caught.compact_revision == oldest + 1


async def test_what_it_has_not_reached_is_a_future_revision(mirror):
    with pytest.raises(errors.FutureRevisionError, match=r"wait\(\d+\) waits for"):
        mirror.at(mirror.revision + 1)


@pytest.mark.parametrize("wrong", [-1, 1.5, "1", None, True], ids=repr)
async def test_a_revision_that_is_none_is_an_error_at_once(mirror, wrong):
    with pytest.raises((TypeError, ValueError), match="a revision must"):
        mirror.at(wrong)


# --- watching


async def test_watches_of_a_mirror_need_no_watch_of_the_server(face, make, other, recorded):
    client = make(transport=recorded)
    mirror = await open_mirror(client)
    watchers = [mirror.watch() for _ in range(100)]
    await put(other, "a", value="1")
    assert [summary(await take(one)) for one in watchers] == [[("put", "a", "1")]] * 100
    creates = [message for stream in recorded.streams for message in stream.sent if message.HasField("create_request")]
    assert len(creates) == 1


async def test_an_event_has_what_it_replaced_and_what_the_server_sends(client, mirror):
    theirs, ours = await settle(client.watch().prefix("p/").previous().create()), mirror.watch()
    await put(client, "p/a", "p/new", value="9")
    await settle(client.delete().prefix("p/"))
    assert await take(ours, 6) == await take(theirs, 6)


async def test_a_part_of_it_can_be_watched(client, mirror):
    watcher = mirror.watch("p/b")
    await put(client, "p/a", "p/b", "p/bb", "p/c")
    assert keys(await take(watcher, 2)) == ["p/b", "p/bb"]
    with pytest.raises(ValueError, match="is not in the mirrored prefix b'p/'"):
        mirror.watch("q")


async def test_a_late_one_is_told_what_has_happened_and_what_comes(client, mirror):
    first = (await settle(client.put("p/a").value("1"))).revision
    await put(client, "p/b", "q", "p/c")
    await caught_up(mirror, client)
    late, later = mirror.watch(start_revision=first), mirror.watch("p/b", start_revision=first + 1)
    await put(client, "p/d", "p/b")
    assert keys(await take(late, 5)) == ["p/a", "p/b", "p/c", "p/d", "p/b"]
    assert keys(await take(later, 2)) == ["p/b", "p/b"]


async def test_one_that_begins_in_the_future_waits_for_it(client, mirror):
    watcher = mirror.watch(start_revision=(await settle(client.get("q").exec())).revision + 2)
    await put(client, "p/a", "p/b")
    assert keys(await take(watcher)) == ["p/b"]


async def test_between_a_read_and_a_watch_from_after_it_nothing_is_lost_or_twice(blocking, mirror):
    """Two threads write meanwhile."""
    writing = asyncio.gather(*(asyncio.to_thread(write, blocking, name) for name in ("p/a", "p/b")))
    for _ in range(20):
        known = mirror.get_all().exec()
        state, watcher = {kv.key: kv for kv in known.kvs}, mirror.watch(start_revision=known.revision + 1)
        for event in await take(watcher, 5):
            assert state.get(event.kv.key) == event.previous
            state[event.kv.key] = None if event.type == "delete" else event.kv
        await settle(watcher.cancel())
    await in_time(writing)


def write(client, prefix):
    """Put and delete three keys in turn."""
    for number in range(150):
        client.put(f"{prefix}{number % 3}").value(str(number))
        client.delete().key(f"{prefix}{number % 2}")


async def test_revisions_come_whole(client, mirror):
    watcher, first = mirror.watch(), mirror.revision
    await settle(
        client.txn().then(ops.put("p/a").value("9"), ops.delete().key("p/c"), ops.put("q").value("x")).commit()
    )
    await put(client, "p/a")
    await caught_up(mirror, client)
    for reader in (watcher, mirror.watch(start_revision=first + 1)):
        steps = await take_revisions(reader, 2)
        assert [sorted(keys(events)) for events in steps] == [["p/a", "p/c"], ["p/a"]]


async def test_handlers_are_called_from_the_first_event_on(client, mirror, recorder):
    first = (await settle(client.put("p/a").value("1"))).revision
    await caught_up(mirror, client)
    watcher = recorder.on(mirror.watch(start_revision=first), "put", "delete", "data", "end")
    await settle(client.delete().key("p/a"))
    await recorder.until("data", 2)
    await settle(watcher.cancel())
    await recorder.until("end")
    assert recorder.names == ["put", "data", "delete", "data", "end"]
    with pytest.raises(TypeError, match="a watcher with handlers cannot be iterated over"):
        await settle(watcher.take())


async def test_the_handlers_of_one_that_nobody_holds_are_called_even_if_nobody_holds_the_mirror(client, recorder):
    mirror = await open_mirror(client, "p/")
    recorder.on(mirror.watch(), "put")
    del mirror
    gc.collect()
    await put(client, "p/a", "p/b")
    await recorder.until("put", 2)


async def test_a_watch_holds_its_mirror(client):
    watcher = (await open_mirror(client, "p/")).watch()
    gc.collect()
    await put(client, "p/a")
    assert keys(await take(watcher)) == ["p/a"]


async def test_one_that_nobody_holds_is_freed(mirror):
    watcher = mirror.watch()
    gone = weakref.ref(watcher)
    del watcher
    gc.collect()
    assert (gone(), len(mirror._watches._every)) == (None, 0)


async def test_a_slow_one_is_told_by_an_error_and_holds_up_no_other(client, mirror):
    slow, quick = mirror.watch(buffer=2), mirror.watch()
    await put(client, "p/a", "p/b", "p/c")
    assert keys(await take(quick, 3)) == ["p/a", "p/b", "p/c"]
    assert keys(await take(slow, 2)) == ["p/a", "p/b"]
    with pytest.raises(errors.WatchOverflowError, match="more than 2 events wait to be read"):
        await take(slow)
    await put(client, "p/d")
    assert keys(await take(quick)) == ["p/d"]


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "1"], ids=repr)
async def test_a_buffer_that_holds_nothing_is_an_error_at_once(client, mirror, wrong):
    ours = await error_of(lambda: mirror.watch(buffer=wrong))
    theirs = await error_of(lambda: client.watch().create(buffer=wrong))
    assert (type(ours), str(ours)) == (type(theirs), str(theirs))


# --- the end


async def test_cancel_ends_one_and_no_other(client, mirror):
    one, other = mirror.watch(), mirror.watch()
    reading = begin_drain(one)
    await settle(one.cancel())
    assert await in_time(reading) == []
    await settle(one.cancel())
    await put(client, "p/a")
    assert keys(await take(other)) == ["p/a"]


async def test_leaving_the_block_ends_it(mirror):
    async def body(watcher):
        return watcher

    watcher = await inside(mirror.watch(), body)
    assert "ended" in repr(watcher)
    assert await settle(watcher.take()) is None


@pytest.mark.parametrize("ended", ["mirror", "client"])
async def test_it_ends_with_its_mirror_and_with_the_client_by_an_error(face, make, ended):
    client = make()
    mirror = await open_mirror(client, "p/")
    reading = [begin_take(one, 1) for one in (mirror.watch(), mirror.watch())]
    await (settle(mirror.close()) if ended == "mirror" else leave(client))
    found = [await error_of(lambda one=one: in_time(one)) for one in reading]
    assert [type(error) for error in found] == [errors.ClientClosedError] * 2
    assert found[0] is not found[1]  # each has a traceback of its own
    with pytest.raises(errors.ClientClosedError, match="this mirror is closed"):
        mirror.watch()


FORKED = """
def child():
    error = raises(lambda: next(inherited))
    assert type(error).__name__ == "ClientClosedError", error
    raises(lambda: list(inherited.revisions()))
    inherited.cancel()
    own = mirror.watch()
    etcd.put("p/child").value("c")
    assert next(own).kv.text == "c"
    assert mirror.at(mirror.revision).get("p/child").string() == "c"

etcd = ETCDService(options)
mirror = etcd.mirror("p/")
inherited = mirror.watch()
etcd.put("p/a").value("1")
etcd.put("p/b").value("2")
mirror.wait(etcd.get("p/b").kv().mod_revision)
run_in_child(child)
assert [event.kv.text for event in (next(inherited), next(inherited), next(inherited))] == ["1", "2", "c"]
etcd.close()
"""


@needs_fork
@needs_grpc_in_child
def test_in_a_forked_child_it_is_the_parents_and_the_mirror_gives_new_ones(etcd_server, etcd_namespace):
    run_script(FORKED, etcd_server, etcd_namespace)
