from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from etcd_factory.config import explain_config, load_config, read


@pytest.fixture
def variables(monkeypatch):
    def variables(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"ETCD_FACTORY__{name}", value)

    return variables


def test_a_variable_overrides_everything(write, variables):
    write("config/a.default.yaml", "etcd: {client: {timeout: 1, hosts: [a]}}")
    variables(ETCD__CLIENT__TIMEOUT="3")
    tree = load_config("config", {"etcd": {"client": {"timeout": 2}}})
    assert tree == {"etcd": {"client": {"timeout": 3, "hosts": ["a"]}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("", None),
        ("'3'", "3"),
        ("a=b", "a=b"),
        ("127.0.0.1:2379", "127.0.0.1:2379"),
        ("[a, b]", ["a", "b"]),
        ("{x: 1}", {"x": 1}),
        ("${b}", "${b}"),
    ],
)
def test_a_value_that_is_no_option_is_read_as_yaml(variables, text, value):
    variables(A=text)
    assert OmegaConf.to_container(load_config({"b": 1}))["a"] == value


@pytest.mark.parametrize(
    ("low", "name", "text", "value"),
    [
        ({"dialTimeout": 1}, "DIAL_TIMEOUT", "9", 9),
        ({"host": "a"}, "HOSTS", "b", "b"),
        ({"dial_timeout": 1}, "dial_timeout", "9", 9),
    ],
)
def test_a_variable_overrides_the_option_in_any_spelling(variables, low, name, text, value):
    variables(**{f"ETCD__CLIENT__{name}": text})
    assert load_config({"etcd": {"client": low}}) == {"etcd": {"client": {name.lower(): value}}}


def test_other_variables_are_ignored(monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_ENV", "local")
    monkeypatch.setenv("ETCD_FACTORY_A", "1")
    monkeypatch.setenv("MY_ETCD_FACTORY__A", "1")
    assert load_config({}) == {}


@pytest.mark.parametrize("name", ["", "A__", "__A", "A____B"])
def test_an_empty_part_of_the_name_is_a_fault(variables, faults, name):
    variables(**{name: "1"})
    assert faults({}) == [f"$ETCD_FACTORY__{name}: a part of this name is empty; write ETCD_FACTORY__A__B"]


@pytest.mark.parametrize("name", ["A___B", "_A"])
def test_a_single_underscore_belongs_to_the_name(variables, name):
    variables(**{name: "1"})
    assert load_config({}) == ({"a": {"_b": 1}} if name == "A___B" else {"_a": 1})


@pytest.mark.parametrize("text", ["[::1]:2379", "a: b: c", "*x", "%x", "\x07"])
def test_a_value_that_is_not_yaml_is_a_fault_of_the_variable(variables, faults, text):
    variables(APP__SERVERS=text)
    assert faults({}) == ["$ETCD_FACTORY__APP__SERVERS: is not valid YAML; put the value in quotes"]


@pytest.mark.parametrize(("text", "path"), [("${x", ""), ("{a: '${x'}", "a: ")])
def test_an_invalid_interpolation_is_a_fault_of_the_variable(variables, faults, text, path):
    variables(P=text)
    assert faults({}) == [f"$ETCD_FACTORY__P: {path}not a valid interpolation; write \\${{ for the text ${{"]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"A": "1", "A__B": "2"}, "$ETCD_FACTORY__A__B: a.b: is already set by $ETCD_FACTORY__A"),
        ({"A": "{b: 1}", "A__B": "2"}, "$ETCD_FACTORY__A__B: a.b: is already set by $ETCD_FACTORY__A"),
        ({"A": "{b: 1}", "A__B__C": "2"}, "$ETCD_FACTORY__A__B__C: a.b.c: is already set by $ETCD_FACTORY__A"),
        ({"A": "1", "a": "2"}, "$ETCD_FACTORY__a: a: is already set by $ETCD_FACTORY__A"),
        ({"A": "[1]", "A__0": "2"}, "$ETCD_FACTORY__A__0: a.0: is already set by $ETCD_FACTORY__A"),
    ],
)
def test_two_variables_for_one_key_are_a_fault(variables, faults, values, fault):
    variables(**values)
    assert faults({}) == [fault]


def test_a_mapping_in_one_variable_may_be_extended_by_another(variables):
    variables(A="{x: 1}", A__B="2", A_B="3")
    assert load_config({}) == {"a": {"x": 1, "b": 2}, "a_b": 3}


def test_an_invalid_variable_does_not_hide_the_faults_of_others(variables, faults):
    variables(A="[", B__="1", C="1")
    assert [fault.split(":")[0] for fault in faults({"default": 1})] == [
        "mapping 1 [default]",
        "$ETCD_FACTORY__B__",
        "$ETCD_FACTORY__A",
    ]


def test_every_value_is_labelled_by_its_variable(variables):
    variables(ETCD__CLIENT__HOSTS="a", ETCD__CLIENT__TLS="{ca: x}")
    loaded = read({"etcd": {"client": {"timeout": 1}}})
    assert loaded.origin(("etcd", "client", "hosts")) == "$ETCD_FACTORY__ETCD__CLIENT__HOSTS"
    assert loaded.origin(("etcd", "client", "tls", "ca")) == "$ETCD_FACTORY__ETCD__CLIENT__TLS"
    assert loaded.origin(("etcd", "client")) == "$ETCD_FACTORY__ETCD__CLIENT__TLS"
    assert loaded.origin(("etcd", "client", "timeout")) == "mapping 1"


def test_two_spellings_in_variables_are_kept_for_the_options_to_report(variables):
    variables(ETCD__CLIENT__HOST="a", ETCD__CLIENT__HOSTS="b")
    assert load_config({}) == {"etcd": {"client": {"host": "a", "hosts": "b"}}}


def test_explaining_shows_no_secret_of_a_variable(variables):
    variables(ETCD__CLIENT__AUTH__PASSWORD="hunter2", APP__API_KEY="hunter2", OTHER="x hunter2")
    assert "hunter2" not in str(explain_config({}))
