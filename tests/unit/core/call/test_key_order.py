"""The order of the users of each key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.core.call.key_order import KeyOrder


def entered(order, *users):
    """Enter users of the key "k", those in capitals as writers; returns those who may go on."""
    return [user for user in users if order.enter(b"k", user, user.isupper())]


def test_readers_go_on_together():
    assert entered(KeyOrder(), "a", "b") == ["a", "b"]


def test_a_writer_waits_for_the_readers_before_it():
    order = KeyOrder()
    assert entered(order, "a", "b", "C") == ["a", "b"]
    assert order.leave(b"k") == []
    assert order.leave(b"k") == ["C"]


def test_all_wait_for_a_writer_and_a_reader_does_not_overtake_a_waiting_one():
    order = KeyOrder()
    assert entered(order, "A", "b", "c", "D", "e") == ["A"]
    assert order.leave(b"k") == ["b", "c"]
    assert [order.leave(b"k") for _ in range(2)] == [[], ["D"]]
    assert order.leave(b"k") == ["e"]


def test_other_keys_do_not_wait():
    order = KeyOrder()
    assert order.enter(b"k", "A", True)
    assert order.enter(b"other", "B", True)


def test_one_that_no_longer_waits_is_passed_over():
    order = KeyOrder()
    entered(order, "a", "B", "c")
    assert order.withdraw(b"k", "B", writes=True) == ["c"]


def test_withdrawing_behind_a_writer_lets_nobody_go_on():
    order = KeyOrder()
    entered(order, "A", "B", "c")
    assert order.withdraw(b"k", "B", writes=True) == []
    assert order.leave(b"k") == ["c"]


@given(st.lists(st.booleans(), max_size=12), st.randoms(use_true_random=False))
def test_nobody_waits_for_ever_no_writer_has_company_and_no_key_is_left(kinds, random):
    order, using, begun = KeyOrder(), [], []
    users = list(enumerate(kinds))

    def admit(ready):
        using.extend(ready)
        begun.extend(ready)
        assert len(using) <= 1 or not any(writes for _, writes in using)

    while users or using:
        if users and (not using or random.random() < 0.5):
            user = users.pop(0)
            admit([user] if order.enter(b"k", user, user[1]) else [])
        else:
            user = using.pop(random.randrange(len(using)))
            admit(order.leave(b"k"))
    assert begun == list(enumerate(kinds))
    assert len(order) == 0
