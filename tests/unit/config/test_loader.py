from __future__ import annotations

import pytest
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError

from etcd_factory import ETCDServiceFactory
from etcd_factory.config import aload_config, aread, load_config, read
from etcd_factory.config.sources import plan
from etcd_factory.errors import ConfigError


def test_layers_merge_in_their_order(write, monkeypatch):
    write("config/a.default.yaml", "{a: 1, b: 1, c: 1, d: 1, e: 1}")
    write("config/a.prod.yaml", "{b: 2, c: 2, d: 2, e: 2}")
    write("config/a.production.yaml", "{c: 3, d: 3, e: 3}")
    monkeypatch.setenv("ETCD_FACTORY__E", "5")
    tree = load_config({"d": 4, "e": 4}, "config", env="production")
    assert isinstance(tree, DictConfig)
    assert tree == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_one_error_reports_all_faults(write):
    write("a.yaml", "[")
    with pytest.raises(ConfigError, match="2 problems") as caught:
        load_config("a.yaml", "b.yaml")
    assert [fault.file for fault in caught.value.faults] == ["a.yaml", "b.yaml"]
    assert isinstance(caught.value, ValueError)


def test_an_interpolation_that_refers_to_nothing_is_the_error_of_whoever_reads_it(write):
    write("a.yaml", "{etcd: {client: {namespace: '${nowhere}'}, clients: {b: '${nowhere.b}'}}, app: '${nowhere}'}")
    tree = load_config("a.yaml")
    with pytest.raises(InterpolationResolutionError, match="nowhere"):
        _ = tree.app
    with pytest.raises(ConfigError) as caught:
        ETCDServiceFactory.from_config("a.yaml")
    assert [(fault.file, fault.path, fault.message) for fault in caught.value.faults] == [
        ("a.yaml", "etcd.client.namespace", "no such key: nowhere"),
        ("a.yaml", "etcd.clients.b", "no such key: nowhere.b"),
    ]
    with pytest.raises(ConfigError, match="2 problems"):
        ETCDServiceFactory(tree.etcd)


def test_reading_returns_the_faults_and_what_could_be_read(write):
    write("a.yaml", "a: 1")
    loaded = read("a.yaml", "b.yaml", env="local")
    assert loaded.tree == {"a": 1}
    assert [fault.file for fault in loaded.faults] == ["b.yaml"]
    assert loaded.env == "local"


async def test_both_faces_read_the_same(write):
    write("config/a.default.yaml", "{a: {b: 1}}")
    options = {"env": "x", "filters": [lambda layer: {**layer, "f": 1}], "key": "a"}
    assert await aread("config", {"a": {"B": 2}}, **options) == read("config", {"a": {"B": 2}}, **options)
    assert await aload_config() == load_config()


def test_the_repr_of_what_was_loaded_shows_no_values():
    assert "hunter2" not in repr(read({"password": "hunter2"}))
    assert "hunter2" not in repr(plan([{"password": "hunter2"}], ["default"]))


def test_every_layer_passes_the_filters_in_their_order(write, monkeypatch):
    seen = []
    write("config/a.default.yaml", "a: 1")
    write("config/a.prod.yaml", "{b: [1, '${a}']}")
    monkeypatch.setenv("ETCD_FACTORY__V", "1")

    def first(layer):
        seen.append(layer)
        return {**layer, "first": 1, "second": 1}

    tree = load_config(
        "config", {"m": OmegaConf.create({"x": 1})}, filters=[first, lambda layer: {**layer, "second": 2}]
    )
    assert seen == [{"a": 1}, {"b": [1, "${a}"]}, {"m": {"x": 1}}, {"v": 1}]
    assert all(type(each) is dict for each in seen)
    assert (tree.first, tree.second) == (1, 2)


def test_a_filter_may_drop_a_layer():
    called = []
    filters = iter([lambda layer: None if "secret" in layer else layer, lambda layer: called.append(1) or layer])
    assert load_config({"a": 1}, {"secret": 1}, {"b": 1}, filters=filters) == {"a": 1, "b": 1}
    assert len(called) == 2


def test_a_filter_may_change_its_mapping_and_not_the_source():
    source = {"a": {"b": [1]}}

    def spoil(layer):
        layer["a"]["b"].append(2)
        return layer

    assert load_config(source, filters=[spoil]) == {"a": {"b": [1, 2]}}
    assert source == {"a": {"b": [1]}}


def test_a_filter_may_return_an_omegaconf_tree_whose_interpolations_are_kept():
    tree = load_config({"a": "${b}", "b": 1}, {"b": 2}, filters=[OmegaConf.create])
    assert tree.a == 2


@pytest.mark.parametrize("answer", [5, [], "", False])
def test_a_filter_that_returns_something_else_is_a_type_error_that_names_it(answer):
    def decrypt(layer):
        return answer

    with pytest.raises(TypeError, match=f"decrypt.* must return a mapping or None, not {type(answer).__name__}"):
        load_config({"a": 1}, filters=[decrypt])


def test_an_invalid_value_from_a_filter_is_a_fault(faults):
    assert faults({"a": 1}, filters=[lambda layer: {"a": "${"}]) == [
        "mapping 1: a: not a valid interpolation; write \\${ for the text ${"
    ]


def test_a_config_function_sees_the_layers_as_the_filters_left_them(write):
    write("config/a.default.yaml", "a: 1")
    write("config/b.prod.py", "config = lambda info, merged: {'seen': merged['a']}")
    assert load_config(filters=[lambda layer: {**layer, "a": 9} if "a" in layer else layer]) == {"a": 9, "seen": 9}
