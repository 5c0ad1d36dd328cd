from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etcd_factory import ETCDServiceFactory
from etcd_factory.config import load_config
from etcd_factory.config.variable_values import literal
from etcd_factory.options.secret import SecretText
from etcd_factory.options.secret_file import SecretFile

TEXTS = [
    "{x}",
    "1:20",
    "yes",
    "0x1F",
    "=",
    ">gt",
    "- dash",
    "a${b}c",
    "${oc.env:HOME}",
    r"a\${b}",
    r"\\${",
    "$HOME",
    "'quoted'",
    '"dq"',
    " both ",
    "tab\t",
    "line\n",
    "null",
    "~",
    "12345",
    "007",
    "1e3",
    "2020-01-01",
    "true",
    "[a, b]",
    "a,b",
    "!tag",
    "&anchor",
    "*alias",
    "%x",
    "@x",
    "`x`",
    "#hash",
    "a #b",
    "a: b",
    "p\u00e4ss\u20ac",
    "\x07",
    "??",
    "????",
]


@pytest.fixture
def variable(monkeypatch):
    return lambda name, text: monkeypatch.setenv(f"ETCD_FACTORY__{name}", text)


@pytest.mark.parametrize("text", TEXTS, ids=repr)
@pytest.mark.parametrize(
    "name",
    [
        "ETCD__CLIENT__AUTH__PASSWORD",
        "ETCD__CLIENTS__A__AUTH__USERNAME",
        "ETCD__DEFAULT__AUTH__TOKEN",
        "ETCD__CLIENT__NAMESPACE",
        "ETCD__CLIENT__TLS__SERVER_NAME",
        "ETCD__SERVICE_DISCOVERY__SERVICE_OPTIONS__HOST",
        "APP__DB__PASSWORD",
        "API_KEY",
    ],
)
def test_a_text_is_taken_to_the_byte(variable, name, text):
    variable(name, text)
    value = load_config({})
    for key in name.lower().split("__"):
        value = value[key]
    assert value == text
    assert isinstance(value, SecretText if key in ("password", "token", "api_key") else str)


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_a_password_reaches_the_options_to_the_byte(variable, text):
    variable("ETCD__CLIENT__AUTH__PASSWORD", text)
    with ETCDServiceFactory.from_config({"etcd": {"client": {"auth": {"username": "root"}}}}) as factory:
        assert factory.get().options.auth.password.get_secret_value() == text


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_taken_to_the_byte(text):
    tree = load_config({"etcd": {"client": {"auth": {"password": "x"}}}})
    if text != "???":
        tree.etcd.client.auth.password = literal(text, "")
        assert tree.etcd.client.auth.password == text


def test_an_empty_text_is_null(variable):
    variable("ETCD__CLIENT__AUTH__PASSWORD", "")
    assert load_config({"etcd": {"client": {"auth": {"password": "x"}}}}).etcd.client.auth.password is None


def test_the_mark_of_a_missing_value_is_a_fault_as_a_text(variable, faults):
    variable("ETCD__CLIENT__AUTH__PASSWORD", "???")
    assert faults({}) == [
        "$ETCD_FACTORY__ETCD__CLIENT__AUTH__PASSWORD: ??? is how a configuration writes a missing value; use a file"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:1", "a:1"),
        ("a:1,b:2", ["a:1", "b:2"]),
        (" a:1 , b:2, ", ["a:1", "b:2"]),
        ("[::1]:2379", "[::1]:2379"),
        ("[::1]", "[::1]"),
        ("[fe80::1%eth0]:1", "[fe80::1%eth0]:1"),
        ("[::1]:2379,[::2]:2379", ["[::1]:2379", "[::2]:2379"]),
        ("[::1]:2379,b:1", ["[::1]:2379", "b:1"]),
        ("[a:1, b:2]", ["a:1", "b:2"]),
        ("['[::1]:1', b]", ["[::1]:1", "b"]),
        ("'a:1'", "a:1"),
        ('"[::1]:1,b"', ["[::1]:1", "b"]),
        ("https://a:1,https://b", ["https://a:1", "https://b"]),
        ("unix:///a#b", "unix:///a#b"),
        ("", None),
        ("null", None),
    ],
)
@pytest.mark.parametrize("name", ["HOSTS", "HOST"])
def test_a_list_is_separated_by_commas_or_written_in_yaml(variable, name, text, value):
    variable(f"ETCD__CLIENT__{name}", text)
    assert load_config({}) == {"etcd": {"client": {name.lower(): value}}}


def test_tags_are_a_list_too(variable):
    variable("ETCD__SERVICE_DISCOVERY__SERVICE_OPTIONS__TAGS", "a,b")
    assert load_config({}).etcd.service_discovery.service_options.tags == ["a", "b"]


