"""Pages of one revision, on a store of the test."""

import pytest

from etcd_factory.core.call.pages import FIRST, FIRST_COLLECTED, MOST, RESTARTS, RangePages, in_key_order
from etcd_factory.errors import CompactedError, InternalError
from etcd_factory.wire import messages

REVISION = 42


class Store:
    """Keys k00000, k00001, ... with values of one size; ``requests`` has what was asked."""

    def __init__(self, keys, size=1):
        self.keys = [b"k%05d" % n for n in range(keys)]
        self.value, self.requests = b"v" * size, []

    async def send(self, fields):
        self.requests.append(dict(fields))
        found = [key for key in self.keys if key >= fields["key"]]
        kept = found[: fields["limit"]] if fields["limit"] else found
        return messages.RangeResponse(
            header={"revision": REVISION + len(self.requests) - 1},
            kvs=[{"key": key, "value": self.value} for key in kept],
            count=len(found),
            more=len(kept) < len(found),
        )

    async def collect(self, **fields):
        pages = RangePages(self.send, {"key": b"\0", "range_end": b"\0", **fields}, 0, 1 << 20)
        return [kv.key for kv in (await pages.collect()).kvs]


async def test_few_keys_are_one_message_without_a_revision():
    store = Store(3)
    assert await store.collect() == store.keys
    assert [(request["limit"], "revision" in request) for request in store.requests] == [(FIRST_COLLECTED, False)]


async def test_ten_thousand_keys_are_one_message():
    store = Store(10_000)
    assert await store.collect() == store.keys
    assert len(store.requests) == 1


async def test_the_first_page_of_an_iteration_is_smaller_for_memory_has_only_that():
    store = Store(1)
    await RangePages(store.send, {"key": b"\0", "range_end": b"\0"}, 0).next()
    assert [request["limit"] for request in store.requests] == [FIRST]


async def test_collected_pages_are_a_sequence():
    store = Store(FIRST_COLLECTED + 2)
    kvs = (await RangePages(store.send, {"key": b"\0", "range_end": b"\0"}, 0).collect()).kvs
    assert (len(kvs), kvs[-1].key, kvs[0].key) == (len(store.keys), store.keys[-1], store.keys[0])
    assert [kv.key for kv in kvs] == [kv.key for kv in kvs] == store.keys  # as often as it is asked for


async def test_no_keys_are_an_empty_reply():
    assert await Store(0).collect() == []


async def test_the_pages_have_every_key_once_in_order():
    store = Store(FIRST_COLLECTED * 2 + 1)
    assert await store.collect() == store.keys


async def test_later_pages_are_pinned_to_the_revision_of_the_first():
    store = Store(FIRST_COLLECTED * 4, size=2000)
    await store.collect()
    assert len(store.requests) > 2
    assert {request["revision"] for request in store.requests[1:]} == {REVISION}


async def test_a_requested_revision_is_that_of_all_pages():
    store = Store(FIRST_COLLECTED + 1)
    await store.collect(revision=7)
    assert [request["revision"] for request in store.requests] == [7, 7]


async def test_each_page_begins_right_after_the_one_before():
    store = Store(FIRST_COLLECTED + 1)
    await store.collect()
    assert store.requests[1]["key"] == store.keys[FIRST_COLLECTED - 1] + b"\0"


async def test_the_namespace_is_cut_off_the_key_at_which_the_next_page_begins():
    store = Store(FIRST_COLLECTED + 1)
    await RangePages(store.send, {"key": b"\0", "range_end": b"\0"}, 2).collect()
    assert store.requests[1]["key"] == store.keys[FIRST_COLLECTED - 1][2:] + b"\0"


@pytest.mark.parametrize(
    "limit", [1, FIRST_COLLECTED - 1, FIRST_COLLECTED, FIRST_COLLECTED + 1, FIRST_COLLECTED * 2 + 5]
)
async def test_a_limit_counts_across_pages(limit):
    store = Store(FIRST_COLLECTED * 3)
    assert await store.collect(limit=limit) == store.keys[:limit]


