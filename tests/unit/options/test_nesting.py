from __future__ import annotations

from collections.abc import Mapping

import pytest
from omegaconf import OmegaConf

from etcd_factory import ClientOptions, FactoryOptions
from etcd_factory.options.nesting import DEEPEST, check_nesting


def nested(levels):
    value = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


class Endless(Mapping):
    """A mapping that makes what is in it when it is read."""

    def __getitem__(self, key):
        return Endless()

    def __iter__(self):
        return iter("a")

    def __len__(self):
        return 1


def circle():
    value = {"a": [{}]}
    value["a"][0]["b"] = value
    return value


def bomb():
    value = {"x": 1}
    for _ in range(DEEPEST - 2):
        value = {"a": value, "b": value}
    return value


def test_values_of_usual_depth_and_size_are_accepted():
    shared = {"x": 1}
    check_nesting({"a": shared, "b": [shared, (shared,)], "c": {str(n): [n] for n in range(20_000)}})
    check_nesting(nested(DEEPEST))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (nested(DEEPEST + 2), "a: nested more than 32 levels deep"),
        (nested(100_000), "a: nested more than 32 levels deep"),
        (nested(100_001), "nested more than 32 levels deep"),
        (Endless(), "a: nested more than 32 levels deep"),
        (circle(), "a: contains itself"),
        (bomb(), "shared parts make these values more than 100 times larger"),
    ],
    ids=["deep", "very deep", "very deep list", "endless", "circle", "bomb"],
)
def test_other_values_are_an_error(faults, value, problem):
    assert faults(check_nesting, value) == [problem]


@pytest.mark.parametrize("value", [circle(), nested(3000), bomb()], ids=["circle", "deep", "bomb"])
@pytest.mark.parametrize("read", [ClientOptions.of, FactoryOptions.of, FactoryOptions().merged])
def test_options_are_checked_before_they_are_read(faults, read, value):
    assert len(faults(read, {"grpc_options": value, "client": value})) == 1


def test_a_tree_is_not_resolved():
    check_nesting({"a": OmegaConf.create({"b": "${nowhere}"})})
