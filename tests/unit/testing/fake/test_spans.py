"""Ranges as requests write them."""

import pytest

from etcd_factory.testing.fake.spans import Span, span_of

KEYS = [b"\0", b"a", b"ab", b"b", b"c"]


@pytest.mark.parametrize(
    ("key", "end", "found"),
    [
        (b"a", b"", [b"a"]),
        (b"a", b"b", [b"a", b"ab"]),
        (b"ab", b"\0", [b"ab", b"b", b"c"]),
        (b"\0", b"\0", KEYS),
        (b"b", b"a", []),
        (b"x", b"", []),
    ],
)
def test_a_range_selects_its_keys(key, end, found):
    span = span_of(key, end)
    assert span.select(KEYS) == found
    assert [one for one in KEYS if one in span] == found


@pytest.mark.parametrize(
    ("parts", "covered"),
    [
        ([(b"a", b"c")], True),
        ([(b"b", b"c"), (b"a", b"b")], True),
        ([(b"a", b"b"), (b"bb", b"c")], False),
        ([(b"a", b"bb"), (b"b", None)], True),
        ([(b"b", None)], False),
        ([], False),
    ],
)
def test_a_range_is_covered_by_ranges_without_a_gap(parts, covered):
    assert Span(b"a", b"c").covered_by([Span(*part) for part in parts]) is covered


def test_an_open_range_is_covered_only_by_an_open_one():
    assert not Span(b"a", None).covered_by([Span(b"a", b"\xff")])
    assert Span(b"a", None).covered_by([Span(b"", None)])
