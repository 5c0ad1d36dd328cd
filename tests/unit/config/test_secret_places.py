"""Secrets in their place and in wrong ones: explain_config, repr and errors show none of them."""

from __future__ import annotations

import pytest

from etcd_factory import ETCDServiceFactory, explain_config, load_config
from etcd_factory.config.secret_places import may_be_secret, shown
from etcd_factory.errors import ConfigError

SECTION = ("etcd",)
CLIENT = (*SECTION, "client")

MISSHAPEN = [
    "auth: hunter2",
    "auth: root:hunter2",
    "auth: [root, hunter2]",
    "auth: {pasword: hunter2}",
    "auth: {pwd: hunter2}",
    "auth: {root: hunter2}",
    "auth: {basic: {x: hunter2}}",
    "auth: {username: [hunter2], password: x}",
    "auth: {username: root, password: [hunter2]}",
    "authentication: hunter2",
    "hosts: root:hunter2@h:1",
    "hosts: [root:hunter2@h:1]",
    "hosts: hunter2@h:1",
    "hosts: ['http://root:hunter2@h:1']",
    "hosts: {root: hunter2}",
    "password: hunter2",
    "passwrd: hunter2",
    "user: {name: root, pw: hunter2}",
    "tls: hunter2",
    "tls: {key: hunter2hunter2}",
    "tls: {key_text: hunter2}",
    "credentials: hunter2",
]
# YAML reads what is in braces as the keys of a mapping
AS_KEYS = ["auth: {hunter2}", "auth: {'root:hunter2'}", "auth: {password: {hunter2}}", "auth: {1234: x}"]


def failure(source):
    with pytest.raises(ConfigError) as caught:
        ETCDServiceFactory.from_config(source)
    return str(caught.value)


@pytest.mark.parametrize("text", MISSHAPEN)
def test_a_secret_in_the_wrong_place_is_not_shown(write, text):
    write("a.yaml", f"etcd: {{client: {{{text}}}}}")
    assert "hunter2" not in str(explain_config("a.yaml"))
    assert "hunter2" not in repr(load_config("a.yaml"))
    assert "hunter2" not in failure("a.yaml")


@pytest.mark.parametrize("text", AS_KEYS)
def test_a_secret_that_is_read_as_a_key_is_not_shown(write, text):
    write("a.yaml", f"etcd: {{client: {{{text}}}}}")
    for said in (str(explain_config("a.yaml")), failure("a.yaml")):
        assert "hunter2" not in said
        assert "1234" not in said


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("auth", "username"), "root"),
        (("tls", "ca"), "ca.pem"),
        (("tls", "key"), "/run/secrets/tls.key"),
        (("tls", "server_name"), "h"),
        (("hosts", "[]"), "h:1"),
        (("hosts",), ["h:1"]),
        (("auth",), None),
        (("namespace",), "a@b"),
    ],
)
def test_what_is_in_its_place_is_shown(keys, value):
    assert not may_be_secret((*CLIENT, *keys), SECTION, value)


def test_a_client_may_have_the_name_of_an_option(write):
    write("a.yaml", "etcd: {clients: {auth: {namespace: x}, tls: {timeout: 1}}}")
    assert {key: row.value for key, row in explain_config("a.yaml").items()} == {
        "etcd.clients.auth.namespace": "x",
        "etcd.clients.tls.timeout": 1,
    }


@pytest.mark.parametrize(
    ("key", "expected"), [("password", "password"), ("pasword", "pasword"), ("pwd", "pwd"), ("hunter2", "***")]
)
def test_a_key_of_credentials_is_shown_if_it_is_known_or_similar_to_one(key, expected):
    assert shown((*CLIENT, "auth", key), SECTION) == (*CLIENT, "auth", expected)
