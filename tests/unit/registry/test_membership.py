"""Which instances are shown: announced losses at once, sudden ones held back for a while."""

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


def ids(members):
    return "".join(instance.id for instance in members.shown)


def showing(names="abc", **options):
    """A membership that shows these."""
    members = Membership(**options)
    put(members, names)
    members.settle(0)
    return members


def put(members, names, **changes):
    for name in names:
        members.put(one(name, **changes))


def drop(members, names):
    for name in names:
        members.drop(name)


# --- shown at once


def test_instances_are_shown_by_id():
    assert ids(showing("cab")) == "abc"


def test_an_instance_that_changes_is_shown_as_it_is_now():
    members = showing()
    put(members, "b", weight=5.0, status=PAUSED)
    members.settle(1)
    assert [(instance.weight, instance.status) for instance in members.shown] == [(1, UP), (5, PAUSED), (1, UP)]


def test_one_of_several_that_is_lost_is_removed_at_once():
    members = showing()
    drop(members, "b")
    assert (members.settle(1), ids(members)) == (None, "ac")


def test_instances_that_deregister_are_removed_at_once_even_the_last_one():
    members = showing()
    put(members, "abc", status=DOWN)
    assert (members.settle(1), ids(members)) == (None, "")
    drop(members, "abc")
    assert (members.settle(2), ids(members)) == (None, "")


def test_an_instance_that_registers_again_while_deregistering_is_shown():
    members = showing()
    put(members, "a", status=DOWN)
    members.settle(1)
    put(members, "a")
    assert (members.settle(2), ids(members)) == (None, "abc")


def test_without_a_threshold_nothing_is_held_back():
    members = showing(threshold=None)
    drop(members, "abc")
    assert (members.settle(1, resync=True), ids(members)) == (None, "")


# --- held back


def test_a_list_is_not_emptied_before_the_longest_ttl_of_the_missing_instances():
    members = showing()
    put(members, "c", ttl=30)
    members.settle(1)
    drop(members, "abc")
    assert (members.settle(2), ids(members)) == (32, "abc")
    assert (members.settle(31.9), ids(members)) == (32, "abc")
    assert (members.settle(32), ids(members)) == (None, "")


def test_hold_replaces_the_ttl():
    members = showing(hold=3)
    drop(members, "abc")
    assert (members.settle(2), ids(members)) == (5, "abc")
    assert (members.settle(5), ids(members)) == (None, "")


@pytest.mark.parametrize(("gone", "shown"), [("a", "bcd"), ("ab", "cd"), ("abc", "abcd")])
def test_a_loss_below_the_threshold_is_held_back(gone, shown):
    members = showing("abcd", threshold=0.5)
    drop(members, gone)
    members.settle(1)
    assert ids(members) == shown


def test_what_is_missing_after_a_resync_is_held_back():
    members = showing()
    drop(members, "b")
    assert (members.settle(1, resync=True), ids(members)) == (1 + TTL, "abc")


def test_all_stay_until_the_last_missing_instance_is_back():
    members = showing()
    drop(members, "abc")
    members.settle(1)
    put(members, "a")
    assert (members.settle(2), ids(members)) == (1 + TTL, "abc")
    put(members, "bc", weight=2.0)
    assert (members.settle(3), ids(members)) == (None, "abc")
    assert [instance.weight for instance in members.shown] == [1, 2, 2]


def test_new_and_deregistering_instances_are_applied_meanwhile():
    members = showing()
    drop(members, "abc")
    members.settle(1)
    put(members, "d")
    put(members, "a", status=DOWN)
    assert (members.settle(2), ids(members)) == (1 + TTL, "bcd")


def test_a_later_loss_is_held_back_for_its_own_time():
    members = showing()
    drop(members, "abc")
    members.settle(1)
    put(members, "abc")
    members.settle(2)
    drop(members, "abc")
    assert members.settle(3) == 3 + TTL


# --- against a model


