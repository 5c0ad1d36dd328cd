"""Topological order."""

from __future__ import annotations

import pytest

from etcd_factory.nest.toposort import topological_order

DIAMOND = {"top": ["left", "right"], "left": ["low"], "right": ["low"], "low": []}


def test_dependencies_come_first_and_only_once():
    assert topological_order(["top"], DIAMOND.__getitem__) == ["low", "left", "right", "top"]
    assert topological_order(["low", "top", "left"], DIAMOND.__getitem__) == ["low", "left", "right", "top"]


def test_independent_items_keep_their_order():
    assert topological_order("cab", lambda _: ()) == ["c", "a", "b"]


def test_a_chain_may_be_longer_than_the_recursion_limit():
    order = topological_order([5000], lambda number: [number - 1] if number else [])
    assert order == list(range(5001))


CYCLE = {"in": ["a"], "a": ["b"], "b": ["a", "c"], "c": []}


def test_a_cycle_is_reported_without_what_leads_to_it():
    found = []
    topological_order(["in"], CYCLE.__getitem__, found.append)
    assert found == [["a", "b", "a"]]


def test_a_cycle_is_ignored_by_default():
    assert topological_order(["in"], CYCLE.__getitem__) == ["c", "b", "a", "in"]


def test_an_error_of_the_callback_is_raised():
    def refuse(path):
        raise ValueError(path)

    with pytest.raises(ValueError, match="b"):
        topological_order(["in"], CYCLE.__getitem__, refuse)
