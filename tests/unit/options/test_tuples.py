"""A tuple is a list, wherever it is: OmegaConf keeps it as one from 2.4 on."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from etcd_factory import ClientOptions, ETCDServiceFactory, FactoryOptions
from etcd_factory.config import explain_config, load_config
from etcd_factory.options.resolve import plain

HOSTS = ("a:1", "b:2")
URLS = ("http://a:1", "http://b:2")


@pytest.mark.parametrize("make", [dict, OmegaConf.create], ids=["mapping", "tree"])
def test_hosts_may_be_a_tuple(make):
    assert ClientOptions.of(make({"hosts": HOSTS})).hosts == URLS
    with ETCDServiceFactory(make({"client": {"hosts": HOSTS}})) as factory:
        assert factory.get().options.hosts == URLS
    assert FactoryOptions.of(make({"client": {"hosts": HOSTS}})).client == {"hosts": [*HOSTS]}


def test_a_tuple_in_a_tree_becomes_a_list_and_its_faults_have_their_index():
    tree = OmegaConf.create({"hosts": ("a", "${b}", "${nowhere}"), "b": ("c",)})
    value, (fault,) = plain(tree)
    assert value == {"hosts": ["a", ["c"]], "b": ["c"]}
    assert fault.path == "hosts.2"


def test_a_tuple_is_merged_referred_to_and_explained_as_a_list(monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__HOSTS__1", "c:3")
    low = OmegaConf.create(
        {"app": {"hosts": HOSTS, "nodes": ({"x": 1},)}, "etcd": {"client": {"hosts": HOSTS}}, "a": "${app.nodes.0}"}
    )
    tree = load_config(low, {"a": {"y": 2}, "b": "${app.hosts}"})
    assert OmegaConf.is_list(tree.app.hosts)
    assert (tree.a, tree.b, tree.etcd.client.hosts) == ({"x": 1, "y": 2}, ["a:1", "b:2"], ["a:1", "c:3"])
    assert explain_config(low)["app.hosts"].value == ["a:1", "b:2"]
    monkeypatch.undo()
    assert explain_config({"hosts": HOSTS, "again": "${hosts}"})["again"].value == ["a:1", "b:2"]


def test_a_config_function_may_return_tuples(tmp_path):
    (tmp_path / "a.py").write_text(
        "def config(info, merged):\n    return {'etcd': {'client': {'hosts': ('a:1', 'b:2')}}}\n"
    )
    with ETCDServiceFactory.from_config(tmp_path / "a.py") as factory:
        assert factory.get().options.hosts == URLS