async def test_no_further_page_is_read_once_the_limit_is_reached():
    store = Store(FIRST_COLLECTED * 3)
    await store.collect(limit=FIRST_COLLECTED)
    assert len(store.requests) == 1


async def test_large_values_make_small_pages():
    store, target = Store(FIRST * 2, size=1000), 10_000
    pages = RangePages(store.send, {"key": b"\0", "range_end": b"\0"}, 0, target)
    await pages.next()
    assert (await pages.next()).ByteSize() <= target


async def test_a_page_has_at_least_one_key():
    store = Store(FIRST_COLLECTED + 3, size=100)
    pages = RangePages(store.send, {"key": b"\0", "range_end": b"\0"}, 0, size=1)
    assert len(list((await pages.collect()).kvs)) == FIRST_COLLECTED + 3
    assert [request["limit"] for request in store.requests[1:]] == [1, 1, 1]


async def test_a_page_has_a_limited_number_of_keys():
    store = Store(FIRST_COLLECTED + 1)
    await RangePages(store.send, {"key": b"\0", "range_end": b"\0"}, 0, size=1 << 40).collect()
    assert store.requests[1]["limit"] == MOST


@pytest.mark.parametrize("fields", [{"sort_order": "DESCEND"}, {"sort_target": "VALUE"}, {"sort_target": "MOD"}])
async def test_a_read_in_another_order_is_one_message(fields):
    store = Store(FIRST_COLLECTED * 2)
    assert await store.collect(**fields) == store.keys
    assert [request["limit"] for request in store.requests] == [0]


async def test_after_the_last_page_there_is_none():
    pages = RangePages(Store(1).send, {"key": b"\0", "range_end": b"\0"}, 0)
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


async def test_collected_pages_have_the_header_of_the_first():
    pages = RangePages(Store(FIRST_COLLECTED + 1).send, {"key": b"\0", "range_end": b"\0"}, 0)
    assert (await pages.collect()).header.revision == REVISION


# --- servers that are not etcd, and histories that are compacted


class Endless:
    """A server that has more, for ever, and always sends the same keys."""

    def __init__(self, *keys):
        self.keys, self.calls = keys, 0

    async def send(self, fields):
        self.calls += 1
        assert self.calls < 9
        return messages.RangeResponse(kvs=[{"key": key} for key in self.keys], more=True, header={"revision": REVISION})


async def test_a_page_that_makes_no_progress_is_an_error():
    server = Endless(*[b"k%05d" % number for number in range(FIRST_COLLECTED)])
    with pytest.raises(InternalError, match="the server sent a page that ends before it begins, at b'k09999'"):
        await RangePages(server.send, {"key": b"\0", "range_end": b"\0"}, 0).collect()
    assert server.calls == 2


async def test_a_server_that_has_more_without_any_key_ends():
    server = Endless()
    assert (await RangePages(server.send, {"key": b"\0", "range_end": b"\0"}, 0).collect()).kvs == []
    assert server.calls == 1


class Compacting(Store):
    """A store that compacts each revision after its first page, so many times."""

    def __init__(self, keys, times):
        super().__init__(keys)
        self.times = times

    async def send(self, fields):
        if fields.get("revision") and self.times:
            self.times -= 1
            self.requests.append(dict(fields))
            raise CompactedError("required revision has been compacted")
        return await super().send(fields)


@pytest.mark.parametrize("times", range(1, RESTARTS))
async def test_a_read_whose_revision_is_compacted_begins_again_at_a_newer_one(times):
    store = Compacting(FIRST_COLLECTED + 1, times)
    assert await store.collect() == store.keys
    firsts = [request for request in store.requests if "revision" not in request]
    assert [request["key"] for request in firsts] == [b"\0"] * (times + 1)


