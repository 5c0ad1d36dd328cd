"""Configurations for tests, without a server."""

from __future__ import annotations

import pytest

from etcd_factory import AsyncETCDServiceFactory, ConfigError, ETCDService, ETCDServiceFactory
from etcd_factory.testing.configs import loaded, named

TEST = {"hosts": ["127.0.0.1:1"], "namespace": "test/1/"}
HOST = ("http://127.0.0.1:1",)
DEFAULT = """
etcd:
  default: {dialTimeout: 3, auth: {username: a, password: b}, namespace: shared/}
  client: {hosts: "one:1, two:1", timeout: 4}
  clients:
    apart: {hosts: "three:1", namespace: apart/, sync: 60}
    beside: {hosts: ["two:1", "one:1"], namespace: beside/, retry: {attempts: 2}}
    proxied: {hosts: "https://four:1", tls: {server_name: x}, proxy: "http://five:1"}
  default_client_name: apart
  client_priority: {beside: low}
  config_center: {prefix: shop/}
"""
UNITTEST = "etcd: {clients: {apart: {timeout: 9}}}\n"


class Own(ETCDService):
    """A client's own class."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.default.yaml").write_text(DEFAULT)
    (tmp_path / "config.unittest.yaml").write_text(UNITTEST)
    return tmp_path


@pytest.mark.parametrize("kind", [ETCDServiceFactory, AsyncETCDServiceFactory])
async def test_every_client_is_on_the_server_of_the_test(folder, kind):
    factory = kind(loaded(TEST, folder, env="unittest"))
    options = {name: client.options for name, client in factory.clients.items()}
    assert {one.hosts for one in options.values()} == {HOST}
    assert {(one.auth, one.tls, one.proxy, one.sync) for one in options.values()} == {(None, None, None, None)}


def test_clients_of_the_same_hosts_keep_their_namespaces_within_one_and_others_have_another(folder):
    with ETCDServiceFactory(loaded(TEST, folder, env="unittest")) as factory:
        assert {name: client.options.namespace for name, client in factory.clients.items()} == {
            "default": "test/1/default/shared/",
            "beside": "test/1/default/beside/",
            "apart": "test/1/apart/apart/",
            "proxied": "test/1/proxied/shared/",
        }


def test_a_binary_namespace_is_kept():
    config = loaded(TEST, {"etcd": {"client": {"namespace": b"\xff"}}})
    assert config["clients"]["default"]["namespace"] == b"test/1/default/\xff"


def test_other_options_and_sections_are_those_of_the_environment(folder):
    with ETCDServiceFactory(loaded(TEST, folder, env="unittest")) as factory:
        apart, beside = factory.get(), factory.get("beside")
        assert (apart.options.timeout, apart.options.dial_timeout) == (9, 3)
        assert (beside.options.timeout, beside.options.retry.attempts) == (5, 2)
        assert factory.is_low_priority("beside")
    assert loaded(TEST, folder, env="prod")["config_center"] == {"prefix": "shop/"}


def test_a_client_made_at_run_time_is_on_the_server_of_the_test(folder):
    with ETCDServiceFactory(loaded(TEST, folder, env="unittest")) as factory:
        options = factory.create_instance(name="late").options
        assert (options.hosts, options.namespace, options.dial_timeout) == (HOST, "test/1/shared/", 3)


def test_what_it_returns_may_be_a_layer_of_another_configuration(folder):
    config = loaded(TEST, folder, env="unittest")
    with ETCDServiceFactory.from_config({"etcd": config}) as factory:
        assert factory.get("beside").options.namespace == "test/1/default/beside/"


def test_a_class_of_a_client_is_kept():
    with ETCDServiceFactory(loaded(TEST, {"etcd": {"client": {"client_class": Own}}})) as factory:
        assert type(factory.get()) is Own


def test_the_arguments_are_those_of_from_config(folder):
    def slow(values):
        return {**values, "shop": {"client": {"timeout": 77}}}

    config = loaded(TEST, folder, env="unittest", key="shop", filters=[slow])
    assert config["clients"]["default"]["timeout"] == 77


def test_problems_are_reported_as_they_are_by_from_config(folder):
    (folder / "config.unittest.yaml").write_text("etcd: {clients: {apart: {hots: a}}}\n")
    with pytest.raises(ConfigError, match=r"unittest\.yaml: etcd\.clients\.apart\.hots: unknown option"):
        loaded(TEST, folder, env="unittest")


def test_named_clients_have_a_namespace_each():
    with ETCDServiceFactory(named(TEST, "users", "flags", timeout=1)) as factory:
        assert factory.names == ("users", "flags")
        users = factory.get("users").options
        assert (users.hosts, users.namespace, users.timeout) == (HOST, "test/1/users/", 1)
        assert factory.get("flags").options.namespace == "test/1/flags/"


def test_other_spellings_of_an_option_are_replaced_too():
    config = loaded(TEST, {"etcd": {"client": {"host": "https://one:1", "credentials": {"serverName": "x"}}}})
    with ETCDServiceFactory(config) as factory:
        assert (factory.get().options.hosts, factory.get().options.tls) == (HOST, None)
