"""Reads that are larger than one message should be."""

import asyncio
import threading

import pytest

from etcd_factory import AsyncETCDService, ETCDService, errors, ops
from etcd_factory.core.call.pages import FIRST
from tests.support.faces import fill, listed, settle, walk

MANY = FIRST + 40
BIG, SIZE = 40, 300_000  # 12 MB, above gRPC's 4 MiB


def names(many=MANY):
    return [f"k{n:05d}" for n in range(many)]


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded)


@pytest.fixture
async def many(client):
    """A client with more keys than the first page has."""
    await fill(client, {name: name.upper() for name in names()})
    return client


@pytest.fixture
async def big(client):
    """A client with values that are more than a message may carry by default."""
    for n in range(BIG):
        await settle(client.put(f"k{n:02d}").value(bytes([n]) * SIZE))
    return client


async def test_all_keys_are_read_in_order_in_one_call(many, recorded):
    assert await settle(many.get_all().keys()) == names()
    assert list(await settle(many.get_all().strings())) == names()
    assert len(recorded.requests("Range")) == 2  # one for each: they ask for 10,000 keys first


async def test_iterating_reads_all_pages(many, recorded):
    assert [kv.key_text for kv in await listed(many.get_all())] == names()
    assert len(recorded.requests("Range")) == 2


async def test_later_pages_are_read_at_the_revision_of_the_first(many, make):
    other, seen = make(), []
    async for kv in walk(many.get_all()):
        seen.append((kv.key_text, kv.text))
        if len(seen) == 1:
            await settle(other.delete().key(names()[-1]))
            await settle(other.put(names()[-2]).value("changed"))
            await settle(other.put("k99999").value("new"))
    assert seen == [(name, name.upper()) for name in names()]


async def test_all_pages_of_an_old_revision_are_read(many):
    revision = (await settle(many.get_all().limit(1).exec())).revision
    await settle(many.delete().all())
    assert await settle(many.get_all().revision(revision).keys()) == names()


@pytest.mark.parametrize("limit", [FIRST - 1, FIRST, FIRST + 7, MANY, MANY + 1])
async def test_a_limit_counts_across_pages(many, limit):
    assert await settle(many.get_all().limit(limit).keys()) == names()[:limit]
    assert len(await listed(many.get_all().limit(limit))) == min(limit, MANY)


@pytest.mark.parametrize("target", ["key", "value"])
async def test_descending_keys_are_all_read_in_order(many, target):
    read = many.get_all().sort(target, "descend")
    assert await settle(read.keys()) == names()[::-1]
    assert [kv.key_text for kv in await listed(read)] == names()[::-1]


async def test_values_larger_than_a_message_are_read(big):
    found = await settle(big.get_all().bytes())
    assert found == {b"k%02d" % n: bytes([n]) * SIZE for n in range(BIG)}


async def test_values_larger_than_a_message_can_be_iterated(big):
    assert [(kv.key, kv.value[:1], len(kv.value)) for kv in await listed(big.get_all())] == [
        (b"k%02d" % n, bytes([n]), SIZE) for n in range(BIG)
    ]


async def test_paging_stays_within_the_range(many):
    await fill(many, {"j": "before", "l": "behind"})
    assert await settle(many.get_all().prefix("k").keys()) == names()
    assert await settle(many.get_all().range("k00001", "l").keys()) == names()[1:]


async def test_a_page_whose_revision_was_compacted_is_an_error(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await fill(client, dict.fromkeys(names(), "v"))
    pages = aiter(walk(client.get_all()))
    assert (await anext(pages)).key_text == names()[0]
    written = await settle(client.put("k").value("v"))
    fragile.etcdctl("compact", str(written.revision))
    with pytest.raises(errors.CompactedError):
        [kv async for kv in pages]
    await settle(client.delete().all())


def test_the_builders_of_ops_cannot_be_iterated():
    with pytest.raises(TypeError, match="ops only describe"):
        iter(ops.get_all()).__next__()


async def test_iterating_over_an_asyncio_client_with_for_is_a_type_error(options):
    async with AsyncETCDService(options) as client:
        with pytest.raises(TypeError, match="iterate with 'async for'"):
            list(client.get_all())


async def test_iterating_over_a_blocking_client_with_async_for_is_a_type_error(options):
    with ETCDService(options) as client, pytest.raises(TypeError, match="iterate with 'for'"):
        [kv async for kv in client.get_all()]


async def test_keys_are_read_while_the_store_is_compacted_again_and_again(make, fragile):
    """A read that has returned nothing yet starts again at a newer revision."""
    client, writer = make(hosts=[fragile.endpoint]), make(hosts=[fragile.endpoint])
    await fill(client, dict.fromkeys(names(5000), "v"))
    ended = threading.Event()

    def compact():
        with ETCDService(writer.options) as mine:
            while not ended.wait(0.05):
                mine.compact(mine.put("other").value("v").revision)

    compacting = asyncio.ensure_future(asyncio.to_thread(compact))
    try:
        for _ in range(10):
            found = await settle(client.get_all().prefix("k").keys())
            assert found == names(5000)
    finally:
        ended.set()
        await compacting
    await settle(client.delete().all())


async def test_an_iteration_whose_revision_is_compacted_says_which_it_was_at(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await fill(client, dict.fromkeys(names(), "v"))
    pages = aiter(walk(client.get_all()))
    pinned = (await settle(client.get("k").exec())).revision
    await anext(pages)
    written = await settle(client.put("k").value("v"))
    fragile.etcdctl("compact", str(written.revision))
    with pytest.raises(errors.CompactedError, match=f"the iteration was at {pinned}"):
        [kv async for kv in pages]
    await settle(client.delete().all())
