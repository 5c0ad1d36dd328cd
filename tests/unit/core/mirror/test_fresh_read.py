"""What a fresh read of a mirror waits for: that the mirror has reached the answer, for this key at least."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.mirror.fresh_read import FreshRead, result
from etcd_factory.core.mirror.read_index import Answer
from etcd_factory.model import KeyValue
from tests.support.stores import apply, event, fill, filled, message

A = KeyValue(b"a", b"v", 3, 3, 1)


def fresh(held, answer, key=b"a"):
    return FreshRead(held, key, held.revision, held.fills, answer)


def value_of(read):
    return result(ops.get("k").bytes(), read.found, 0)


@pytest.mark.parametrize(
    ("revision", "answer", "reached"),
    [
        (5, Answer(5), True),
        (5, Answer(9), False),  # there may be a change of this key before that
        (5, Answer(9, 3), True),  # the key is as it was at its last change
        (5, Answer(9, 7), False),
        (5, Answer(9, 0), False),  # it was deleted
    ],
)
def test_it_is_reached_by_revision_or_by_the_last_change_of_the_key(revision, answer, reached):
    read = fresh(filled({b"a": A}, revision), answer)
    assert read.reached() is reached
    assert value_of(read) == b"v"


def test_a_key_that_never_existed_is_missing_whatever_the_revision():
    read = fresh(filled({}, 5), Answer(9, 0))
    assert read.reached()
    assert value_of(read) is None


def test_the_value_is_that_of_the_moment_at_which_it_was_reached():
    """A moment later it may be one that was there in between, and gone again before anybody asked."""
    held = filled({b"a": A}, 5)
    read = fresh(held, Answer(5))
    assert read.reached()
    apply(held, [event(KeyValue(b"a", b"later", 3, 6, 2))])
    assert value_of(read) == b"v"


def test_a_value_that_comes_while_it_waits_is_seen():
    held = filled({b"a": A}, 5)
    read = fresh(held, Answer(6, 6))
    assert not read.reached()
    apply(held, [event(KeyValue(b"a", b"later", 3, 6, 2))])
    assert read.reached()
    assert value_of(read) == b"later"


def test_a_mirror_that_is_later_than_the_answer_has_reached_it():
    held = filled({b"a": A}, 5)
    read = fresh(held, Answer(6, 0))
    apply(held, [event(KeyValue(b"b", b"other", 9, 9, 1))])
    assert read.reached()
    assert value_of(read) == b"v"


def test_after_a_rollback_of_the_store_it_waits_until_the_range_was_read_again():
    """The answer is from a store at an older revision than the mirror, which still holds what is gone."""
    held = filled({b"a": A}, 50)
    read = fresh(held, Answer(4))
    assert not read.reached()
    fill(held, [message(KeyValue(b"a", b"restored", 2, 2, 1))], 4)
    assert read.reached()
    assert value_of(read) == b"restored"


@pytest.mark.parametrize("found", [A, message(A)], ids=["a value", "etcd's message"])
def test_a_key_is_read_in_whatever_form_it_is_held(found):
    skip, key = len(b"ns/"), ops.get("a")
    assert [result(op, found, skip) for op in (key.kv(), key.string(), key.exists())] == [A, "v", True]
    with pytest.raises(ValueError, match="the value of b'a' is not JSON"):
        result(key.json(), found, skip)


def test_a_missing_key_is_none_and_does_not_exist():
    key = ops.get("a")
    assert [result(op, None, 3) for op in (key.kv(), key.string(), key.exists())] == [None, None, False]
