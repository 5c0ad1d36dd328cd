from __future__ import annotations

from omegaconf import OmegaConf

from etcd_factory import ClientOptions
from etcd_factory.errors import Fault
from etcd_factory.options.resolve import plain


def test_a_tree_becomes_plain_values_at_every_level():
    value, faults = plain(OmegaConf.create({"a": {"b": [1, {"c": 2}]}, "d": None}))
    assert (value, faults) == ({"a": {"b": [1, {"c": 2}]}, "d": None}, ())
    assert (type(value), type(value["a"]["b"]), type(value["a"]["b"][1])) == (dict, list, dict)


def test_interpolations_are_resolved_in_the_whole_tree(monkeypatch):
    monkeypatch.setenv("PORT", "1234")
    tree = OmegaConf.create({"port": "${oc.env:PORT}", "etcd": {"client": {"host": "a:${port}"}}})
    assert plain(tree.etcd) == ({"client": {"host": "a:1234"}}, ())


def test_a_tree_inside_a_mapping_becomes_plain_too():
    assert plain({"a": OmegaConf.create({"b": [1]})}) == ({"a": {"b": [1]}}, ())


def test_each_value_that_cannot_be_resolved_is_a_fault_and_left_out():
    value, (first, second, third) = plain(
        OmegaConf.create({"a": "${oc.env:NOWHERE_SET}", "b": {"c": "${nothing}", "d": 1}, "e": "???"})
    )
    assert value == {"b": {"d": 1}}
    assert (first.path, second.path, third.path) == ("a", "b.c", "e")
    assert "environment variable NOWHERE_SET is not set" in first.message
    assert "nothing" in second.message


def test_a_fault_in_a_list_has_its_index():
    value, (fault,) = plain(OmegaConf.create({"hosts": ["a", "${oc.env:NOWHERE_SET}"]}))
    assert (value, fault.path) == ({"hosts": ["a"]}, "hosts.1")


def test_other_values_are_unchanged():
    options = ClientOptions()
    assert plain(options) == (options, ())
    assert plain({"a": options})[0]["a"] is options


def test_the_result_is_a_copy():
    tree = OmegaConf.create({"a": {"b": [1]}})
    plain(tree)[0]["a"]["b"].append(2)
    assert tree == {"a": {"b": [1]}}


def test_a_fault_shows_one_line_and_no_value():
    _, (fault,) = plain(OmegaConf.create({"password": "hunter2${nothing}"}))
    assert isinstance(fault, Fault)
    assert "hunter2" not in str(fault)
    assert "\n" not in fault.message
