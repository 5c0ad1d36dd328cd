"""What a fresh read of a mirror waits for: that the mirror has reached the answer, for this key at least."""

from __future__ import annotations

import pytest

from etcd_factory.core.mirror.fresh_read import FreshRead, reply_of
from etcd_factory.core.mirror.read_index import Answer
from etcd_factory.model import KeyValue
from tests.support.stores import apply, event, fill, filled, message

A = KeyValue(b"a", b"v", 3, 3, 1)


def fresh(held, answer, key=b"a"):
    read = FreshRead(held, key)
    read.answer = answer
    return read


def value_of(read):
    return [kv.value for kv in read.reply().kvs]


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
    assert value_of(read) == [b"v"]


def test_a_key_that_never_existed_is_missing_whatever_the_revision():
    read = fresh(filled({}, 5), Answer(9, 0))
    assert read.reached()
    assert (value_of(read), read.reply().count) == ([], 0)


def test_the_value_is_that_of_the_moment_at_which_it_was_reached():
    """A moment later it may be one that was there in between, and gone again before anybody asked."""
    held = filled({b"a": A}, 5)
    read = fresh(held, Answer(5))
    assert read.reached()
    apply(held, [event(KeyValue(b"a", b"later", 3, 6, 2))])
    assert value_of(read) == [b"v"]


def test_a_value_that_comes_while_it_waits_is_seen():
    held = filled({b"a": A}, 5)
    read = fresh(held, Answer(6, 6))
    assert not read.reached()
    apply(held, [event(KeyValue(b"a", b"later", 3, 6, 2))])
    assert read.reached()
    assert value_of(read) == [b"later"]


def test_a_mirror_that_is_later_than_the_answer_has_reached_it():
    held = filled({b"a": A}, 5)
    read = fresh(held, Answer(6, 0))
    apply(held, [event(KeyValue(b"b", b"other", 9, 9, 1))])
    assert read.reached()
    assert value_of(read) == [b"v"]


def test_after_a_rollback_of_the_store_it_waits_until_the_range_was_read_again():
    """The answer is from a store at an older revision than the mirror, which still holds what is gone."""
    held = filled({b"a": A}, 50)
    read = fresh(held, Answer(4))
    assert not read.reached()
    fill(held, [message(KeyValue(b"a", b"restored", 2, 2, 1))], 4)
    assert read.reached()
    assert value_of(read) == [b"restored"]


def test_a_value_has_the_form_of_etcds_response():
    assert (reply_of(None).kvs, reply_of(None).count) == ((), 0)
    assert (reply_of(A).kvs, reply_of(A).count) == ((A,), 1)
