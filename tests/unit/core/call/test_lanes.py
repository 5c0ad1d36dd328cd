"""Which calls leave together, and when: state without waiting."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.call.lanes import OPERATIONS, SIZE, Lanes, Limits, Role, Waiter
from etcd_factory.core.call.merged import PUTS, kind_of
from etcd_factory.errors import NoSpaceError, RequestTooLargeError
from etcd_factory.wire.requests import BUILD, CALLS

TOO_MANY = "etcdserver: too many operations in txn request"
TOO_LARGE = "etcdserver: request is too large"


class Calls:
    """Lanes, and the flights that have left."""

    def __init__(self, ordered=True):
        self.limits = Limits()
        self.lanes, self.left = Lanes(self.limits, ordered=ordered), []

    def enter(self, op, deadline=1.0):
        request = BUILD[op.kind](op.fields, b"")
        lane = self.lanes.lane(kind_of(CALLS[op.kind], request, merges_writes=True))
        one = Waiter(lane, CALLS[op.kind], request, deadline)
        self.left += self.lanes.enter(one)
        return one

    def put(self, key, value="v", deadline=1.0):
        return self.enter(ops.put(key).value(value), deadline)

    def get(self, key):
        return self.enter(ops.get(key).op())

    def leave(self, one):
        self.left += self.lanes.leave(one)

    def begin(self, number):
        """Let a flight be sent by a caller outside of it, as a task does."""
        self.left[number].begin()

    def done(self, number):
        """End a flight whose calls all have their outcome."""
        for one in self.left[number].waiters:
            one.role = Role.DONE
        self.left += self.lanes.settle(self.left[number])

    @property
    def flights(self):
        return [[one.key.decode() for one in flight.waiters] for flight in self.left]


@pytest.fixture
def calls():
    return Calls()


def test_one_that_finds_its_lane_empty_leaves_at_once(calls):
    calls.put("a")
    assert calls.flights == [["a"]]


def test_those_that_come_meanwhile_leave_together_when_it_has_ended(calls):
    for key in "abc":
        calls.put(key)
    calls.done(0)
    assert calls.flights == [["a"], ["b", "c"]]


def test_kinds_do_not_wait_for_each_other(calls):
    calls.put("a")
    calls.get("b")
    calls.enter(ops.get("c").serializable().op())
    calls.enter(ops.delete().key("d"))
    assert calls.flights == [["a"], ["b"], ["c"], ["d"]]


def test_a_full_flight_waits_for_none(calls):
    for number in range(OPERATIONS + 2):
        calls.put(f"{number}")
    assert [len(keys) for keys in calls.flights] == [1, OPERATIONS]


def test_a_flight_is_not_larger_than_a_request_may_be(calls):
    for key in "abcd":
        calls.put(key, "v" * (SIZE // 3))
    calls.done(0)
    assert calls.flights == [["a"], ["b", "c"]]


def test_one_that_is_larger_than_that_leaves_alone(calls):
    calls.put("a")
    calls.put("b", "v" * (SIZE + 1))
    calls.put("c")
    calls.done(0)
    assert calls.flights == [["a"], ["b"]]


def test_no_key_is_written_twice_in_a_flight_and_its_writes_keep_their_order(calls):
    calls.put("other")
    for value in "12":
        calls.put("a", value)
    calls.put("b")
    calls.done(0)
    calls.done(1)
    assert calls.flights == [["other"], ["a", "b"], ["a"]]
    assert calls.left[2].waiters[0].request.value == b"2"


def test_a_read_waits_for_the_write_of_its_key_before_it(calls):
    calls.put("a")
    calls.get("a")
    calls.get("b")
    assert calls.flights == [["a"], ["b"]]
    calls.done(0)
    calls.done(1)
    assert calls.flights == [["a"], ["b"], ["a"]]


def test_a_write_waits_for_the_reads_of_its_key_before_it(calls):
    calls.get("a")
    calls.get("a")
    calls.put("a")
    calls.done(0)
    assert calls.flights == [["a"], ["a"]]
    calls.done(1)
    assert calls.flights == [["a"], ["a"], ["a"]]


def test_reads_alone_have_no_order_of_keys():
    calls = Calls(ordered=False)
    for key in "aab":
        calls.get(key)
    calls.done(0)
    assert calls.flights == [["a"], ["a", "b"]]


def test_the_caller_that_waits_longest_sends_a_flight(calls):
    waiters = [calls.put(key, deadline=deadline) for key, deadline in (("a", 1), ("b", 2), ("c", 3), ("d", 2))]
    calls.done(0)
    assert calls.left[1].assign() is waiters[2]
    assert [one.role for one in waiters[1:]] == [Role.WAIT, Role.CARRY, Role.WAIT]
    assert calls.left[1].deadline == 3


def test_one_that_leaves_before_it_was_sent_is_taken_out(calls):
    _, second, third = (calls.put(key) for key in "abc")
    calls.leave(second)
    calls.done(0)
    calls.leave(third)
    assert calls.flights == [["a"], []]
    assert calls.lanes.lane(PUTS).flights == set()


def test_one_that_leaves_while_another_sends_it_goes_on_and_keeps_its_key(calls):
    _, second, _ = (calls.put(key) for key in "abc")
    calls.done(0)
    calls.begin(1)
    assert second.sent
    calls.leave(second)
    calls.put("b", "later")
    assert calls.flights == [["a"], ["b", "c"]]
    calls.done(1)
    assert calls.flights[2] == ["b"]


def test_one_that_was_to_send_a_flight_and_leaves_hands_it_over(calls):
    for key in "abc":
        calls.put(key)
    calls.done(0)
    calls.leave(calls.left[1].assign())
    assert calls.left[2] is calls.left[1]
    assert calls.left[2].assign().role is Role.ALONE


def test_one_that_leaves_behind_its_key_lets_the_next_one_go_on(calls):
    calls.get("a")
    writer = calls.put("a")
    calls.get("a")
    calls.leave(writer)
    calls.done(0)
    assert calls.flights == [["a"], ["a"]]


def test_the_refused_keep_their_keys_until_they_were_sent_alone(calls):
    calls.put("a")
    refused, gone = calls.put("b"), calls.put("c")
    calls.done(0)
    calls.begin(1)
    calls.leave(gone)
    for one in (refused, gone):
        one.role = Role.ALONE
    calls.left += calls.lanes.settle(calls.left[1])
    calls.put("b")
    calls.put("c")
    assert calls.flights[2:] == [["c"]]
    calls.leave(refused)
    calls.done(2)
    assert calls.flights[2:] == [["c"], ["b"]]


def test_one_that_was_interrupted_before_it_entered_leaves_nothing_behind(calls):
    lane = calls.lanes.lane(PUTS)
    calls.leave(Waiter(lane, CALLS["put"], None, 1.0))
    assert calls.lanes.idle


def test_when_all_have_left_nothing_is_kept(calls):
    waiters = [*map(calls.put, "aab"), *map(calls.get, "ab")]
    for number, _ in enumerate(calls.left):  # which grows meanwhile
        calls.done(number)
    assert calls.lanes.idle
    for one in waiters:
        calls.leave(one)
    assert all(one.flight is None for one in waiters)


def test_a_refused_transaction_teaches_how_many_operations_and_bytes_one_may_have(calls):
    for key in "abcdefghi":
        calls.put(key)
    calls.done(0)
    calls.limits.learn(RequestTooLargeError(TOO_MANY), calls.left[1])
    assert (calls.limits.operations, calls.limits.size) == (4, SIZE)
    calls.limits.learn(RequestTooLargeError(TOO_LARGE), calls.left[1])
    assert 0 < calls.limits.size < SIZE
    for key in "klmno":
        calls.put(key)
    assert [len(keys) for keys in calls.flights] == [1, 8, 4]


def test_other_errors_teach_nothing_and_a_limit_is_never_raised(calls):
    calls.limits.operations = 1
    calls.put("a")
    calls.limits.learn(NoSpaceError("full"), calls.left[0])
    calls.limits.learn(RequestTooLargeError(TOO_MANY), calls.left[0])
    assert (calls.limits.operations, calls.limits.size) == (1, SIZE)


def test_without_space_deletes_leave_one_by_one_and_in_order(calls):
    calls.limits.no_space = True
    for key in "aab":
        calls.enter(ops.delete().key(key))
    for key in "cde":
        calls.put(key)
    assert calls.flights == [["a"], ["b"], ["c"]]
    calls.done(0)
    calls.done(2)
    assert calls.flights[3:] == [["a"], ["d", "e"]]
