from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from etcd_factory.config import load_config, read


@pytest.fixture
def variables(monkeypatch):
    def variables(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"ETCD_FACTORY__{name}", value)

    return variables


def hosts(*layers):
    return OmegaConf.to_container(load_config(*layers), resolve=True)["etcd"]["client"]["hosts"]


@pytest.mark.parametrize(
    ("low", "values", "result"),
    [
        (["a", "b"], {"0": "x"}, ["x", "b"]),
        (["a", "b"], {"1": "x"}, ["a", "x"]),
        (["a", "b"], {"2": "x", "3": "y"}, ["a", "b", "x", "y"]),
        (["a", "b"], {"1": "x", "0": "y"}, ["y", "x"]),
        (("a", "b"), {"0": "x"}, ["x", "b"]),
        ("a,b", {"1": "x"}, ["a", "x"]),
        ("a", {"0": "x"}, ["x"]),
        ("${app.hosts}", {"0": "x"}, ["x", "d"]),
        ([], {"0": "x"}, ["x"]),
        (None, {"0": "x", "1": "y"}, ["x", "y"]),
        (["a"] * 12, {"10": "x", "2": "y"}, ["a", "a", "y", *["a"] * 7, "x", "a"]),
    ],
)
def test_an_item_of_the_list_below_is_replaced_or_added(variables, low, values, result):
    variables(**{f"ETCD__CLIENT__HOSTS__{index}": text for index, text in values.items()})
    assert hosts({"app": {"hosts": ["c", "d"]}, "etcd": {"client": {"hosts": low}}}) == result


def test_items_make_a_list_where_there_was_none(variables):
    variables(ETCD__CLIENT__HOSTS__0="a:1", ETCD__CLIENT__HOSTS__1="b:2")
    assert hosts({}) == ["a:1", "b:2"]


def test_the_list_below_may_have_another_spelling(variables):
    variables(ETCD__CLIENT__HOSTS__0="x")
    assert load_config({"etcd": {"client": {"host": ["a", "b"]}}}) == {"etcd": {"client": {"hosts": ["x", "b"]}}}


@pytest.mark.parametrize(
    ("low", "fault"),
    [
        (["a"], "etcd.client.hosts.2: the list has 1 items; the next one is 1"),
        (None, "etcd.client.hosts.2: the list has 0 items; the next one is 0"),
        (
            "${oc.env:HOSTS}",
            "etcd.client.hosts: set the whole list: below it is ${oc.env:HOSTS}, whose items are not known yet",
        ),
    ],
)
def test_an_item_that_cannot_be_set_is_a_fault_of_the_variable(variables, faults, low, fault):
    variables(ETCD__CLIENT__HOSTS__2="x")
    assert faults({"etcd": {"client": {"hosts": low}}}) == [f"$ETCD_FACTORY__ETCD__CLIENT__HOSTS__2: {fault}"]


def test_items_of_any_list_may_be_set_also_in_parts(variables):
    variables(
        APP__SERVERS__1__PORT="5", APP__SERVERS__0__TAGS__0="x", APP__SERVERS__2="{name: c}", APP__MATRIX__0__1="9"
    )
    low = {"servers": [{"name": "a", "tags": ["t", "u"]}, {"name": "b", "port": 1}], "matrix": [[1, 2], [3, 4]]}
    assert load_config({"app": low}) == {
        "app": {
            "servers": [{"name": "a", "tags": ["x", "u"]}, {"name": "b", "port": 5}, {"name": "c"}],
            "matrix": [[1, 9], [3, 4]],
        }
    }


def test_numbers_are_keys_where_there_is_no_list(variables):
    variables(APP__PORTS__80="http", APP__NEW__0="x")
    tree = load_config({"app": {"ports": {"443": "https"}}})
    assert tree == {"app": {"ports": {"443": "https", "80": "http"}, "new": {"0": "x"}}}


def test_the_list_has_the_label_of_the_variable(variables):
    variables(ETCD__CLIENT__HOSTS__0="x")
    loaded = read({"etcd": {"client": {"hosts": ["a"]}}})
    assert loaded.origin(("etcd", "client", "hosts")) == "$ETCD_FACTORY__ETCD__CLIENT__HOSTS__0"


def test_the_layer_below_is_not_changed(variables):
    variables(ETCD__CLIENT__HOSTS__0="x")
    low = {"etcd": {"client": {"hosts": ["a"]}}}
    load_config(low)
    assert low == {"etcd": {"client": {"hosts": ["a"]}}}