class Model:
    """The same rule written differently: what etcd has, what is shown, and until when a loss is held back."""

    def __init__(self, threshold, hold):
        self.threshold, self.hold = threshold, hold
        self.etcd, self.shown, self.until = {}, {}, None

    def settle(self, now, resync):
        up = {id: one for id, one in self.etcd.items() if one.status != DOWN}  # noqa: A001
        announced = self.etcd.keys() - up.keys()
        missing = self.shown.keys() - up.keys() - announced
        if missing and self.until is None and self.threshold is not None:
            few = len(up) < self.threshold * len(self.shown.keys() - announced)
            if resync or not up or few:
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


def play(members, steps, watch):
    """Do the steps; ``watch`` is called after each that settles, with the time."""
    now = 0
    for kind, *args in steps:
        if kind == "settle":
            now += args[0]
            watch(now, args[1], members.settle(now, resync=args[1]))
        else:
            getattr(members, kind)(*args)


def followed(members, model):
    """Let the model follow; an instance that deregisters is not missing, whether its key is already deleted or not."""

    def put(instance):
        Membership.put(members, instance)
        model.etcd[instance.id] = instance
        if instance.status == DOWN:
            model.shown.pop(instance.id, None)

    def drop(id):  # noqa: A002
        Membership.drop(members, id)
        model.etcd.pop(id, None)

    return put, drop


class Doubled(Membership):
    """A membership with a model that follows it."""

    def __init__(self, threshold, hold):
        super().__init__(threshold, hold)
        self.model = Model(threshold, hold)
        self.put, self.drop = followed(self, self.model)


@PATIENT
@given(RULES, STEPS)
def test_it_agrees_with_the_model(rules, steps):
    members = Doubled(*rules)

    def watch(now, resync, until):
        members.model.settle(now, resync)
        assert (until, {one.id: one for one in members.shown}) == (members.model.until, members.model.shown)

    play(members, steps, watch)


@PATIENT
@given(RULES, STEPS)
def test_present_instances_are_always_shown_as_they_are_now(rules, steps):
    members = Doubled(*rules)

    def watch(now, resync, until):
        there = {one for one in members.model.etcd.values() if one.status != DOWN}
        assert there <= set(members.shown)
        assert not {one.id for one in members.model.etcd.values() if one.status == DOWN} & {*ids(members)}

    play(members, steps, watch)


@PATIENT
@given(RULES, STEPS)
def test_nothing_is_held_back_after_the_time_that_it_returned(rules, steps):
    members, promised = Doubled(*rules), []

    def watch(now, resync, until):
        promised[:] = [now if until is None else until]

    play(members, [*steps, ("settle", 0, False)], watch)
    assert members.settle(promised[0]) is None
    assert set(members.shown) == {one for one in members.model.etcd.values() if one.status != DOWN}


@PATIENT
@given(STEPS)
def test_a_list_is_never_emptied_suddenly(steps):
    """Unless all have deregistered, or the time is over."""
    members, before, ends = Doubled(0.0, LATE * 100), [()], []

    def watch(now, resync, until):
        silent = [one for one in before[-1] if one.id not in members.model.etcd and one.id not in announced]
        assert members.shown or not silent or now >= ends[-1]
        ends.append(until or 0)
        before.append(members.shown)
        announced.clear()

    announced = set()
    put = members.put
    members.put = lambda instance: (announced.add(instance.id) if instance.status == DOWN else None, put(instance))
    play(members, steps, watch)


def test_a_hold_of_0_holds_nothing_back():
    members = showing(hold=0)
    drop(members, "abc")
    assert (members.settle(1), ids(members)) == (None, "")


def test_the_comparison_with_the_model_can_fail():
    members = Doubled(0.0, None)
    put(members, "a")
    members.settle(0)
    members.model.settle(0, resync=False)
    members.drop("a")
    members.settle(1)
    members.model.threshold = None
    members.model.settle(1, resync=False)
    assert members.model.shown != {"a": evolve(members.shown[0])}
