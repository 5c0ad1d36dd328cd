from __future__ import annotations

import copy
import types

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from etcd_factory.config import load_config, read
from etcd_factory.config.tree import Node, grown, merged, plain, values


def raw(*layers):
    return OmegaConf.to_container(load_config(*layers), resolve=False)


@pytest.mark.parametrize(
    ("low", "high", "result"),
    [
        ({"x": 1, "y": 1}, {"y": 2, "z": 2}, {"x": 1, "y": 2, "z": 2}),
        ([1, 2, 3], [9], [9]),
        ([1, 2], [], []),
        ([{"x": 1}], [{"y": 1}], [{"y": 1}]),
        (1, 2, 2),
        ({"x": 1}, None, None),
        ([1], None, None),
        (1, None, None),
        (None, {"x": 1}, {"x": 1}),
        (1, {"x": 1}, {"x": 1}),
        ({"x": 1}, 1, 1),
        ([1], {"x": 1}, {"x": 1}),
        ({"x": 1}, [1], [1]),
        ({"x": 1}, {}, {"x": 1}),
        (1, {}, {}),
        ({"x": 1}, "${b}", "${b}"),
        ("${b}", {"x": 1}, {"y": 1, "x": 1}),
        ("${b}", {}, "${b}"),
        ("${oc.env:A}", {"x": 1}, {"x": 1}),
        (1, "???", 1),
        ({"x": 1}, "???", {"x": 1}),
        ("???", {"x": 1}, {"x": 1}),
        ({"x": {"y": None}}, {"x": {"y": {"z": 1}}}, {"x": {"y": {"z": 1}}}),
        ({1: {2: 3}}, {1: {4: 5}}, {1: {2: 3, 4: 5}}),
        ((1, 2), (3,), [3]),
    ],
)
def test_mappings_merge_and_all_else_is_replaced(low, high, result):
    assert raw({"a": low, "b": {"y": 1}}, {"a": high})["a"] == result


def test_a_missing_value_stays_missing():
    assert raw({"a": "???"}) == {"a": "???"}


keys = st.sampled_from(["client", "hosts", "clients", "dial_timeout", "a", "b"])
scalars = st.none() | st.booleans() | st.integers() | st.text("ab", max_size=3) | st.lists(st.integers(), max_size=2)
nested = st.recursive(scalars, lambda deeper: st.dictionaries(keys, deeper, max_size=4), max_leaves=10)
trees = st.dictionaries(keys, nested)


def model(low, high):
    if not (isinstance(low, dict) and isinstance(high, dict)):
        return high
    return {
        key: model(low[key], high[key]) if key in low and key in high else {**low, **high}[key] for key in low | high
    }


def deep(layer):
    """Yield the path of every value of a layer that is not a mapping, and the value."""
    for key, value in layer.items():
        if isinstance(value, dict):
            yield from (((key, *path), each) for path, each in deep(value))
        else:
            yield (key,), value


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.lists(trees, min_size=1, max_size=4), st.sampled_from(["", "client", "nowhere"]))
def test_any_layers_merge_like_the_model(layers, section):
    tree = Node({}, "")
    expected = {}
    for number, layer in enumerate(layers):
        before = copy.deepcopy(layer)
        tree = merged(tree, grown(layer, f"layer {number}", {}), tuple(filter(None, [section])))
        expected = model(expected, layer)
        assert layer == before
    assert values(tree) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.lists(trees.map(lambda tree: {"app": tree}), min_size=1, max_size=4))
def test_the_origin_of_any_leaf_is_the_last_layer_that_set_it(layers):
    loaded = read(*layers)
    for number, layer in enumerate(layers, 1):
        later = [path for each in layers[number:] for path, _ in deep(each)]
        for path, _ in deep(layer):
            is_last = not any(path[: len(each)] == each or each[: len(path)] == path for each in later)
            if is_last and loaded.origins.get(path):
                assert loaded.origins[path] in {f"mapping {n}" for n in range(number, len(layers) + 1)}


def test_inputs_are_never_changed_nor_shared():
    low, high = {"etcd": {"client": {"host": ["a"], "deep": {"x": [1]}}}}, {"etcd": {"client": {"hosts": ["b"]}}}
    before = copy.deepcopy((low, high))
    tree = load_config(low, high)
    tree.etcd.client.hosts.append("c")
    tree.etcd.client.deep.x.append(2)
    assert (low, high) == before


def test_an_omegaconf_input_is_copied_too():
    source = OmegaConf.create({"a": {"b": [1]}})
    load_config(source).a.b.append(2)
    assert source == {"a": {"b": [1]}}


def test_making_one_result_read_only_does_not_affect_another():
    OmegaConf.set_readonly(load_config({"a": 1}), True)
    other = load_config({"a": 1})
    other.a = 2
    assert other.a == 2


@attrs.frozen
class Options:
    hosts: tuple[str, ...] = ("a",)


