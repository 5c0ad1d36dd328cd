"""``ConfigService``: values by key."""

from __future__ import annotations

import pytest

from etcd_factory.nest import ConfigKeyError, ConfigService


def service(env=(), *load):
    found = ConfigService()
    found.add(dict(env), load)
    return found


@pytest.mark.anchor("nest-56")
def test_get_has_a_default_and_get_or_throw_has_none():
    config = service({}, {"port": 1})
    assert config.get("missing") is None
    assert config.get("missing", "default") == "default"
    assert config.get_or_throw("port") == 1
    with pytest.raises(KeyError, match="no configuration value 'prt'; did you mean 'port'"):
        config.get_or_throw("prt")
    with pytest.raises(ConfigKeyError):
        config["prt"]


@pytest.mark.anchor("nest-56")
def test_loaded_values_have_dotted_keys_and_override_the_environment():
    config = service({"A": "environment"}, {"A": "loaded", "a.b": 1}, {"database": {"port": {"main": 5432}}})
    assert (config["A"], config["a.b"]) == ("loaded", 1)
    assert config["database.port.main"] == 5432
    assert config.get("database.port.other") is None
    assert config.get("database.port.main.deeper") is None


@pytest.mark.anchor("nest-55")
def test_an_empty_string_and_none_are_values():
    config = service({"A": ""}, {"none": None})
    assert ("A" in config, config["A"]) == (True, "")
    assert ("none" in config, config.get("none", "default")) == (True, None)
    assert "B" not in config


def test_what_is_added_later_is_overridden_except_for_loaded_values():
    config = service({"A": "first"}, {"a": 1})
    config.add({"A": "second", "B": "second"}, [{"a": 2}])
    assert (config["A"], config["B"], config["a"]) == ("first", "second", 2)


def test_the_repr_hides_values():
    assert repr(service({"A": "secret"}, {"password": "secret"})) == "<ConfigService 2 values>"
