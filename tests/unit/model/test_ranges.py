"""How ranges are written on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.model.ranges import (
    ALL,
    OPEN,
    describe,
    explicit,
    in_namespace,
    overlap,
    prefix_end,
    prefix_of,
    prefix_range,
)

# few letters, so that random keys often have a random prefix
KEYS = st.binary(max_size=6).map(lambda data: bytes(b"\x00\x01a\xfe\xff"[byte % 5] for byte in data))


def holds(span, key):
    """Whether etcd finds the key in the range (rpc.proto): a single key, up to an end, or to the end of all."""
    start, end = span
    return key == start if not end else key >= start and (end == OPEN or key < end)


@given(KEYS, KEYS)
def test_a_key_is_in_the_range_of_a_prefix_if_and_only_if_it_starts_with_it(prefix, key):
    assert holds(prefix_range(prefix), key) == key.startswith(prefix)


@given(KEYS, KEYS)
def test_a_longer_key_is_in_the_range_of_each_of_its_prefixes(prefix, rest):
    assert holds(prefix_range(prefix), prefix + rest)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        (b"", OPEN),
        (b"\xff", OPEN),
        (b"\xff\xff", OPEN),
        (b"a", b"b"),
        (b"a\xff", b"b"),
        (b"a\xff\xff", b"b"),
        (b"a/", b"a0"),
    ],
)
def test_the_end_of_a_prefix_is_its_last_byte_below_ff_plus_one_and_the_rest_cut_off(prefix, end):
    assert prefix_end(prefix) == end


@given(KEYS.filter(bool), KEYS, KEYS, KEYS.filter(bool))
def test_a_range_in_a_namespace_has_the_keys_that_it_has_without_one(namespace, start, end, key):
    inside = holds((start, end), key) if end else key == start
    assert holds(in_namespace(namespace, start, end), namespace + key) == inside


@given(KEYS.filter(bool), KEYS, KEYS, KEYS)
def test_a_range_in_a_namespace_has_no_key_outside_of_it(namespace, start, end, key):
    if holds(in_namespace(namespace, start, end), key) and (end == OPEN or not end):
        assert key.startswith(namespace)


def test_all_keys_of_a_namespace_are_those_with_its_prefix():
    assert in_namespace(b"n/", *ALL) == (b"n/", b"n0")


def test_all_keys_without_a_namespace_begin_at_the_lowest_key():
    assert in_namespace(b"", *ALL) == (OPEN, OPEN)


def test_a_single_empty_key_is_left_for_the_server_to_refuse():
    assert in_namespace(b"", b"", b"") == (b"", b"")


def test_the_namespace_itself_may_be_a_key():
    assert in_namespace(b"n/", b"", b"") == (b"n/", b"")


@given(KEYS.filter(bool), KEYS, KEYS.filter(bool), KEYS, KEYS.filter(bool))
def test_ranges_with_a_key_in_common_overlap(start, end, other, other_end, key):
    one, two = (start, end), (other, other_end)
    if holds(one, key) and holds(two, key):
        assert overlap(one, two)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((b"a", b""), (b"a", b""), True),
        ((b"a", b""), (b"b", b""), False),
        ((b"a", b"c"), (b"b", b""), True),
        ((b"a", b"c"), (b"c", b""), False),
        ((b"a", b"c"), (b"c", b"d"), False),
        ((b"b", OPEN), (b"a", b""), False),
        ((b"b", OPEN), (b"z", b""), True),
        (ALL, (b"a", b""), True),
    ],
)
def test_whether_two_ranges_overlap(one, other, expected):
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


@given(KEYS)
def test_the_prefix_of_the_range_of_a_prefix_is_found_again(prefix):
    assert prefix_of(prefix_range(prefix)) == prefix


@pytest.mark.parametrize(
    ("span", "prefix"),
    [(ALL, b""), ((OPEN, OPEN), b""), ((b"a", b"c"), None), ((b"a", b""), None), ((b"a", OPEN), None)],
)
def test_a_range_may_be_that_of_no_prefix(span, prefix):
    assert prefix_of(span) == prefix


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        ((b"k", b""), "key b'k'"),
        ((b"p", b"q"), "prefix b'p'"),
        (ALL, "prefix b''"),
        ((b"a", b"c"), "range b'a' to b'c'"),
        ((b"a", OPEN), "range b'a' to the end"),
    ],
)
def test_how_messages_show_a_range(span, shown):
    assert describe(span) == shown


def test_the_end_of_a_single_key_is_the_key_right_after_it():
    assert (explicit((b"a", b"")), explicit((b"a", b"c"))) == ((b"a", b"a\0"), (b"a", b"c"))
