"""All versions of keys, and their compaction."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.spans import span_of
from etcd_factory.testing.fake.store import Store

ALL = span_of(b"\0", b"\0")


def put(store, key, value=b"v", lease=0):
    """Put a key in a transaction of its own; returns the store's revision."""
    writer = store.write()
    writer.put(key, value, lease)
    writer.commit()
    return store.revision


def delete(store, span=ALL):
    """Delete a range; returns the keys."""
    writer = store.write()
    gone = writer.delete(span)
    writer.commit()
    return [kv.key for kv in gone]


@pytest.fixture
def store():
    return Store()


def test_an_empty_store_has_revision_one(store):
    assert (store.revision, store.read(ALL)) == (1, [])


def test_a_key_has_its_revisions_and_its_version(store):
    put(store, b"k", b"1")
    put(store, b"k", b"2")
    kv = store.get(b"k")
    assert (kv.value, kv.create_revision, kv.mod_revision, kv.version) == (b"2", 2, 3, 2)


def test_a_key_begins_again_after_its_deletion(store):
    put(store, b"k")
    delete(store)
    put(store, b"k")
    kv = store.get(b"k")
    assert (kv.create_revision, kv.version) == (4, 1)


def test_a_past_revision_can_be_read(store):
    first = put(store, b"k", b"old")
    put(store, b"k", b"new")
    gone = delete(store) and store.revision
    values = [[kv.value for kv in store.read(ALL, revision)] for revision in (first - 1, first, first + 1, gone)]
    assert values == [[], [b"old"], [b"new"], []]


def test_a_transaction_has_one_revision_and_reads_what_it_wrote(store):
    writer = store.write()
    for key in (b"b", b"a"):
        writer.put(key, b"v", 0)
    assert [kv.key for kv in writer.read(ALL)] == [b"a", b"b"]
    writer.commit()
    assert (store.revision, {kv.mod_revision for kv in store.read(ALL)}) == (2, {2})


def test_a_transaction_that_changes_nothing_has_no_revision(store):
    assert delete(store) == []
    assert store.revision == 1


def test_changes_are_listed_by_revision_with_what_was_before(store):
    put(store, b"k", b"1")
    put(store, b"k", b"2")
    delete(store)
    found = [(revision, one.is_delete, one.previous and one.previous.value) for revision, (one,) in store.changes(3)]
    assert found == [(3, False, b"1"), (4, True, b"2")]


def test_a_compaction_keeps_what_can_be_read_at_its_revision(store):
    put(store, b"k", b"1")
    kept = put(store, b"k", b"2")
    put(store, b"gone")
    delete(store, span_of(b"gone", b""))
    at = put(store, b"k", b"3") - 1
    store.compact(at)
    assert [kv.value for kv in store.read(ALL, at)] == [b"2"]
    assert store.get(b"k", kept).value == b"2"
    assert [revision for revision, _ in store.changes(0)] == [at, at + 1]
    with pytest.raises(errors.CompactedError):
        store.check(at - 1)


def test_a_compaction_removes_the_deletions_of_its_revision(store):
    put(store, b"k")
    delete(store)
    store.compact(3)
    assert [(revision, [*changes]) for revision, changes in store.changes(3)] == [(3, [])]


@pytest.mark.parametrize(("revision", "kind"), [(1, errors.CompactedError), (9, errors.FutureRevisionError)])
def test_a_compaction_of_the_past_or_the_future_is_refused(store, revision, kind):
    put(store, b"k")
    store.compact(2)
    with pytest.raises(kind):
        store.compact(revision)


def test_a_future_revision_cannot_be_read(store):
    store.check(1)
    with pytest.raises(errors.FutureRevisionError):
        store.check(2)


def test_defragmenting_gives_the_space_of_a_compaction_back(store):
    put(store, b"k", b"x" * 1000)
    put(store, b"k", b"y")
    before = store.allocated
    store.compact(3)
    assert store.in_use < store.allocated == before
    store.defragment()
    assert store.allocated == store.in_use


def test_a_hash_is_that_of_a_revision(store):
    first = put(store, b"k", b"1")
    known = store.hash()
    put(store, b"k", b"2")
    assert store.hash(first) == known != store.hash()
