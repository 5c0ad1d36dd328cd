from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint

import attrs
import pytest
import yaml
from pydantic import SecretStr

from etcd_factory import TLS, Auth, ClientOptions, FactoryOptions
from etcd_factory.options.secret import RedactedText, Secret, SecretText, is_secret, masked, reveal
from tests.support import pems

KEY = "-----BEGIN PRIVATE KEY-----\nMIIhunter2\n-----END PRIVATE KEY-----\n"


def shown(value):
    """Every way in which a value is shown without being asked for its text."""
    record = logging.makeLogRecord({"msg": "%s %r", "args": (value, value)})
    return " ".join(
        [repr(value), str([value]), f"{[value]!s:>20}", pprint.pformat({"a": value}), record.getMessage().split()[-1]]
    )


def test_a_secret_shows_its_text_only_when_it_is_asked_to():
    secret = Secret("hunter2")
    record = logging.makeLogRecord({"msg": "%s", "args": (secret,)})
    assert "hunter2" not in f"{shown(secret)} {secret} {secret!s:>20} {record.getMessage()}" + "%s" % secret  # noqa: UP031
    assert f"{secret:>5}|{secret}" == "  ***|***"
    assert secret.get_secret_value() == "hunter2"


def test_a_secret_is_not_text_that_json_or_a_join_would_show():
    with pytest.raises(TypeError):
        json.dumps({"password": Secret("hunter2")})
    with pytest.raises(TypeError):
        "".join([Secret("hunter2")])
    assert "hunter2" not in json.dumps({"password": Secret("hunter2")}, default=str)


def test_a_secret_equals_the_same_text():
    secret = Secret("hunter2")
    assert secret == Secret("hunter2") == "hunter2" == SecretText("hunter2")
    assert (secret != Secret("x"), secret != "x", secret != 5, secret != None) == (True,) * 4  # noqa: E711
    assert {secret: 1}["hunter2"] == 1


@pytest.mark.parametrize("secret", [Secret("hunter2"), SecretText("hunter2"), RedactedText("http://a:hunter2@b")])
def test_secrets_are_copied_and_pickled_with_their_text(secret):
    for made in (copy.copy(secret), copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):
        assert type(made) is type(secret)
        assert made.get_secret_value() == secret.get_secret_value()
        assert "hunter2" not in shown(made)


def test_yaml_shows_no_secret():
    secrets = {"a": Secret("hunter2"), "b": SecretText("hunter2"), "c": RedactedText("http://a:hunter2@b")}
    import etcd_factory.config.nodes as nodes  # with it YAML knows how to write them

    nodes.register()
    for dump in (yaml.dump, yaml.safe_dump):
        assert yaml.safe_load(dump(secrets)) == {"a": "***", "b": "***", "c": "http://a:***@b"}


@pytest.mark.parametrize("secret", [Secret("hunter2"), SecretText("hunter2")])
def test_what_yaml_would_write_of_an_unknown_object_is_refused(secret):
    with pytest.raises(TypeError, match="a secret is not written to YAML"):
        secret.__reduce_ex__(2)


def test_a_secret_text_is_text_and_shows_nothing_in_a_repr():
    text = SecretText("hunter2")
    assert "hunter2" not in shown(text)
    assert (f"{text}!", text + "!", text.encode(), type(text.get_secret_value())) == (
        "hunter2!",
        "hunter2!",
        b"hunter2",
        str,
    )


def test_a_text_that_contains_a_secret_shows_the_rest():
    assert repr(RedactedText("http://root:hunter2@host/x")) == "'http://root:***@host/x'"
    assert repr(RedactedText(KEY)) == "'***'"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "a", "username": "b"}, "{'password': ***, 'username': 'b'}"),
        ({"auth": {"token": "a"}, "l": [{"api_key": "a"}]}, "{'auth': {'token': ***}, 'l': [{'api_key': ***}]}"),
        ({"password": {"file": "/run/x"}, "token": ["a"]}, "{'password': {'file': ***}, 'token': [***]}"),
        ({"url": "http://u:a@h", "n": 5, "password": None}, "{'url': 'http://u:***@h', 'n': 5, 'password': None}"),
        ({"key": KEY}, "{'key': '***'}"),
    ],
)
def test_a_shielded_mapping_is_equal_and_shows_no_secret(value, expected):
    assert masked(value) == value
    assert repr(masked(value)) == expected


def test_a_key_may_be_anything():
    assert not is_secret(5)
    assert is_secret("clientSecret")


def test_the_text_of_pydantics_secrets_is_known_too():
    assert (reveal(SecretStr("x")), reveal(Secret("x")), reveal(SecretText("x")), reveal("x"), reveal(5)) == (
        "x",
        "x",
        "x",
        "x",
        5,
    )
    options = ClientOptions(auth=Auth(username="u", password=SecretStr("hunter2")))
    assert options.auth.password == Secret("hunter2")


@pytest.mark.parametrize(
    "options",
    [
        ClientOptions(auth={"username": "root", "password": "hunter2"}),
        ClientOptions.of({"auth": {"token": "hunter2"}}),
        ClientOptions(auth=Auth("root", Secret("hunter2"))),
        Auth("root", "hunter2"),
        TLS(cert=pems.CERT, key=pems.KEY),
        FactoryOptions(client={"auth": {"username": "root", "password": "hunter2"}}),
        FactoryOptions(clients={"a": {"tls": {"key": pems.KEY}}, "b": ClientOptions(auth={"token": "hunter2"})}),
        FactoryOptions(default={"auth": {"token": "hunter2"}}),
    ],
    ids=lambda options: type(options).__name__,
)
def test_neither_options_nor_what_attrs_makes_of_them_show_a_secret(options):
    made = (attrs.asdict(options), attrs.astuple(options))
    assert all("hunter2" not in shown(value) and pems.PRIVATE not in shown(value) for value in (options, *made))
    assert all("***" in shown(value) for value in made)


def test_a_function_is_kept_as_it_is():
    def function() -> str:
        return "hunter2"

    auth = Auth(function, function)
    assert (auth.username, auth.password) == (function, function)
