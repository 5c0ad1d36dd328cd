"""Reads of ranges with each option."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.ranges import check_range, read_range
from etcd_factory.testing.fake.store import Store
from etcd_factory.wire import messages as m

EVERYTHING = {"key": b"\0", "range_end": b"\0"}


@pytest.fixture
def store():
    """Keys a, b, c, put in the order c, a, b; b twice."""
    store = Store()
    for key, value in ((b"c", b"2"), (b"a", b"3"), (b"b", b"0"), (b"b", b"1")):
        writer = store.write()
        writer.put(key, value, 0)
        writer.commit()
    return store


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, b"abc"),
        ({"sort_order": 2}, b"cba"),
        ({"sort_target": 1}, b"acb"),  # by version, ascending unless it says otherwise
        ({"sort_target": 2}, b"cab"),
        ({"sort_target": 3, "sort_order": 2}, b"bac"),
        ({"sort_target": 4, "sort_order": 1}, b"bca"),
        ({"min_mod_revision": 3}, b"ab"),
        ({"max_mod_revision": 3}, b"ac"),
        ({"min_create_revision": 4}, b"b"),
        ({"max_create_revision": 2}, b"c"),
        ({"revision": 3}, b"ac"),
        ({"limit": -1}, b"abc"),
    ],
)
def test_an_option_selects_and_sorts(store, options, found):
    reply = read_range(store, m.RangeRequest(**EVERYTHING, **options))
    assert b"".join(kv.key for kv in reply.kvs) == found
    assert (reply.more, reply.header.revision) == (False, 5)


def test_a_limit_says_that_there_is_more_and_counts_all(store):
    reply = read_range(store, m.RangeRequest(**EVERYTHING, limit=2, sort_order=2))
    assert ([kv.key for kv in reply.kvs], reply.more, reply.count) == ([b"c", b"b"], True, 3)
    assert not read_range(store, m.RangeRequest(**EVERYTHING, limit=3)).more


def test_only_keys_or_only_their_number(store):
    keys = read_range(store, m.RangeRequest(**EVERYTHING, keys_only=True))
    assert [(kv.key, kv.value) for kv in keys.kvs] == [(b"a", b""), (b"b", b""), (b"c", b"")]
    assert store.get(b"a").value == b"3"  # that of the store is another
    count = read_range(store, m.RangeRequest(**EVERYTHING, count_only=True))
    assert ([*count.kvs], count.count) == ([], 3)


@pytest.mark.parametrize("fields", [{"key": b""}, {"key": b"k", "sort_order": 3}, {"key": b"k", "sort_target": 5}])
def test_an_invalid_read_is_refused(fields):
    check_range(m.RangeRequest(key=b"k"))
    with pytest.raises(errors.EtcdError) as caught:
        check_range(m.RangeRequest(**fields))
    assert caught.value.code == "INVALID_ARGUMENT"