@pytest.mark.parametrize("text", ["[a", "'a", "['a']]"])
def test_a_list_that_is_not_yaml_is_a_fault(variable, faults, text):
    variable("ETCD__CLIENT__HOSTS", text)
    assert faults({}) == ["$ETCD_FACTORY__ETCD__CLIENT__HOSTS: is not valid YAML; put the value in quotes"]


@pytest.mark.parametrize(
    "text", ["${oc.env:HOSTS_OF_TEST}", "['${oc.env:HOSTS_OF_TEST}']", "${app.hosts}", "c:3,${app.hosts}"]
)
def test_an_interpolation_in_a_list_is_separated_when_it_is_resolved(variable, monkeypatch, text):
    monkeypatch.setenv("HOSTS_OF_TEST", "a:1,b:2")
    variable("ETCD__CLIENT__HOSTS", text)
    with ETCDServiceFactory.from_config({"etcd": {"client": {}}, "app": {"hosts": "a:1,b:2"}}) as factory:
        assert factory.get().options.hosts[-2:] == ("http://a:1", "http://b:2")


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("TIMEOUT", "5", 5),
        ("TIMEOUT", "500ms", 0.5),
        ("DIAL_TIMEOUT", "1e1", 10),
        ("BATCHING", "false", False),
        ("BATCHING", "no", False),
    ],
)
def test_numbers_and_booleans_are_read_from_variables_and_from_interpolations(
    variable, monkeypatch, option, text, value
):
    monkeypatch.setenv("T_OF_TEST", text)
    interpolated = {"a": {option.lower(): "${oc.env:T_OF_TEST}"}}
    variable(f"ETCD__CLIENT__{option}", text)
    with ETCDServiceFactory.from_config({"etcd": {"clients": interpolated}}) as factory:
        assert getattr(factory.get("default").options, option.lower()) == value
        assert getattr(factory.get("a").options, option.lower()) == value


def test_every_number_takes_its_text_from_an_interpolation(monkeypatch):
    monkeypatch.setenv("N_OF_TEST", "3")
    text = "${oc.env:N_OF_TEST}"
    client = {"sync": text, "retry": {"attempts": text, "maximum": text}, "keepalive": {"time": text, "timeout": text}}
    discovery = {"ttl": text, "service_options": {"port": text, "weight": text, "tags": "${oc.env:TAGS,'a,b'}"}}
    with ETCDServiceFactory.from_config({"etcd": {"client": client, "service_discovery": discovery}}) as factory:
        options = factory.get().options
        assert (options.sync, options.retry.attempts, options.retry.maximum) == (3, 3, 3)
        assert (options.keepalive.time, options.keepalive.timeout) == (3, 3)
        made = factory._options.service_discovery
    assert (made.ttl, made.service_options) == (3, {"port": 3, "weight": 3, "tags": ["a", "b"]})


def test_a_default_in_the_interpolation_is_read_alike():
    with ETCDServiceFactory.from_config({"etcd": {"client": {"timeout": "${oc.env:NOWHERE_SET,7}"}}}) as factory:
        assert factory.get().options.timeout == 7


def test_a_text_that_is_written_in_a_file_is_not_a_number(faults, write):
    write("a.yaml", "etcd: {client: {timeout: '5'}}")
    assert load_config("a.yaml").etcd.client.timeout == "5"


@pytest.mark.parametrize("name", ["PASSWORD", "TOKEN", "USERNAME"])
def test_a_variable_may_name_the_file_of_a_secret(variable, tmp_path, name):
    (tmp_path / "yes").write_text("hunter2\n")
    variable(f"ETCD__CLIENT__AUTH__{name}__FILE", f"{tmp_path}/yes")
    auth = {"username": "u", "password": "p"} if name != "TOKEN" else {}
    with ETCDServiceFactory.from_config({"etcd": {"client": {"auth": auth}}}) as factory:
        value = getattr(factory.get().options.auth, name.lower())
    assert value == SecretFile(f"{tmp_path}/yes")
    assert value() == "hunter2"


def test_a_file_replaces_the_text_of_a_lower_layer_and_text_replaces_a_file(variable, tmp_path):
    (tmp_path / "pw").write_text("from the file")
    low = {"etcd": {"client": {"auth": {"username": "u", "password": "${oc.env:NOWHERE_SET}"}}}}
    variable("ETCD__CLIENT__AUTH__PASSWORD__FILE", f"{tmp_path}/pw")
    with ETCDServiceFactory.from_config(low) as factory:
        assert factory.get().options.auth.password() == "from the file"
    with ETCDServiceFactory.from_config(load_config(low), {"etcd": {"client": {"namespace": "a"}}}) as factory:
        assert factory.get().options.auth.password() == "from the file"
