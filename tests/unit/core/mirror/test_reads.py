"""Reading ranges of what is held: what etcd would answer, from the builders of a service."""

from __future__ import annotations

import pytest

from etcd_factory.core.mirror.reads import Held, Local, get, get_all, inside
from etcd_factory.core.op import Op
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import ALL, OPEN
from tests.support.stores import filled

PREFIX = b"p/"
KVS = [
    KeyValue(b"p/a", b"3", 2, 9, 2),
    KeyValue(b"p/b", b"1", 3, 5, 3),
    KeyValue(b"p/c", b"2", 4, 4, 1),
]
NAMES = "abc"


@pytest.fixture
def store():
    """What a mirror of ``p/`` holds."""
    return filled({kv.key: kv for kv in reversed(KVS)}, revision=9)


@pytest.fixture
def read(store):
    """A read of all that is held; of the past there is nothing but revision 4."""
    past = filled({KVS[2].key: KVS[2]}, revision=4)
    return get_all(store, PREFIX, {4: past}.__getitem__)


def names(read):
    return b"".join(key[2:] for key in read.key_bytes()).decode()


@pytest.mark.parametrize(
    ("target", "expected"), [("key", "abc"), ("version", "cab"), ("create", "abc"), ("mod", "cba"), ("value", "bca")]
)
def test_sorting(read, target, expected):
    assert names(read.sort(target)) == names(read.sort(target, "none")) == expected
    assert names(read.sort(target, "descend")) == expected[::-1]
    assert names(read.sort(target, "descend").limit(2)) == expected[:0:-1]


@pytest.mark.parametrize(
    ("bound", "revision", "expected"),
    [
        ("min_mod_revision", 5, "ab"),
        ("max_mod_revision", 5, "bc"),
        ("min_create_revision", 3, "bc"),
        ("max_create_revision", 3, "ab"),
        ("min_mod_revision", 0, "abc"),
    ],
)
def test_bounds_choose_keys_and_leave_the_count_that_of_the_range(read, bound, revision, expected):
    bounded = getattr(read, bound)(revision)
    assert names(bounded) == expected
    assert (bounded.count(), bounded.exec().count) == (3, 3)


def test_without_an_order_those_up_to_the_limit_are_sorted_and_one_more(read):
    """As etcd does it."""
    assert names(read.sort("mod", "none").limit(1)) == "b"
    assert names(read.sort("mod").limit(1)) == "c"


@pytest.mark.parametrize(("limit", "more"), [(0, False), (1, True), (2, True), (3, False), (4, False)])
def test_a_limit_says_whether_there_is_more(read, limit, more):
    for one in (read, read.sort("key", "descend"), read.min_mod_revision(1)):
        found = one.limit(limit).exec()
        assert (len(found.kvs), found.count, found.more) == (min(limit or 3, 3), 3, more)


def test_the_whole_response_has_the_revision_of_what_is_held_also_for_the_past(read):
    assert (read.exec().revision, read.exec().kvs) == (9, tuple(KVS))
    past = read.revision(4).exec()
    assert (past.revision, past.kvs, read.revision(4).count()) == (9, (KVS[2],), 1)


def test_every_reader(read):
    texts = {"p/a": "3", "p/b": "1", "p/c": "2"}
    assert read.strings() == texts
    assert read.bytes() == {key.encode(): value.encode() for key, value in texts.items()}
    assert read.json() == read.numbers() == {key: int(value) for key, value in texts.items()}
    assert read.key_bytes() == [kv.key for kv in KVS]
    assert read.kvs() == [*read] == KVS


def test_iterating_over_nothing_ends(read):
    assert [*read.prefix("p/none")] == []


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (ALL, (b"p/", b"p0")),
        ((b"p/", b"p0"), (b"p/", b"p0")),
        ((b"p/a", b""), (b"p/a", b"")),
        ((b"p/a", b"p/b"), (b"p/a", b"p/b")),
        ((b"p/b", b"a"), (b"p/b", b"a")),  # of no key
        ((b"p", b""), None),
        ((b"p/a", b"p1"), None),
        ((b"p/a", OPEN), None),
        ((b"o", b"p/b"), None),
    ],
)
def test_which_ranges_a_mirror_holds(span, expected):
    if expected is not None:
        assert inside(span, PREFIX) == expected
        return
    with pytest.raises(ValueError, match=r"is not in the mirrored prefix b'p/'; read it with the service"):
        inside(span, PREFIX)


def test_a_mirror_of_everything_holds_any_range():
    assert inside((b"x", OPEN), b"") == (b"x", OPEN)
    assert inside(ALL, b"") == ALL


def test_a_read_of_one_key(store):
    assert (get(store, "p/a").string(), get(store, b"p/none").string(), get(store, "p/a").exists()) == ("3", None, True)
    with pytest.raises(TypeError, match="a key must be str or bytes"):
        get(store, 1)


def test_reads_say_what_they_are_of(store, read):
    assert repr(store) in repr(get(store, "p/a"))
    assert str(Local(store, PREFIX, {}.__getitem__)) == str(Held(store)) == repr(store)


def test_one_key_has_no_pages(store):
    with pytest.raises(TypeError, match="iterate over the mirror itself"):
        Held(store).pages(Op("get", {}, len).fields)
