from __future__ import annotations

import functools

import pytest

from etcd_factory.config import is_secret
from etcd_factory.config.secrets import mask, texts


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "PASSWORD",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "private_key",
        "privateKey",
        "api_key",
        "apiKey",
        "APIKey",
        "X-Api-Key",
        "access_key",
        "credential",
        "etcd_password",
        "etcdPassword",
        "clientSecret",
        "auth-token",
        "secret_key",
        "aws_secret_access_key",
    ],
)
def test_a_secret_is_recognized_by_its_key(key):
    assert is_secret(key)


@pytest.mark.parametrize(
    "key", ["username", "key", "token_ttl", "passwords_file", "mytoken", "credentials", "hosts", 5]
)
def test_other_keys_are_not_secret(key):
    assert not is_secret(key)


@pytest.mark.parametrize("value", ["x", "", 5, True, b"x", len, ["a", "b"], {"x": 1}, functools.partial(len, "x")])
def test_every_value_of_a_secret_key_is_masked(value):
    assert mask({"password": value}) == {"password": "***"}


def test_a_secret_that_is_not_set_is_shown_as_none():
    assert mask({"password": None}) == {"password": None}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", "***"),
        (b"-----BEGIN PRIVATE KEY-----\nabc", "***"),
        ("-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"),
        ("http://root:pw@host:2379/x", "http://root:***@host:2379/x"),
        ("http://root:p@w/d@host", "http://root:***@host"),
        ("http://:pw@host", "http://:***@host"),
        ("http://root@host:2379", "http://root@host:2379"),
        ("http://host:2379", "http://host:2379"),
        (["http://a:pw@h", {"token": "x", "n": 1}], ["http://a:***@h", {"token": "***", "n": 1}]),
        (5, 5),
    ],
)
def test_a_secret_is_recognized_by_its_form(value, shown):
    assert mask(value) == shown


def test_hidden_texts_are_masked_in_every_text_the_longest_first():
    hidden = {"hunter2", "hunter2long", "12345"}
    value = {
        "url": "x hunter2long y hunter2",
        "list": ["hunter2"],
        "port": 12345,
        "call": functools.partial(len, "hunter2"),
    }
    shown = mask(value, hidden=hidden)
    assert shown["url"] == "x *** y ***"
    assert shown["list"] == ["***"]
    assert shown["port"] == "***"
    assert "hunter2" not in shown["call"]


def test_the_secret_texts_are_those_long_enough_to_search_for():
    value = {
        "password": "hunter2",
        "token": "abc",
        "secret": [12345, True, None, {"x": b"deep"}],
        "url": "http://root:url-password@host",
        "pem": "-----BEGIN PRIVATE KEY-----",
        "plain": "visible",
    }
    expected = {"hunter2", "12345", "deep", "url-password", "-----BEGIN PRIVATE KEY-----"}
    assert set(texts(value)) == expected
