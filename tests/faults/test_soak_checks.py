"""The checks of the soak: each accepts what may happen, and names what may not."""

from __future__ import annotations

import pytest

from etcd_factory import KeyValue
from tests.soak import checks
from tests.soak.checks import Counted, Seen
from tests.soak.scene import refusal
from tests.support.history import Step

# --- registers

WRITES = [Step("write", number, number + 0.5, str(number)) for number in range(10)]
STALE = Step("read", 10, 11, "3")


def test_a_register_that_one_order_explains_violates_nothing():
    steps = [*WRITES, Step("write", 3, 4, "maybe", certain=False), Step("read", 10, 11, "maybe")]
    assert checks.register("r/0", steps) == []


def test_the_first_call_that_no_order_explains_is_named_with_the_calls_around_it():
    later = [Step("read", 20, 21, "9"), Step("swap", 22, 23, "x", "0", match=False)]
    [found] = checks.register("r/0", [*later, STALE, *WRITES])
    assert checks.line(STALE) in found.text and "r/0" in found.text
    assert STALE in found.around and later[0] in found.around
    assert len(found.around) < len(WRITES)


def test_a_call_under_way_explains_a_response_before_its_own():
    assert checks.register("r", [Step("write", 0, 9, "a"), Step("read", 1, 2, "a"), *WRITES[9:]]) == []
    [found] = checks.register("r", [Step("write", 3, 9, "a"), Step("read", 1, 2, "a")])
    assert "1.000 to 2.000 s: read a" in found.text


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("write", 0, 1, "a", certain=False), "write a, maybe"),
        (Step("swap", 0, 1, "b", "a", match=False), "swap b if a, no match"),
        (Step("swap", 0, 1, "b", "a"), "swap b if a"),
    ],
)
def test_a_step_is_shown_as_a_line(step, text):
    assert checks.line(step) == f"0.000 to 1.000 s: {text}"


# --- appends and counting


@pytest.mark.parametrize(
    ("outcome", "times", "is_right"),
    [
        ("done", 1, True),
        ("done", 0, False),
        ("done", 2, False),
        ("maybe", 0, True),
        ("maybe", 1, True),
        ("maybe", 2, False),
        ("not done", 0, True),
        ("not done", 1, False),
    ],
)
def test_a_write_is_found_as_often_as_its_outcome_says(outcome, times, is_right):
    found = checks.exactly_once("append", {"a": outcome, "b": "done"}, ["b", *["a"] * times])
    assert [one.text for one in found] == ([] if is_right else [f"a was {outcome}, and is there {times} times"])


def test_what_was_never_written_is_named():
    [found] = checks.exactly_once("append", {}, ["a"])
    assert str(found) == "append: a is there, and was never written"


COUNTED = [Counted(1, "a.0", 5), Counted(2, "a.1", 5), Counted(3, "b.0", 80)]


def test_increments_that_follow_one_another_violate_nothing():
    assert checks.counter(3, reversed(COUNTED)) == []
    assert checks.counter(0, []) == []


@pytest.mark.parametrize(
    ("final", "last", "text"),
    [
        (4, (), "it is 4, after the increments"),
        (4, (Counted(4, "c.0", 7),), "follows a younger token"),
        (4, (Counted(4, "c.0", 90, version=2),), "two held the lock"),
        (5, (Counted(5, "c.0", 90),), "it is 5, after the increments"),
    ],
)
def test_increments_that_only_two_holders_can_make_are_named(final, last, text):
    [found] = checks.counter(final, [*COUNTED, *last])
    assert text in found.text


def test_an_increment_is_read_from_its_key():
    assert Counted.of(KeyValue(b"counted/12", b"0.7 345", version=1)) == Counted(12, "0.7", 345)


# --- watches

EVENTS = [
    Seen(2, "put", b"a", b"1", 1),
    Seen(3, "put", b"a", b"2", 2),
    Seen(3, "put", b"b", b"3", 1),
    Seen(4, "delete", b"a", previous=KeyValue(b"a", b"2", 2, 3, 2)),
    Seen(6, "put", b"a", b"4", 1),
    Seen(7, "put", b"a", b"5", 2),
]
STORED = {b"a": KeyValue(b"a", b"5", 6, 7, 2), b"b": KeyValue(b"b", b"3", 3, 3, 1)}


