"""Ejecting instances that fail in a row, and bringing them back, by Envoy's rules."""

from __future__ import annotations

from math import inf

import pytest

from etcd_factory.registry.outliers import Outlier, Outliers, outlier_of


def fail(outliers, name, times, now=0.0, total=100):
    """Report so many failures; returns what the last one told."""
    return [outliers.report(name, True, total, now) for _ in range(times)][-1]


@pytest.fixture
def outliers():
    return Outliers(Outlier())


def test_the_defaults_are_envoys():
    assert Outlier() == Outlier(failures=5, interval=10, base=30, share=0.1)


def test_an_instance_is_ejected_at_the_fifth_failure_in_a_row(outliers):
    assert fail(outliers, "a", 4) is None
    outliers.report("a", False, 100, 0.0)
    assert fail(outliers, "a", 4) is None
    assert fail(outliers, "a", 1) == 30
    assert (outliers.ejected, outliers.due) == ({"a"}, 30)


def test_failures_of_others_do_not_count(outliers):
    for _ in range(4):
        fail(outliers, "a", 1)
        fail(outliers, "b", 1)
    assert outliers.ejected == frozenset()


def test_it_is_back_when_its_time_is_over(outliers):
    fail(outliers, "a", 5)
    fail(outliers, "b", 5, now=10)
    assert outliers.settle(29) == frozenset()
    assert outliers.settle(30) == {"a"}
    assert (outliers.ejected, outliers.due) == ({"b"}, 40)
    assert outliers.settle(40) == {"b"}
    assert (outliers.ejected, outliers.due) == (frozenset(), inf)


def test_a_use_that_fails_while_it_is_ejected_does_not_count(outliers):
    fail(outliers, "a", 5)
    assert fail(outliers, "a", 5, now=29) is None
    outliers.settle(30)
    assert fail(outliers, "a", 4, now=30) is None


def test_each_ejection_is_longer_than_the_last_one_up_to_a_limit(outliers):
    now, found = 0.0, []
    for _ in range(12):
        found.append(fail(outliers, "a", 5, now))
        now += found[-1]
        outliers.settle(now)
    assert found == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]


def test_a_longer_base_is_its_own_limit():
    assert [Outlier(base=400).seconds(times) for times in (1, 2)] == [400, 400]


def test_an_ejection_is_forgotten_after_each_interval_in_use(outliers):
    for now in (0, 30, 90):
        fail(outliers, "a", 5, now)
        outliers.settle(now + 90)
    assert fail(outliers, "a", 5, now=90 + 90 + 20) == 60  # of 3 ejections 2 are forgotten
    outliers.settle(500)
    assert fail(outliers, "a", 5, now=10_000) == 30


@pytest.mark.parametrize(
    ("total", "share", "most"), [(1, 0.1, 1), (10, 0.1, 1), (19, 0.1, 1), (20, 0.1, 2), (10, 1, 10), (5, 0, 1)]
)
def test_at_most_a_share_is_ejected_but_at_least_one(total, share, most):
    outliers = Outliers(Outlier(share=share))
    for number in range(total):
        fail(outliers, str(number), 5, total=total)
    assert len(outliers.ejected) == most


def test_one_that_was_spared_is_ejected_at_its_next_failure_when_there_is_room(outliers):
    fail(outliers, "a", 5, total=10)
    assert fail(outliers, "b", 7, total=10) is None
    outliers.settle(30)
    assert fail(outliers, "b", 1, now=30, total=10) == 30


def test_what_is_not_in_the_list_any_more_is_forgotten(outliers):
    fail(outliers, "a", 5)
    fail(outliers, "b", 4)
    outliers.keep({"c"})
    assert (outliers.ejected, outliers.due) == (frozenset(), inf)
    assert fail(outliers, "b", 1) is None


# --- as they are given


def test_rules_are_a_mapping_with_any_of_them():
    assert outlier_of({}) == Outlier()
    assert outlier_of({"failures": 3, "base": 0.5}) == Outlier(failures=3, base=0.5)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (5, TypeError, "outlier must be a mapping with any of failures, interval, base, share, not int"),
        ({"failure": 3}, ValueError, "outlier: expected one of .*, got 'failure'; did you mean 'failures'"),
        ({"failures": 0}, ValueError, "outlier: failures must be a whole number, at least 1, not 0"),
        ({"failures": 1.5}, ValueError, "outlier: failures must be a whole number"),
        ({"interval": 0}, ValueError, "outlier: interval must be a number of seconds above 0, not 0"),
        ({"base": "5"}, ValueError, "outlier: base must be a number of seconds above 0, not '5'"),
        ({"share": 1.5}, ValueError, "outlier: share must be a number from 0 to 1, not 1.5"),
        ({"share": 10}, ValueError, "outlier: share must be"),
    ],
)
def test_invalid_rules_are_refused(given, error, text):
    with pytest.raises(error, match=text):
        outlier_of(given)
