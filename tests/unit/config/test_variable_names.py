from __future__ import annotations

import logging

import pytest

from etcd_factory.config import load_config


@pytest.fixture
def variable(monkeypatch):
    return lambda name, text: monkeypatch.setenv(name, text)


@pytest.mark.parametrize(
    ("client", "written"),
    [
        ("my-cache", "MY_CACHE"),
        ("my-cache", "MYCACHE"),
        ("MyCache", "MYCACHE"),
        ("MyCache", "MY_CACHE"),
        ("my.cache", "MY_CACHE"),
        ("my_cache", "MY_CACHE"),
        ("\u00c4-b", "\u00e4B"),
    ],
)
def test_a_variable_means_the_client_whatever_the_case_and_dashes_of_its_name(variable, client, written):
    variable(f"ETCD_FACTORY__ETCD__CLIENTS__{written}__TIMEOUT", "9")
    variable(f"ETCD_FACTORY__ETCD__PRIORITY__{written}", "low")
    tree = load_config({"etcd": {"clients": {client: {"timeout": 1, "hosts": "a"}}}})
    assert tree == {"etcd": {"clients": {client: {"timeout": 9, "hosts": "a"}}, "priority": {client: "low"}}}


def test_a_name_that_is_written_exactly_is_meant(variable):
    variable("ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__TIMEOUT", "9")
    tree = load_config({"etcd": {"clients": {"my_cache": {}, "my-cache": {}}}})
    assert tree.etcd.clients == {"my_cache": {"timeout": 9}, "my-cache": {}}


def test_a_name_that_means_several_clients_is_a_fault(variable, faults):
    variable("ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__TIMEOUT", "9")
    assert faults({"etcd": {"clients": {"MyCache": {}, "my-cache": {}}}}) == [
        "$ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__TIMEOUT: "
        "means any of the clients MyCache, my-cache; rename one of them"
    ]


def test_two_variables_that_mean_one_client_in_two_spellings_are_a_fault(variable, faults):
    variable("ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__TIMEOUT", "9")
    variable("ETCD_FACTORY__ETCD__CLIENTS__MYCACHE__TIMEOUT", "8")
    assert faults({"etcd": {"clients": {"my-cache": {}}}}) == [
        "$ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__TIMEOUT: etcd.clients.my-cache.timeout: "
        "is already set by $ETCD_FACTORY__ETCD__CLIENTS__MYCACHE__TIMEOUT"
    ]


def test_another_name_is_a_new_client(variable):
    variable("ETCD_FACTORY__ETCD__CLIENTS__NEW_ONE__TIMEOUT", "9")
    assert load_config({"etcd": {"clients": {"other": {}}}}).etcd.clients.new_one == {"timeout": 9}


def test_clients_behind_an_interpolation_are_known(variable):
    variable("ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__TIMEOUT", "9")
    tree = load_config({"all": {"my-cache": {"hosts": "a"}}, "etcd": {"clients": "${all}"}})
    assert tree.etcd.clients == {"my-cache": {"hosts": "a", "timeout": 9}}


@pytest.mark.parametrize("key", ["my-etcd", "MyEtcd", "app.my_etcd"])
def test_a_section_is_found_whatever_the_case_and_dashes_of_its_name(variable, key):
    variable(f"ETCD_FACTORY__{'APP__' if '.' in key else ''}MY_ETCD__CLIENT__AUTH__PASSWORD", "yes")
    source = {"client": {"timeout": 1}}
    for name in reversed(key.split(".")):
        source = {name: source}
    tree = load_config(source, key=key)
    for name in key.split("."):
        tree = tree[name]
    assert tree.client == {"timeout": 1, "auth": {"password": "yes"}}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ETCD_FACTORY__ETCD_CLIENT__TIMEOUT", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT"),
        ("ETCD_FACTORY__ETCD_CLIENT_TIMEOUT", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT"),
        ("ETCD_FACTORY__ETCD__CLIENT_TIMEOUT", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT"),
        ("ETCD_FACTORY__ETCD__CLIENT__DIAL__TIMEOUT", "ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT"),
        (
            "ETCD_FACTORY__ETCD__CLIENTS_MY_CACHE__AUTH_PASSWORD",
            "ETCD_FACTORY__ETCD__CLIENTS__MY_CACHE__AUTH__PASSWORD",
        ),
        ("ETCD_FACTORY__ETCD__CLIENT__TIMOUT", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT"),
        ("ETCD_FACTORY__ETDC__CLIENT__TIMEOUT", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT"),
        ("ETCD_FACTORY__APP_DB__PORT", "ETCD_FACTORY__APP__DB__PORT"),
    ],
)
def test_a_variable_that_sets_something_else_than_was_meant_is_warned_of(variable, caplog, name, meant):
    variable(name, "5")
    load_config({"etcd": {"clients": {"my-cache": {}}}, "app": {"db": {"port": 1}}})
    path = name.removeprefix("ETCD_FACTORY__").lower().replace("__", ".")
    assert caplog.messages == [f"${name} sets {path}, which no file has; did you mean ${meant}?"]
    assert caplog.records[0].levelname == "WARNING"


@pytest.mark.parametrize(
    "name",
    ["ETCD_FACTORY_ETCD__CLIENT__TIMEOUT", "ETCD_FACTORY_ETCD_CLIENT_TIMEOUT", "etcd_factory__etcd__client__timeout"],
)
def test_a_variable_that_is_not_read_is_warned_of(variable, caplog, name):
    variable(name, "5")
    assert load_config({}) == {}
    assert caplog.messages == [f"${name} is not read; did you mean $ETCD_FACTORY__ETCD__CLIENT__TIMEOUT?"]


@pytest.mark.parametrize(
    "name",
    [
        "ETCD_FACTORY_ENV",
        "ETCD_FACTORY_TEST_ENDPOINTS",
        "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT",
        "ETCD_FACTORY__ETCD__CLIENTS__NEW__TIMEOUT",
        "ETCD_FACTORY__ETCD__CLIENT__GRPC_OPTIONS__X",
        "ETCD_FACTORY__DB__PORT",
        "ETCD_FACTORY__APP__DB__PORT",
        "ETCD_FACTORY__APP__HOSTS__0",
        "ETCD_CLIENT_TIMEOUT",
    ],
)
def test_other_variables_are_not_warned_of(variable, caplog, name):
    variable(name, "5")
    with caplog.at_level(logging.INFO):
        load_config({"app": {"db": {"port": 1}, "hosts": ["a"]}})
    assert caplog.messages == []
