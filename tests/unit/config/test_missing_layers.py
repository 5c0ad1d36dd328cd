from __future__ import annotations

import pytest

from etcd_factory.config import load_config


@pytest.fixture
def base(write):
    write("config/config.default.yaml", "a: 1")
    write("config/config.local.yaml", "a: 2")
    write("config/config.prod.json", '{"a": 3}')
    write("config/config.stage.bak", "")
    return write


def test_an_environment_without_a_file_is_warned_of_with_the_nearest_known_one(base, caplog):
    assert load_config(env="locl") == {"a": 1}
    assert caplog.messages == [
        "config: nothing for the environment 'locl'; did you mean 'local'?; there is: local, prod"
    ]
    assert caplog.records[0].levelname == "WARNING"


@pytest.mark.parametrize("variable", ["ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV"])
def test_one_that_a_variable_names_is_warned_of_too(base, caplog, monkeypatch, variable):
    monkeypatch.setenv(variable, "zzz")
    load_config()
    assert caplog.messages == ["config: nothing for the environment 'zzz'; there is: local, prod"]


@pytest.mark.parametrize(
    ("sources", "env"),
    [
        (["config"], "local"),
        (["config"], "default"),
        (["config"], "production"),
        (["config", {"default": {}, "locl": {}}], "locl"),
        (["config", "config/extra.locl.yaml"], "locl"),
        ([{"a": 1}], "locl"),
        (["plain.yaml"], "locl"),
    ],
)
def test_one_that_any_source_has_or_that_no_source_could_have_is_not_warned_of(base, caplog, sources, env):
    base("config/extra.locl.yaml" if "config/extra.locl.yaml" in sources else "other/x.yaml", "b: 1")
    base("plain.yaml", "a: 1")
    load_config(*sources, env=env)
    assert caplog.messages == []


def test_the_default_environment_is_not_warned_of(write, caplog):
    write("config/config.default.yaml", "a: 1")
    assert load_config() == {"a": 1}
    assert caplog.messages == []


def test_a_mapping_by_environment_has_environments_too(caplog):
    load_config({"default": {"a": 1}, "local": {"a": 2}}, env="locl")
    assert caplog.messages == [
        "the sources: nothing for the environment 'locl'; did you mean 'local'?; there is: local"
    ]


def test_a_directory_with_the_base_layer_only_has_no_others(write, caplog):
    write("config/config.default.yaml", "a: 1")
    load_config(env="local")
    assert caplog.messages == ["config: nothing for the environment 'local'"]
