from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest

from etcd_factory.config import Explained, explain_config
from etcd_factory.errors import ConfigError


def values(*sources, **options):
    return {key: row.value for key, row in explain_config(*sources, **options).items()}


def test_every_leaf_has_its_value_and_layer_in_the_order_of_the_tree(write, monkeypatch):
    write("config/a.default.yaml", "etcd: {client: {timeout: 1, hosts: [a, b], namespace: x}}")
    write("config/a.prod.yaml", "etcd: {client: {hosts: [c]}}")
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__NAMESPACE", "y")
    found = explain_config("config", {"z": 1})
    assert isinstance(found, Mapping)
    assert list(found.items()) == [
        ("etcd.client.timeout", Explained(1, "config/a.default.yaml")),
        ("etcd.client.hosts", Explained(["c"], "config/a.prod.yaml")),
        ("etcd.client.namespace", Explained("y", "$ETCD_FACTORY__ETCD__CLIENT__NAMESPACE")),
        ("z", Explained(1, "mapping 1")),
    ]
    assert len(found) == 4
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found["z"].value = 2


def test_the_text_is_an_aligned_table(write):
    write("a.yaml", '{a: 1, longer: {key: null, password: x, text: "two\\nlines"}}')
    assert str(explain_config("a.yaml")).splitlines() == [
        "a               = 1             (a.yaml)",
        "longer.key      = None          (a.yaml)",
        "longer.password = ***           (a.yaml)",
        r"longer.text     = 'two\nlines'  (a.yaml)",
        "files read: a.yaml",
    ]


def test_the_files_that_were_read_and_those_that_were_looked_for_are_listed(write):
    write("config/a.default.yaml", "a: 1")
    write("config/b.default.toml", "b = 1")
    write("config/a.locl.yaml", "a: 2")
    write("more/c.local.json", "{}")
    write("more/c.default.json", "{}")
    found = explain_config("config", "more", {"x": 1}, env="local")
    assert found.files == ("config/a.default.yaml", "config/b.default.toml", "more/c.default.json", "more/c.local.json")
    assert found.absent == ("config/*.local.{yaml,yml,json,toml,py}",)
    assert str(found).splitlines()[-2:] == [
        "files read: config/a.default.yaml, config/b.default.toml, more/c.default.json, more/c.local.json",
        "files not found: config/*.local.{yaml,yml,json,toml,py}",
    ]


def test_an_empty_explanation_is_an_empty_text():
    assert str(explain_config({})) == ""


def test_empty_mappings_and_lists_are_leaves():
    assert values({"a": {}, "b": [], "c": {"d": {}}}) == {"a": {}, "b": [], "c.d": {}}


def test_a_list_is_one_leaf():
    assert values({"a": [{"b": 1}, [2]]}) == {"a": [{"b": 1}, [2]]}


def test_interpolations_are_resolved_if_possible():
    source = {"a": "${b.c}", "b": {"c": 5}, "m": "${b}", "l": ["${b.c}"], "no": "${nowhere}", "list": [1, "${nowhere}"]}
    assert values(source, {"miss": "???", "loop": "${loop}"}) == {
        "a": 5,
        "b.c": 5,
        "m": {"c": 5},
        "l": [5],
        "no": "${nowhere}",
        "list": [1, "${nowhere}"],
        "miss": "???",
        "loop": "${loop}",
    }


def test_secrets_are_masked_by_name_and_wherever_they_are_interpolated():
    source = {
        "etcd": {"client": {"auth": {"username": "root", "password": "hunter2"}, "hosts": ["http://u:geheim@h"]}},
        "greeting": "pw=${etcd.client.auth.password}!",
        "list": ["${etcd.client.auth.password}"],
        "url": "${etcd.client.hosts.0}",
        "auth": "${etcd.client.auth}",
    }
    text = str(explain_config(source))
    assert values(source)["etcd.client.auth.password"] == "***"
    assert values(source)["auth"] == {"username": "root", "password": "***"}
    assert values(source)["greeting"] == "pw=***!"
    assert "hunter2" not in text
    assert "geheim" not in text
    assert text.count("root") == 2


def test_a_secret_from_the_environment_is_masked(monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "hunter2")
    assert "hunter2" not in str(explain_config({"a": "${oc.env:SOME_PASSWORD}", "token": "${a}"}))


def test_a_token_is_masked_wherever_it_is_interpolated():
    source = {"etcd": {"client": {"auth": {"token": "hunter2.17"}}}, "greeting": "${etcd.client.auth.token}!"}
    assert values(source) == {"etcd.client.auth.token": "***", "greeting": "***!"}


def test_callables_under_secret_names_and_private_keys_are_masked():
    source = {"auth": {"password": lambda: "x", "username": len}, "key": "-----BEGIN PRIVATE KEY-----\nabc"}
    assert values(source) == {"auth.password": "***", "auth.username": len, "key": "***"}


def test_everything_below_a_secret_key_is_masked_but_not_a_client_of_that_name():
    source = {"etcd": {"clients": {"token": {"hosts": ["a"], "auth": {"password": {"file": "x"}}}}}}
    assert values(source) == {"etcd.clients.token.hosts": ["a"], "etcd.clients.token.auth.password.file": "***"}


def test_the_layer_of_a_replaced_mapping_is_the_one_that_replaced_it():
    found = explain_config({"a": {"b": {"c": 1}}}, {"a": {"b": None}}, {"a": {"b": {"d": 1}}})
    assert dict(found) == {"a.b.d": Explained(1, "mapping 3")}


def test_filters_environment_and_section_are_arguments_too():
    source = {"default": {"s": {"client": {"host": 1}}}, "local": {"s": {"client": {"hosts": 2}}}}
    found = explain_config(source, env="local", filters=[lambda layer: {**layer, "f": 1}], key="s")
    assert {key: row.value for key, row in found.items()} == {"s.client.hosts": 2, "f": 1}


def test_a_configuration_with_faults_is_an_error():
    with pytest.raises(ConfigError, match="no such directory"):
        explain_config()
