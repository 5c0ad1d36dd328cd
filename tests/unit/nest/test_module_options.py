"""Options of a module: instances, mappings and OmegaConf trees."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import pytest
from attrs import field, frozen
from omegaconf import OmegaConf

from etcd_factory.errors import ConfigError
from etcd_factory.nest.module_options import entries_of, read_options


@frozen
class CacheOptions:
    size: int
    ttl: float = 1.0
    names: tuple[str, ...] = field(default=(), converter=tuple)


TREE = OmegaConf.create({"n": 3, "cache": {"size": "${n}", "names": ["a"]}})


@pytest.mark.parametrize("options", [{"size": 3, "names": ["a"]}, TREE.cache, CacheOptions(3, names=["a"])])
def test_options_are_an_instance_or_a_mapping(options):
    assert read_options(CacheOptions, options) == CacheOptions(3, names=("a",))


def test_an_instance_is_returned_unchanged():
    options = CacheOptions(1)
    assert read_options(CacheOptions, options) is options


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"size": 1, "tll": 2}, "tll: unknown option of CacheOptions; did you mean 'ttl'"),
        ({"ttl": 2}, "size: required option of CacheOptions is missing"),
        (None, "size: required option of CacheOptions is missing"),
        (5, "expected a mapping, got int"),
        ({1: 2}, "expected names as keys"),
        (OmegaConf.create({"size": "${nowhere}"}), "size: "),
    ],
)
def test_invalid_options_are_refused(options, text):
    with pytest.raises(ConfigError) as caught:
        read_options(CacheOptions, options)
    assert text in str(caught.value)


def test_all_unknown_and_missing_options_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        read_options(CacheOptions, {"tll": 2, "hosts": []})
    assert [fault.path for fault in caught.value.faults] == ["tll", "hosts", "size"]


@dataclasses.dataclass
class Data:
    a: int
    b: int = 2


class Open:
    def __init__(self, *args, a, **rest):
        self.a, self.rest = a, rest


def test_any_class_can_be_an_options_class():
    assert read_options(Data, {"a": 1}) == Data(1, 2)
    assert read_options(dict, {"a": 1}) == read_options(OrderedDict, {"a": 1}) == {"a": 1}
    assert read_options(Open, {"a": 1, "b": 2}).rest == {"b": 2}
    with pytest.raises(ConfigError, match="a: required option of Open is missing"):
        read_options(Open, {})


def test_the_entries_of_nothing_are_empty():
    assert entries_of(None) == {}
    assert entries_of(TREE.cache) == {"size": 3, "names": ["a"]}
