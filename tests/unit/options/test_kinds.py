from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from etcd_factory.options.kinds import is_list, is_mapping, is_omegaconf, kind


class Text(str):
    """Text of a type of its own, as a secret's is."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "mapping", "sequence"),
    [({}, True, False), ([], False, True), ((), False, True), ("text", False, False), (None, False, False)],
)
def test_mappings_and_lists_are_told_apart(value, mapping, sequence):
    assert (is_mapping(value), is_list(value)) == (mapping, sequence)


def test_trees_of_omegaconf_are_known():
    assert is_omegaconf(OmegaConf.create({"a": [1]}))
    assert is_omegaconf(OmegaConf.create([1]))
    assert not is_omegaconf({"a": [1]})


@pytest.mark.parametrize(
    ("value", "name"), [(None, "nothing"), ("a", "str"), (Text("a"), "str"), (1.5, "float"), ({}, "dict")]
)
def test_a_kind_is_named_as_users_know_it(value, name):
    assert kind(value) == name