async def test_a_read_that_is_compacted_again_and_again_is_made_by_one_message():
    store = Compacting(FIRST_COLLECTED + 1, 99)
    assert await store.collect() == store.keys
    assert [request["limit"] for request in store.requests if "revision" not in request] == [
        FIRST_COLLECTED
    ] * RESTARTS + [0]


async def test_the_limit_is_kept_by_one_message_too():
    store = Compacting(FIRST_COLLECTED * 2, 99)
    assert await store.collect(limit=FIRST_COLLECTED + 5) == store.keys[: FIRST_COLLECTED + 5]
    assert store.requests[-1]["limit"] == FIRST_COLLECTED + 5


async def test_a_read_at_a_requested_revision_that_is_compacted_is_an_error():
    store = Compacting(FIRST_COLLECTED + 1, 1)
    with pytest.raises(CompactedError):
        await store.collect(revision=7)


async def test_an_iteration_whose_revision_is_compacted_says_which_it_was():
    """It has handed keys out already, and cannot begin again."""
    pages = RangePages(Compacting(FIRST + 1, 1).send, {"key": b"\0", "range_end": b"\0"}, 0)
    await pages.next()
    with pytest.raises(CompactedError, match=f"the iteration was at {REVISION}, the revision of its first page"):
        await pages.next()


async def test_revision_0_is_the_newest_and_later_pages_are_pinned_to_it():
    store = Store(FIRST_COLLECTED + 1)
    await store.collect(revision=0)
    assert [request["revision"] for request in store.requests] == [0, REVISION]


class Stream:
    """A stream of these messages, which then breaks; ``opened`` has what was asked for."""

    def __init__(self, *parts):
        self.parts, self.opened = list(parts), []

    def __call__(self, fields):
        self.opened.append(dict(fields))
        return self

    async def next(self):
        return self.parts.pop(0) if self.parts else None

    async def close(self):
        pass


def part(*names, **fields):
    return messages.RangeResponse(kvs=[{"key": name} for name in names], **fields)


async def collected(store, stream, limit=0):
    pages = RangePages(store.send, {"key": b"\0", "range_end": b"\0", "limit": limit}, 0, 1, rest=stream)
    return [kv.key for kv in (await pages.collect()).kvs]


async def test_what_the_first_page_leaves_comes_from_a_stream():
    store, stream = Store(FIRST_COLLECTED + 5), Stream()
    stream.parts = [part(*store.keys[-5:-2]), part(*store.keys[-2:], header={"revision": REVISION}, count=5)]
    assert await collected(store, stream) == store.keys
    (opened,) = stream.opened
    assert (opened["key"], opened["revision"]) == (store.keys[FIRST_COLLECTED - 1] + b"\0", REVISION)
    assert len(store.requests) == 1


async def test_a_stream_may_end_with_a_message_without_keys():
    store = Store(FIRST_COLLECTED + 5)
    stream = Stream(part(*store.keys[-5:]), part(), part(header={"revision": REVISION}))
    assert await collected(store, stream) == store.keys
    assert len(store.requests) == 1


async def test_a_stream_that_has_sent_as_many_keys_as_were_asked_for_is_over():
    store = Store(FIRST_COLLECTED + 9)
    stream = Stream(part(*store.keys[-9:-4]))  # without the header that the last message has
    assert await collected(store, stream, limit=FIRST_COLLECTED + 5) == store.keys[:-4]
    assert (stream.opened[0]["limit"], len(store.requests)) == (5, 1)


async def test_pages_go_on_where_a_stream_broke_and_no_other_one_is_begun():
    store, stream = Store(FIRST_COLLECTED + 9), Stream()
    stream.parts = [part(*store.keys[-9:-4])]
    assert await collected(store, stream) == store.keys
    assert len(stream.opened) == 1
    assert store.requests[1]["key"] == store.keys[-5] + b"\0"


async def test_a_stream_that_goes_back_is_an_error():
    store = Store(FIRST_COLLECTED + 9)
    with pytest.raises(InternalError, match="a page that ends before it begins"):
        await collected(store, Stream(part(store.keys[3])))
