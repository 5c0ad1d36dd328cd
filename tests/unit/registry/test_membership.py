"""Which instances are shown: what was announced goes at once, what goes suddenly is held back for a while."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.registry.instance import DOWN, PAUSED, UP, ServiceInstance
from etcd_factory.registry.membership import Membership

TTL, LATE = 10, 60
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
THRESHOLDS = (None, 0.0, 0.4, 0.9, 1.0)


def one(id, status=UP, ttl=TTL, weight=1.0):  # noqa: A002
    return ServiceInstance("user", id, status=status, ttl=ttl, weight=weight)


def ids(roll):
    return "".join(instance.id for instance in roll.shown)


def rolled(names="abc", **options):
    """A roll that shows these."""
    roll = Membership(**options)
    put(roll, names)
    roll.settle(0)
    return roll


def put(roll, names, **changes):
    for name in names:
        roll.put(one(name, **changes))


def drop(roll, names):
    for name in names:
        roll.drop(name)


# --- what is believed at once


def test_it_shows_all_by_id():
    assert ids(rolled("cab")) == "abc"


def test_an_instance_that_changes_is_shown_as_it_is_now():
    roll = rolled()
    put(roll, "b", weight=5.0, status=PAUSED)
    roll.settle(1)
    assert [(instance.weight, instance.status) for instance in roll.shown] == [(1, UP), (5, PAUSED), (1, UP)]


def test_one_of_several_that_goes_suddenly_is_believed():
    roll = rolled()
    drop(roll, "b")
    assert (roll.settle(1), ids(roll)) == (None, "ac")


def test_what_deregisters_goes_at_once_even_the_last_one():
    roll = rolled()
    put(roll, "abc", status=DOWN)
    assert (roll.settle(1), ids(roll)) == (None, "")
    drop(roll, "abc")
    assert (roll.settle(2), ids(roll)) == (None, "")


def test_one_that_was_leaving_and_registers_again_is_shown():
    roll = rolled()
    put(roll, "a", status=DOWN)
    roll.settle(1)
    put(roll, "a")
    assert (roll.settle(2), ids(roll)) == (None, "abc")


def test_without_a_threshold_nothing_is_held_back():
    roll = rolled(threshold=None)
    drop(roll, "abc")
    assert (roll.settle(1, afresh=True), ids(roll)) == (None, "")


# --- what is held back


def test_a_list_that_would_be_empty_is_not_believed_for_the_ttl_of_those_missing():
    roll = rolled()
    put(roll, "c", ttl=30)
    roll.settle(1)
    drop(roll, "abc")
    assert (roll.settle(2), ids(roll)) == (32, "abc")
    assert (roll.settle(31.9), ids(roll)) == (32, "abc")
    assert (roll.settle(32), ids(roll)) == (None, "")


def test_hold_is_in_the_place_of_the_ttl():
    roll = rolled(hold=3)
    drop(roll, "abc")
    assert (roll.settle(2), ids(roll)) == (5, "abc")
    assert (roll.settle(5), ids(roll)) == (None, "")


@pytest.mark.parametrize(("gone", "shown"), [("a", "bcd"), ("ab", "cd"), ("abc", "abcd")])
def test_less_than_the_threshold_is_not_believed(gone, shown):
    roll = rolled("abcd", threshold=0.5)
    drop(roll, gone)
    roll.settle(1)
    assert ids(roll) == shown


def test_what_is_missing_where_all_was_read_afresh_is_not_believed():
    roll = rolled()
    drop(roll, "b")
    assert (roll.settle(1, afresh=True), ids(roll)) == (1 + TTL, "abc")


def test_all_stay_until_the_last_one_missing_is_back():
    roll = rolled()
    drop(roll, "abc")
    roll.settle(1)
    put(roll, "a")
    assert (roll.settle(2), ids(roll)) == (1 + TTL, "abc")
    put(roll, "bc", weight=2.0)
    assert (roll.settle(3), ids(roll)) == (None, "abc")
    assert [instance.weight for instance in roll.shown] == [1, 2, 2]


def test_who_comes_and_who_deregisters_meanwhile_is_believed():
    roll = rolled()
    drop(roll, "abc")
    roll.settle(1)
    put(roll, "d")
    put(roll, "a", status=DOWN)
    assert (roll.settle(2), ids(roll)) == (1 + TTL, "bcd")


def test_after_a_hold_the_next_one_has_its_own_time():
    roll = rolled()
    drop(roll, "abc")
    roll.settle(1)
    put(roll, "abc")
    roll.settle(2)
    drop(roll, "abc")
    assert roll.settle(3) == 3 + TTL


# --- against a model


class Model:
    """The same, said otherwise: what etcd holds, what is shown, and until when a loss is not believed."""

    def __init__(self, threshold, hold):
        self.threshold, self.hold = threshold, hold
        self.etcd, self.shown, self.until = {}, {}, None

    def settle(self, now, afresh):
        up = {id: one for id, one in self.etcd.items() if one.status != DOWN}  # noqa: A001
        announced = self.etcd.keys() - up.keys()
        missing = self.shown.keys() - up.keys() - announced
        if missing and self.until is None and self.threshold is not None:
            few = len(up) < self.threshold * len(self.shown.keys() - announced)
            if afresh or not up or few:
                longest = max(self.shown[id].ttl for id in missing)  # noqa: A001
                self.until = now + (longest if self.hold is None else self.hold)
        held = missing if self.until is not None and now < self.until else set()
        if not held:
            self.until = None
        self.shown = up | {id: self.shown[id] for id in held}  # noqa: A001


IDS = st.sampled_from("abcde")
INSTANCES = st.builds(one, IDS, st.sampled_from([UP, UP, PAUSED, DOWN]), st.sampled_from([0, 5, TTL]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), INSTANCES),
        st.tuples(st.just("drop"), IDS),
        st.tuples(st.just("settle"), st.sampled_from([0, 1, 4, TTL]), st.booleans()),
    ),
    max_size=40,
)
RULES = st.tuples(st.sampled_from(THRESHOLDS), st.sampled_from([None, 0, 3]))


def play(roll, steps, watch):
    """Do the steps; ``watch`` is called behind each that settles, with the time."""
    now = 0
    for kind, *args in steps:
        if kind == "settle":
            now += args[0]
            watch(now, args[1], roll.settle(now, afresh=args[1]))
        else:
            getattr(roll, kind)(*args)


def announcements(roll, model):
    """Have the model told the same; one that leaves is not missed, whether it is deleted before or after."""

    def put(instance):
        Membership.put(roll, instance)
        model.etcd[instance.id] = instance
        if instance.status == DOWN:
            model.shown.pop(instance.id, None)

    def drop(id):  # noqa: A002
        Membership.drop(roll, id)
        model.etcd.pop(id, None)

    return put, drop


class Doubled(Membership):
    """A roll whose model is told the same."""

    def __init__(self, threshold, hold):
        super().__init__(threshold, hold)
        self.model = Model(threshold, hold)
        self.put, self.drop = announcements(self, self.model)


@PATIENT
@given(RULES, STEPS)
def test_it_does_what_its_model_does(rules, steps):
    roll = Doubled(*rules)

    def watch(now, afresh, until):
        roll.model.settle(now, afresh)
        assert (until, {one.id: one for one in roll.shown}) == (roll.model.until, roll.model.shown)

    play(roll, steps, watch)


@PATIENT
@given(RULES, STEPS)
def test_who_is_there_is_always_shown_as_it_is_now(rules, steps):
    roll = Doubled(*rules)

    def watch(now, afresh, until):
        there = {one for one in roll.model.etcd.values() if one.status != DOWN}
        assert there <= set(roll.shown)
        assert not {one.id for one in roll.model.etcd.values() if one.status == DOWN} & {*ids(roll)}

    play(roll, steps, watch)


@PATIENT
@given(RULES, STEPS)
def test_at_the_time_it_gave_nothing_more_is_held_back(rules, steps):
    roll, promised = Doubled(*rules), []

    def watch(now, afresh, until):
        promised[:] = [now if until is None else until]

    play(roll, [*steps, ("settle", 0, False)], watch)
    assert roll.settle(promised[0]) is None
    assert set(roll.shown) == {one for one in roll.model.etcd.values() if one.status != DOWN}


@PATIENT
@given(STEPS)
def test_a_list_is_never_emptied_suddenly(steps):
    """Unless all said that they leave, or the time has run out."""
    roll, before, ends = Doubled(0.0, LATE * 100), [()], []

    def watch(now, afresh, until):
        silent = [one for one in before[-1] if one.id not in roll.model.etcd and one.id not in told]
        assert roll.shown or not silent or now >= ends[-1]
        ends.append(until or 0)
        before.append(roll.shown)
        told.clear()

    told = set()
    put = roll.put
    roll.put = lambda instance: (told.add(instance.id) if instance.status == DOWN else None, put(instance))
    play(roll, steps, watch)


def test_a_hold_of_nothing_is_as_none():
    roll = rolled(hold=0)
    drop(roll, "abc")
    assert (roll.settle(1), ids(roll)) == (None, "")


def test_a_model_that_believes_all_is_told_apart():
    """The comparison can fail."""
    roll = Doubled(0.0, None)
    put(roll, "a")
    roll.settle(0)
    roll.model.settle(0, afresh=False)
    roll.drop("a")
    roll.settle(1)
    roll.model.threshold = None
    roll.model.settle(1, afresh=False)
    assert roll.model.shown != {"a": evolve(roll.shown[0])}