@pytest.mark.parametrize("value", [len, lambda: "x", Options(), Options, object(), {1, 2}, 1j])
def test_any_object_is_a_leaf_and_stays_the_same_object(value):
    tree = load_config({"a": {"b": value}, "l": [value]}, {"a": {"c": 1}})
    assert tree.a.b is value
    assert tree.l[0] is value


@pytest.mark.parametrize(("low", "high"), [(len, {"x": 1}), ({"x": 1}, len), (Options(), {"x": 1}), (1, Options)])
def test_an_object_is_replaced_and_replaces_like_a_scalar(low, high):
    assert load_config({"a": low}, {"a": high}).a == high


def test_the_result_accepts_objects_after_another_merge():
    tree = load_config({"a": len, "b": Options()})
    again = OmegaConf.merge(tree, {"c": 1})
    assert isinstance(again, DictConfig)
    again.d = len
    assert (again.a, again.b, again.d) == (len, Options(), len)


def test_mappings_of_any_kind_are_mappings():
    inner = OmegaConf.create({"y": "${x}"})
    tree = load_config(types.MappingProxyType({"a": types.MappingProxyType({"x": 1}), "b": inner}), {"a": {"z": 2}})
    assert plain(tree) == {"a": {"x": 1, "z": 2}, "b": {"y": "${x}"}}


def test_interpolations_are_resolved_when_read(monkeypatch):
    tree = load_config({"a": "${b.c}", "p": "${oc.env:SOME_PASSWORD}"}, {"b": {"c": 5}})
    monkeypatch.setenv("SOME_PASSWORD", "later")
    assert (tree.a, tree.p) == (5, "later")


def test_a_dangling_interpolation_is_not_a_fault_until_it_is_read():
    tree = load_config({"a": "${nowhere}", "b": "${oc.env:NO_SUCH_VARIABLE}"})
    assert OmegaConf.is_interpolation(tree, "a")


def test_an_origin_is_the_last_layer_that_set_the_path_or_its_parent():
    loaded = read(
        {"etcd": {"client": {"hosts": ["a"], "auth": {"username": "x"}}}}, {"etcd": {"client": {"timeout": 1}}}
    )
    assert loaded.origin(("etcd", "client", "hosts")) == "mapping 1"
    assert loaded.origin(("etcd", "client", "hosts", "0")) == "mapping 1"
    assert loaded.origin(("etcd", "client", "auth", "password")) == "mapping 1"
    assert loaded.origin(("etcd", "client", "timeout")) == "mapping 2"
    assert loaded.origin(("etcd", "client")) == "mapping 2"
    assert loaded.origin(("etcd",)) == "mapping 2"
    assert loaded.origin(("other",)) == ""
    assert loaded.origin(()) == ""


@pytest.mark.parametrize(
    ("low", "high", "origin"),
    [
        ({"a": {"x": 1}}, {"a": {}}, "mapping 1"),
        ({"a": {}}, {"a": {}}, "mapping 2"),
        ({"a": {"x": 1}}, {"a": None}, "mapping 2"),
        ({"a": 1}, {"a": "???"}, "mapping 1"),
        ({"a": 1}, {"a": 1}, "mapping 2"),
    ],
)
def test_the_origin_is_that_of_the_effective_value(low, high, origin):
    assert read(low, high).origin(("a",)) == origin


def test_a_replaced_mapping_loses_the_origins_of_its_entries():
    loaded = read({"a": {"x": {"y": 1}}}, {"a": {"x": 5}})
    assert loaded.origins == {("a",): "mapping 2", ("a", "x"): "mapping 2"}


def test_the_origin_of_a_respelled_option_is_found_under_its_new_name():
    loaded = read({"etcd": {"client": {"tls": {"ca": 1}}}}, {"etcd": {"client": {"credentials": {"key": 2}}}})
    assert loaded.origin(("etcd", "client", "credentials", "ca")) == "mapping 1"
    assert ("etcd", "client", "tls") not in loaded.origins


def test_a_key_that_is_a_number_stays_one_and_has_an_origin():
    loaded = read({1: {"x": 2}})
    assert loaded.tree == {1: {"x": 2}}
    assert loaded.origins[("1", "x")] == "mapping 1"


@pytest.mark.parametrize("auth", [{"hunter2": 1}, {"password": {"hunter2": 1}}, {"x": {"hunter2": {"hunter2": []}}}])
def test_keys_where_a_secret_may_stand_by_mistake_are_not_shown(auth):
    tree = load_config({"etcd": {"clients": {"token": {"auth": auth}}}, "auth": {"shown": 1}})
    assert "hunter2" not in f"{tree!r} {tree} {OmegaConf.to_yaml(tree)}"
    assert "shown" in repr(tree)
    assert "token" in repr(tree)
    assert tree.etcd.clients.token.auth == auth


def test_the_names_of_credentials_are_shown():
    tree = load_config({"etcd": {"client": {"auth": {"username": "u", "password": {"file": "pw"}}}}})
    assert all(name in repr(tree) for name in ("'username'", "'password'", "'file'"))
