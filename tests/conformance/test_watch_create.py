"""Creating watches: compacted revisions, resync, and servers that do not reply."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, errors
from tests.support.faces import fill, in_time, settle
from tests.support.watching import (
    WATCHERS,
    keys,
    nothing_left,
    put,
    summary,
    take,
    threads,
    until_metric,
)


async def test_a_compacted_start_revision_is_an_error_with_the_oldest_revision_left(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await put(client, "k", "k")
    last = (await settle(client.put("k").value("last"))).revision
    fragile.etcdctl("compact", str(last))
    with pytest.raises(errors.CompactedError) as caught:  # etcd confirms such a watch before it ends it
        await take(await settle(client.watch().key("k").start_revision(1).create()))
    assert caught.value.compact_revision == last
    watcher = await settle(client.watch().key("k").start_revision(last).create())
    assert summary(await take(watcher)) == [("put", "k", "last")]


async def test_a_resync_at_the_start_reads_the_range_and_then_follows(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await put(client, "a", "b", "x")
    last = (await settle(client.put("a").value("new"))).revision
    fragile.etcdctl("compact", str(last))
    watcher = await settle(client.watch().range("a", "c").start_revision(1).resync().create())
    events = await take(watcher, 2)
    await put(client, "c", "b", value="live")
    events += await take(watcher)
    assert summary(events) == [("put", "a", "new"), ("put", "b", "v"), ("put", "b", "live")]
    assert [event.resync for event in events] == [True, True, False]


@pytest.mark.parametrize("buffered", [100, 1])
async def test_a_resync_may_be_larger_than_the_buffer(make, fragile, buffered):
    client = make(hosts=[fragile.endpoint])
    await fill(client, {f"k{n}": "v" for n in range(10)})
    last = (await settle(client.put("k0").value("new"))).revision
    fragile.etcdctl("compact", str(last))
    watcher = await settle(client.watch().start_revision(1).resync().create(buffer=buffered))
    assert keys(await take(watcher, 10)) == [f"k{n}" for n in range(10)]


async def test_create_times_out_on_a_server_that_hangs_and_later_watches_keep_their_keys(make, fragile):
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
    await until_metric(fragile, WATCHERS, 0)
    await settle(client.watch().key("a").create())
    fragile.pause()
    with pytest.raises(errors.DeadlineExceededError):
        await settle(client.with_options(timeout=0.3).watch().key("b").create())
    fragile.resume()
    await settle(client.watch().key("c").create())
    await until_metric(fragile, WATCHERS, 2)


@pytest.mark.parametrize("others", [0, 1])
async def test_create_times_out_at_a_host_that_never_replies(face, make, silent, others):
    client = make(hosts=[silent], dial_timeout=30)
    creating = [face.begin(client.with_options(timeout=0.3).watch().key("k").create) for _ in range(1 + others)]
    for one in await in_time(asyncio.gather(*creating, return_exceptions=True)):
        assert isinstance(one, errors.EtcdError)


async def test_create_times_out_while_another_waits_for_a_host_that_never_replies(face, make, silent, recorder):
    client = make(hosts=[silent], dial_timeout=30, timeout=2)
    patient = face.begin(recorder.on(client.watch(), "connecting").create)
    await recorder.until("connecting")
    with pytest.raises(errors.EtcdError):
        await asyncio.wait_for(face.begin(client.with_options(timeout=0.3).watch().key("k").create), 1.5)
    await in_time(asyncio.wait([patient]))
    assert isinstance(patient.exception(), errors.EtcdError)


async def test_a_creation_that_timed_out_leaves_nothing_and_closing_is_prompt(face, make, silent):
    before = threads()
    client = make(hosts=[silent], dial_timeout=30, timeout=0.3)
    with pytest.raises(errors.EtcdError):
        await settle(client.watch().create())
    await asyncio.wait_for(face.close(client), 3)
    await nothing_left(before)


async def test_create_without_a_reachable_host_is_a_connection_error(make, refusing):
    client = make(hosts=[refusing], timeout=0.5)
    with pytest.raises(errors.ConnectionFailedError):
        await settle(client.watch().create())


async def test_a_cancelled_creation_leaves_nothing(fragile):
    async with AsyncETCDService({"hosts": [fragile.endpoint]}) as client:
        await put(client, "k")
        fragile.pause()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(settle(client.watch().create()), 0.2)
        fragile.resume()
        await nothing_left(threads())


@pytest.mark.parametrize("revision", [2**63, -1, 2**70])
async def test_a_watch_from_an_impossible_revision_takes_no_other_with_it(make, etcd_proxy, revision):
    client, writer = make(hosts=[etcd_proxy.endpoint]), make(hosts=[etcd_proxy.target])
    other = await settle(client.watch().key("k").create())
    with pytest.raises(ValueError, match="revision"):
        await settle(client.watch().key("k").start_revision(revision).create())
    etcd_proxy.reset()
    await put(writer, "k")
    assert keys(await take(other)) == ["k"]
    later = await settle(client.watch().key("k").create())
    await put(writer, "k")
    assert keys(await take(later)) == ["k"]
