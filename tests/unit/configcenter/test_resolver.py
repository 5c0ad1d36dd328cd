"""``${etcd:client,key}``: values read when they are needed, and errors that name the interpolation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError, UnsupportedInterpolationType

from etcd_factory import ETCDService, load_config
from etcd_factory.configcenter import etcd_resolver
from etcd_factory.configcenter.resolver import unresolved
from etcd_factory.testing import ScriptedTransport, replies


@pytest.fixture
def etcd_with():
    """A function that returns a client whose reads are answered by these replies."""
    clients = []

    def create(*reads):
        clients.append(ETCDService(transport=ScriptedTransport(reads)))
        return clients[-1]

    yield create
    for client in clients:
        client.close()


def resolved(text):
    return OmegaConf.create({"x": text}).x


def test_a_value_is_read_as_yaml(etcd_with):
    etcd = etcd_with(replies.get({"k": "[1, two]"}), replies.get({"k": "text"}))
    with etcd_resolver({"one": etcd}):
        assert resolved("${etcd:one,k}") == [1, "two"]
        assert resolved("is ${etcd:one,k}") == "is text"


def test_clients_and_keys_may_look_like_numbers(etcd_with):
    with etcd_resolver({"1": etcd_with(replies.get({"5": "text"}))}):
        assert resolved("${etcd:1,5}") == "text"


def test_the_clients_of_a_factory_are_used(etcd_with):
    factory = SimpleNamespace(clients={"one": etcd_with(replies.get({"k": "v"}))})
    with etcd_resolver(factory):
        assert resolved("${etcd:one,k}") == "v"


def test_a_missing_key_has_the_default(etcd_with):
    with etcd_resolver({"one": etcd_with(replies.get(), replies.get())}):
        assert resolved("${etcd:one,k,7}") == 7
        assert resolved("${etcd:one,k,null}") is None


def test_a_missing_key_without_a_default_is_an_error(etcd_with):
    with (
        etcd_resolver({"one": etcd_with(replies.get())}),
        pytest.raises(InterpolationResolutionError, match=r"\$\{etcd:one,k\}: there is no such key"),
    ):
        resolved("${etcd:one,k}")


def test_an_unknown_client_is_an_error_with_a_suggestion(etcd_with):
    expected = "there is no etcd client 'instance2'; did you mean 'instance1'"
    with etcd_resolver({"instance1": etcd_with()}), pytest.raises(InterpolationResolutionError, match=expected):
        resolved("${etcd:instance2,k}")


def test_a_value_is_read_once_in_each_configuration(etcd_with):
    with etcd_resolver({"one": etcd_with(replies.get({"k": "a"}), replies.get({"k": "b"}))}):
        tree = OmegaConf.create({"x": "${etcd:one,k}"})
        assert [tree.x, tree.x, resolved("${etcd:one,k}")] == ["a", "a", "b"]


def test_the_resolver_is_removed_after_the_block_even_after_an_error(etcd_with):
    with pytest.raises(RuntimeError, match="in the block"), etcd_resolver({"one": etcd_with()}):
        raise RuntimeError("in the block")
    with pytest.raises(UnsupportedInterpolationType):
        resolved("${etcd:one,k}")


def test_an_error_shows_the_interpolation():
    assert str(unresolved("one", "a/b", "why")) == "${etcd:one,a/b}: why"


@pytest.mark.parametrize("value", ["${oc.env:MY_SECRET}", "{a: '${oc.env:MY_SECRET}'}", "a${"])
def test_interpolations_in_a_value_are_data(etcd_with, monkeypatch, value):
    monkeypatch.setenv("MY_SECRET", "hunter2")
    with etcd_resolver({"one": etcd_with(replies.get({"k": value}))}):
        found = OmegaConf.to_container(load_config({"x": "${etcd:one,k}"}, {"x": {"b": 1}}), resolve=True)
        assert "hunter2" not in str(found)
