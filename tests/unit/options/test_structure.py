from __future__ import annotations

import copy
from typing import Any, ClassVar

import pytest
from attrs import field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.fields import text
from etcd_factory.options.numbers import count
from etcd_factory.options.structure import below, overlay, structure


def odd(pair: Any, present: frozenset[str]) -> str:
    return "left is right" if pair.left == pair.right else ""


@frozen
class Pair:
    left: int = field(default=1, converter=count)
    right: int = field(default=2, converter=count)
    the_name: str = field(default="x", converter=text)

    CHECKS: ClassVar[Any] = ((frozenset({"left", "right"}), odd),)


def test_a_mapping_becomes_an_instance_in_any_spelling():
    assert structure(Pair, {"left": 5, "theName": "y"}) == Pair(5, 2, "y")
    assert structure(Pair, {}) == Pair()


def test_null_means_the_default():
    assert structure(Pair, {"left": None, "the_name": None}) == Pair()


def test_faults_have_their_keys_and_the_order_of_the_mapping(faults):
    assert faults(structure, Pair, {"righ": 1, "theName": 3, "left": 0}) == [
        "righ: unknown option; did you mean 'right'?",
        "theName: expected text, got int; write it in quotes",
        "left: expected a whole number above 0, got 0",
    ]


def test_an_option_in_two_spellings_is_a_fault_of_the_second(faults):
    assert faults(structure, Pair, {"theName": "a", "the_name": "a"}) == [
        "the_name: set twice, under two spellings of 'the_name'; keep one"
    ]


@pytest.mark.parametrize("given", [{"theName": None, "the_name": "a"}, {"the_name": "a", "theName": None}])
def test_null_in_one_spelling_leaves_an_option_to_the_other(given):
    assert structure(Pair, given) == Pair(the_name="a")


def test_a_rule_between_options_sees_the_defaults(faults):
    assert faults(structure, Pair, {"left": 2}) == ["left is right"]


def test_a_broken_rule_is_reported_with_the_faults_of_other_options(faults):
    assert faults(structure, Pair, {"left": 2, "zzz": 1}) == ["zzz: unknown option", "left is right"]


@pytest.mark.parametrize("bad", ["left", "LEFT"])
def test_a_rule_that_reads_an_invalid_option_is_skipped(faults, bad):
    assert len(faults(structure, Pair, {bad: "2", "right": 1})) == 1


def test_a_key_that_is_not_text_is_unknown(faults):
    assert faults(structure, Pair, {5: 1}) == ["5: unknown option"]


def test_a_path_is_prepended_to_those_of_faults():
    first, second = below("a.b", [Fault("f", "", "m"), Fault("f", "c", "m")])
    assert (first, second) == (Fault("f", "a.b", "m"), Fault("f", "a.b.c", "m"))


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": {"b": 1, "c": 1}}, {"a": {"b": 2}}, {"a": {"b": 2, "c": 1}}),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}, {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"dial_timeout": 1}, {"dialTimeout": 2}, {"dialTimeout": 2}),
        ({"host": "a"}, {"hosts": "b"}, {"hosts": "b"}),
        ({"credentials": {"ca": 1}}, {"tls": {"serverName": 2}}, {"tls": {"ca": 1, "serverName": 2}}),
        ({"tls": {"serverName": 1}}, {"tls": {"server_name": 2}}, {"tls": {"server_name": 2}}),
    ],
)
def test_mappings_merge_in_any_spelling_and_all_else_is_replaced(base, over, result):
    before = copy.deepcopy((base, over))
    assert overlay(base, over) == result
    assert (base, over) == before


VALUES = st.recursive(
    st.none() | st.integers() | st.lists(st.integers()),
    lambda v: st.dictionaries(st.text("abc", min_size=1), v),
    max_leaves=10,
)
TREES = st.dictionaries(st.text("abc", min_size=1), VALUES)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(TREES, TREES)
def test_the_upper_mapping_always_wins_and_inputs_are_unchanged(base, over):
    before = copy.deepcopy((base, over))
    merged = overlay(base, over)
    assert set(merged) == set(base) | set(over)
    assert all(merged[key] == value for key, value in over.items() if not isinstance(value, dict))
    assert overlay(merged, over) == merged
    assert (base, over) == before


def test_the_error_is_a_value_error_with_the_faults():
    with pytest.raises(
        ValueError, match="2 problems in the configuration:\n  a: unknown option\n  b: unknown"
    ) as caught:
        structure(Pair, {"a": 1, "b": 2})
    assert isinstance(caught.value, ConfigError)
    assert [fault.path for fault in caught.value.faults] == ["a", "b"]
