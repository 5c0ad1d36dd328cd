"""Cutting operations into transactions that etcd accepts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import ops
from etcd_factory.core.kv.batch import LIMIT, SIZE, groups, size_of

KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
OPS = st.one_of(
    st.builds(lambda key: ops.put(key).value("v"), KEYS),
    st.builds(lambda key: ops.delete().key(key), KEYS),
    st.builds(lambda key: ops.delete().prefix(key), KEYS),
    st.builds(lambda one, other: ops.delete().range(one, other), KEYS, KEYS),
    st.builds(lambda: ops.delete().all()),
    st.builds(lambda key: ops.get(key).string(), KEYS),
    st.builds(lambda key: ops.txn().then(ops.put(key).value("v")).commit(), KEYS),
)


def touched(op):
    """The test's keys that a write touches, found key by key."""
    if op.kind == "get":
        return set()
    start, end = op.fields["key"], op.fields.get("range_end", b"")
    if not end:
        return {start}
    return {key for key in (b"a", b"b", b"c", b"d", b"e") if key >= start and (end == b"\0" or key < end)}


def clashing(group):
    """Whether etcd refuses the group: a put beside another write of its key."""
    puts = [op.fields["key"] for op in group if op.kind == "put"]
    deleted = set().union(*(touched(op) for op in group if op.kind == "delete"))
    return len(set(puts)) < len(puts) or bool(deleted & set(puts))


@given(st.lists(OPS, max_size=40))
def test_the_groups_have_all_operations_in_order(given_ops):
    assert [op for group in groups(given_ops) for op in group] == given_ops


@given(st.lists(OPS, max_size=40))
def test_etcd_accepts_every_group(given_ops):
    assert not any(clashing(group) for group in groups(given_ops))


@given(st.integers(0, 3 * LIMIT + 1))
def test_a_group_is_as_long_as_a_transaction_can_be(many):
    sizes = [len(group) for group in groups(ops.put(f"k{n}").value("v") for n in range(many))]
    assert sum(sizes) == many
    assert all(size == LIMIT for size in sizes[:-1])
    assert all(0 < size <= LIMIT for size in sizes)


def test_the_limit_is_that_of_the_server():
    assert LIMIT == 128


def test_a_key_that_is_put_twice_makes_two_groups():
    put = ops.put("k").value("v")
    assert list(groups([put, put])) == [[put], [put]]


def test_deletions_of_a_key_stay_together():
    one, other = ops.delete().key("k"), ops.delete().prefix("k")
    assert list(groups([one, other])) == [[one, other]]


def test_reads_of_a_key_stay_with_its_write():
    read, put = ops.get("k").string(), ops.put("k").value("v")
    assert list(groups([read, put, read])) == [[read, put, read]]


def test_a_nested_transaction_stays_alone():
    put, txn = ops.put("a").value("v"), ops.txn().then(ops.put("b").value("v")).commit()
    assert list(groups([put, txn, put])) == [[put], [txn], [put]]


def test_no_operations_are_no_groups():
    assert list(groups([])) == []


# --- by size


def test_a_group_is_as_large_as_a_request_can_be():
    many = [ops.put(f"k{number:02}").value("v" * 100_000) for number in range(30)]
    sizes = [sum(len(op.fields["key"]) + len(op.fields["value"]) for op in group) for group in groups(many)]
    assert all(size <= SIZE for size in sizes)
    assert [len(group) for group in groups(many)] == [10, 10, 10]


def test_a_value_that_just_fits_stays_and_one_more_byte_does_not():
    first = ops.put("a").value("v" * (SIZE // 2 - 1))
    fits, larger = (ops.put("b").value("v" * (SIZE // 2 - 1 + more)) for more in (0, 1))
    assert len(list(groups([first, fits]))) == 1
    assert len(list(groups([first, larger]))) == 2


def test_an_operation_that_is_too_large_stays_alone_and_is_left_to_the_server():
    small, huge = ops.put("a").value("v"), ops.put("b").value("v" * 2 * SIZE)
    assert [len(group) for group in groups([small, huge, small])] == [1, 1, 1]


@given(st.lists(st.integers(0, 2 * SIZE // 3), max_size=9))
def test_no_group_could_take_the_operation_that_follows_it(sizes):
    given_ops = [ops.put(f"k{number}").value(b"v" * size) for number, size in enumerate(sizes)]
    cut = list(groups(given_ops))
    assert [op for group in cut for op in group] == given_ops
    for group, following in pairwise(cut):
        assert sum(map(size_of, [*group, following[0]])) > SIZE
