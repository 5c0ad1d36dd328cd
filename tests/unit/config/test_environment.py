from __future__ import annotations

import pytest

from etcd_factory.config import current_env, load_config
from etcd_factory.config.environment import layers


def test_the_environment_is_prod_by_default():
    assert current_env() == "prod"


@pytest.mark.parametrize(
    ("own", "midway", "argument", "expected"),
    [
        ("local", "daily", "unittest", "unittest"),
        ("local", "daily", None, "local"),
        ("", "daily", "", "daily"),
        ("", "", "", "prod"),
    ],
)
def test_the_argument_overrides_our_variable_and_that_overrides_midways(monkeypatch, own, midway, argument, expected):
    monkeypatch.setenv("ETCD_FACTORY_ENV", own)
    monkeypatch.setenv("MIDWAY_SERVER_ENV", midway)
    assert current_env(argument) == expected


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ("prod", ("default", "prod")),
        ("production", ("default", "prod", "production")),
        ("test", ("default", "unittest", "test")),
        ("unittest", ("default", "unittest")),
        ("default", ("default",)),
    ],
)
def test_production_and_test_load_another_layer_first(env, words):
    assert layers(env) == words


def test_the_variable_selects_the_files_and_is_not_a_value(write, monkeypatch):
    write("config/config.default.yaml", "a: 1")
    write("config/config.local.yaml", "a: 2")
    monkeypatch.setenv("ETCD_FACTORY_ENV", "local")
    assert load_config() == {"a": 2}
