"""``${etcd:client,key}`` in a configuration: one value of a real etcd, read when it is needed."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from etcd_factory import ETCDService, ETCDServiceFactory
from etcd_factory.configcenter import etcd_resolver


@pytest.fixture
def etcd(options):
    with ETCDService(options) as service:
        yield service


def resolved(text):
    return OmegaConf.create({"x": text}).x


def test_an_interpolation_is_the_value_of_a_client_s_key_as_yaml(etcd):
    etcd.put("a/b").value("[1, two]")
    etcd.put("c.d").value("text")
    with etcd_resolver({"instance1": etcd}):
        assert resolved("${etcd:instance1,a/b}") == [1, "two"]
        assert resolved("${etcd:instance1,c.d}") == "text"
        assert resolved("is ${etcd:instance1,c.d}") == "is text"


def test_clients_and_keys_may_look_like_numbers(etcd):
    etcd.put("5").value("text")
    with etcd_resolver({"1": etcd}):
        assert resolved("${etcd:1,5}") == "text"


def test_a_missing_key_has_the_default_or_is_an_error_that_names_it(etcd):
    with etcd_resolver({"instance1": etcd}):
        assert resolved("${etcd:instance1,none,7}") == 7
        assert resolved("${etcd:instance1,none,null}") is None
        with pytest.raises(InterpolationResolutionError, match=r"etcd:instance1,none.*there is no such key"):
            resolved("${etcd:instance1,none}")


def test_an_unknown_client_is_an_error_with_a_suggestion(etcd):
    wrong = r"there is no etcd client 'instance2'; did you mean 'instance1'"
    with etcd_resolver({"instance1": etcd}), pytest.raises(InterpolationResolutionError, match=wrong):
        resolved("${etcd:instance2,k}")


def test_the_resolver_is_removed_after_the_block_even_after_an_error(etcd):
    with pytest.raises(RuntimeError, match="in the block"), etcd_resolver({"instance1": etcd}):
        raise RuntimeError("in the block")
    with pytest.raises(OmegaConfBaseException, match="Unsupported interpolation type etcd"):
        resolved("${etcd:instance1,k}")


def test_the_clients_of_a_factory_are_used(etcd, options):
    etcd.put("k").value("v")
    with ETCDServiceFactory({"clients": {"instance1": options}}) as factory, etcd_resolver(factory):
        assert resolved("${etcd:instance1,k}") == "v"


def test_a_value_is_read_once_in_each_configuration(etcd):
    etcd.put("k").value("one")
    with etcd_resolver({"instance1": etcd}):
        tree = OmegaConf.create({"x": "${etcd:instance1,k}"})
        assert tree.x == "one"
        etcd.put("k").value("two")
        assert (tree.x, resolved("${etcd:instance1,k}")) == ("one", "two")
