"""Choosing keys."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.kv.ranges import key_range


@pytest.mark.parametrize(
    ("start", "end", "expected"), [("a", "c", (b"a", b"c")), (b"", "\0", (b"", b"\0")), ("b", b"a", (b"b", b"a"))]
)
def test_a_range_has_a_start_and_an_end(start, end, expected):
    assert key_range(start, end) == expected


@pytest.mark.parametrize("end", ["", b""])
def test_an_empty_end_is_an_error_that_shows_the_end_of_all_keys(end):
    """etcd would take it for the single key ``start``."""
    with pytest.raises(ValueError, match=r"a range needs an end: the first key after it, or '\\0'"):
        key_range("a", end)


@pytest.mark.parametrize(("start", "end"), [(None, "b"), ("a", 1)])
def test_a_range_of_another_type_is_an_error(start, end):
    with pytest.raises(TypeError, match="must be str or bytes"):
        key_range(start, end)


def keys(builder):
    return builder.op().fields["key"], builder.op().fields["range_end"]


def test_the_last_choice_counts():
    assert keys(ops.get_all().prefix("a").range("b", "c").prefix("p")) == (b"p", b"q")
    assert keys(ops.get_all().prefix("a").all()) == (b"", b"\0")


def test_the_empty_prefix_means_all_keys():
    assert keys(ops.get_all().prefix("")) == keys(ops.get_all().all())