def without(index):
    return EVENTS[:index] + EVENTS[index + 1 :]


def test_all_events_once_and_in_order_violate_nothing():
    assert checks.stream("all", EVENTS, STORED) == []


@pytest.mark.parametrize("index", range(len(EVENTS)))
def test_an_event_that_is_missing_is_found(index):
    assert checks.stream("all", without(index), STORED)
    assert checks.equal("other", EVENTS, without(index))
    assert checks.equal("other", without(index), EVENTS)


@pytest.mark.parametrize("index", range(len(EVENTS)))
def test_an_event_that_is_delivered_twice_is_found(index):
    [found] = checks.stream("all", EVENTS[: index + 1] + EVENTS[index:], STORED)
    assert "cannot follow" in found.text and EVENTS[index] in found.around


@pytest.mark.parametrize("index", range(len(EVENTS) - 1))
def test_events_in_another_order_are_found(index):
    swapped = [*EVENTS[:index], EVENTS[index + 1], EVENTS[index], *EVENTS[index + 2 :]]
    assert checks.stream("all", swapped, STORED)
    same = swapped[index].revision == swapped[index + 1].revision
    assert (
        bool(checks.stream("all", swapped, STORED, merged=True)) is not same
    )  # as merged calls of one revision may be


def test_a_wrong_previous_value_is_found_and_a_compacted_one_is_right():
    wrong = Seen(8, "put", b"a", b"6", 3, previous=KeyValue(b"a", b"4", 6, 6, 1))
    right = Seen(8, "put", b"a", b"6", 3, previous=STORED[b"a"])
    stored = {**STORED, b"a": KeyValue(b"a", b"6", 6, 8, 3)}
    assert checks.stream("previous", [*EVENTS, wrong], stored)
    assert checks.stream("previous", [*EVENTS, right], stored) == []
    assert checks.stream("previous", [*EVENTS, Seen(8, "put", b"a", b"6", 3)], stored) == []


def test_a_watch_that_read_again_may_skip_events_but_not_leave_a_wrong_copy():
    again = [Seen(5, "delete", b"a", resync=True), Seen(3, "put", b"b", b"3", 1, resync=True)]
    assert checks.stream("resync", [EVENTS[0], *again, *EVENTS[4:]], STORED) == []
    assert checks.stream("resync", [EVENTS[0], again[1], *EVENTS[4:]], STORED)
    assert checks.stream("resync", [EVENTS[0], again[0], *EVENTS[4:]], STORED)


def test_watches_that_saw_the_same_violate_nothing():
    assert checks.equal("other", EVENTS, [*EVENTS]) == []


def test_a_copy_is_compared_with_the_events_up_to_its_revision():
    at_three = {b"a": KeyValue(b"a", b"2", 2, 3, 2), b"b": STORED[b"b"]}
    assert checks.samples("mirror", [(7, STORED), (3, at_three), (3, at_three), (0, {})], EVENTS) == []
    [found] = checks.samples("mirror", [(5, at_three), (7, STORED)], EVENTS)
    assert "mirror at revision 5: b'a' is" in found.text


def test_a_write_that_was_applied_at_another_revision_is_found():
    assert checks.revisions({b"1": 2, b"5": 7, b"not seen": 9}, EVENTS) == []
    [found] = checks.revisions({b"1": 3}, EVENTS)
    assert "was reported at revision 3" in found.text


# --- kills


@pytest.mark.parametrize(
    ("version", "wanted", "part"),
    [
        ("3.4.23", True, "loses acknowledged writes"),
        ("3.5.1", True, "this is 3.5.1"),
        ("3.5.5", True, ""),
        ("3.5.16", True, ""),
        ("3.6.0-rc.1", True, ""),
        ("3.5.16", False, "--no-kills"),
    ],
)
def test_members_are_killed_only_if_the_server_keeps_what_it_acknowledged(version, wanted, part):
    assert part in refusal(version, wanted)
    assert bool(refusal(version, wanted)) == bool(part)
