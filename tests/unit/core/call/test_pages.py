"""Pages of one revision, with a scripted server behind them."""

import pytest

from etcd_factory.core.call.pages import FIRST, MOST, Pages, in_key_order
from etcd_factory.wire import messages

REVISION = 42


class Store:
    """Keys k00000, k00001, ... with values of one size; it keeps the requests."""

    def __init__(self, keys, size=1):
        self.keys = [b"k%05d" % n for n in range(keys)]
        self.value, self.asked = b"v" * size, []

    async def send(self, fields):
        self.asked.append(dict(fields))
        found = [key for key in self.keys if key >= fields["key"]]
        kept = found[: fields["limit"]] if fields["limit"] else found
        return messages.RangeResponse(
            header={"revision": REVISION + len(self.asked) - 1},
            kvs=[{"key": key, "value": self.value} for key in kept],
            count=len(found),
            more=len(kept) < len(found),
        )

    async def collect(self, **fields):
        pages = Pages(self.send, {"key": b"\0", "range_end": b"\0", **fields}, 0, 1 << 20)
        return [kv.key for kv in (await pages.collect()).kvs]


async def test_few_keys_are_one_message_with_no_revision():
    store = Store(3)
    assert await store.collect() == store.keys
    assert [(asked["limit"], "revision" in asked) for asked in store.asked] == [(FIRST, False)]


async def test_no_keys_are_an_empty_answer():
    assert await Store(0).collect() == []


async def test_all_pages_give_every_key_once_in_order():
    store = Store(FIRST * 2 + 1)
    assert await store.collect() == store.keys


async def test_later_pages_are_pinned_to_the_revision_of_the_first():
    store = Store(FIRST * 4, size=2000)
    await store.collect()
    assert len(store.asked) > 2
    assert {asked["revision"] for asked in store.asked[1:]} == {REVISION}


async def test_a_revision_that_was_asked_for_is_that_of_all_pages():
    store = Store(FIRST + 1)
    await store.collect(revision=7)
    assert [asked["revision"] for asked in store.asked] == [7, 7]


async def test_each_page_begins_right_behind_the_one_before():
    store = Store(FIRST + 1)
    await store.collect()
    assert store.asked[1]["key"] == store.keys[FIRST - 1] + b"\0"


async def test_the_namespace_is_taken_off_the_key_that_the_next_page_begins_with():
    store = Store(FIRST + 1)
    await Pages(store.send, {"key": b"\0", "range_end": b"\0"}, 2).collect()
    assert store.asked[1]["key"] == store.keys[FIRST - 1][2:] + b"\0"


@pytest.mark.parametrize("limit", [1, FIRST - 1, FIRST, FIRST + 1, FIRST * 2 + 5])
async def test_a_limit_counts_across_pages(limit):
    store = Store(FIRST * 3)
    assert await store.collect(limit=limit) == store.keys[:limit]


async def test_a_limit_that_is_reached_asks_for_no_further_page():
    store = Store(FIRST * 3)
    await store.collect(limit=FIRST)
    assert len(store.asked) == 1


async def test_big_values_make_small_pages():
    store, target = Store(FIRST * 2, size=1000), 10_000
    pages = Pages(store.send, {"key": b"\0", "range_end": b"\0"}, 0, target)
    await pages.next()
    assert (await pages.next()).ByteSize() <= target


async def test_a_page_holds_one_key_at_least():
    store = Store(FIRST + 3, size=100)
    pages = Pages(store.send, {"key": b"\0", "range_end": b"\0"}, 0, target=1)
    assert len(list((await pages.collect()).kvs)) == FIRST + 3
    assert [asked["limit"] for asked in store.asked[1:]] == [1, 1, 1]


async def test_a_page_asks_for_a_bounded_number_of_keys():
    store = Store(FIRST + 1)
    await Pages(store.send, {"key": b"\0", "range_end": b"\0"}, 0, target=1 << 40).collect()
    assert store.asked[1]["limit"] == MOST


@pytest.mark.parametrize("fields", [{"sort_order": "DESCEND"}, {"sort_target": "VALUE"}, {"sort_target": "MOD"}])
async def test_a_read_in_another_order_is_one_message(fields):
    store = Store(FIRST * 2)
    assert await store.collect(**fields) == store.keys
    assert [asked["limit"] for asked in store.asked] == [0]


async def test_behind_the_last_page_there_is_none():
    pages = Pages(Store(1).send, {"key": b"\0", "range_end": b"\0"}, 0)
    assert await pages.next() is not None
    assert await pages.next() is None
    assert await pages.next() is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"sort_target": "KEY", "sort_order": "ASCEND"}, True),
        ({"sort_target": "KEY", "sort_order": "NONE"}, True),
        ({"sort_target": "KEY", "sort_order": "DESCEND"}, False),
        ({"sort_target": "VALUE", "sort_order": "NONE"}, False),
        ({"sort_target": "CREATE", "sort_order": "ASCEND"}, False),
    ],
)
def test_only_ascending_keys_are_in_key_order(fields, expected):
    assert in_key_order(fields) is expected
