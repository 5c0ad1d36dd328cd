"""Sources of configuration values: ``.env`` files, the environment, and functions."""

from __future__ import annotations

import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.nest import register_as
from etcd_factory.nest.config_sources import EnvFolder, EnvSources, loaded, read_env_file


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    """Without the variables that the tests use, in a directory without files."""
    for name in ("NODE_ENV", "A", "B", "C"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def sources(*paths, validate=None, override=False):
    return EnvSources(paths, (), validate, override)


@pytest.mark.anchor("nest-54")
@pytest.mark.parametrize("path", ["a.env", ["a.env"], ("a.env",)])
def test_one_path_needs_no_list(path):
    assert EnvSources(path, (), None, False).paths == ("a.env",)


@pytest.mark.anchor("nest-55")
def test_the_environment_overrides_files_unless_override_is_set(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A=file\n")
    monkeypatch.setenv("A", "environment")
    assert sources(".env").env()["A"] == "environment"
    assert sources(".env", override=True).env()["A"] == "file"


@pytest.mark.anchor("nest-55")
def test_values_stay_strings_and_are_not_interpolated(tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=\nC\nD=${A}\n")
    assert read_env_file(".env") == {"A": "1", "B": "", "D": "${A}"}


@pytest.mark.anchor("nest-56")
def test_validate_replaces_the_values(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    assert sources(".env", validate=lambda env: {"A": int(env["A"])}).env() == {"A": 1}


@pytest.mark.anchor("nest-56")
def test_register_as_puts_values_below_a_name():
    database = register_as("database", lambda: {"host": "localhost"})
    assert database() == {"host": "localhost"}
    assert loaded((database, {"a": 1}), [database(), {"a": 1}]) == [{"database": {"host": "localhost"}}, {"a": 1}]


@pytest.mark.anchor("nest-76")
def test_register_as_is_a_decorator_and_has_a_key():
    @register_as("database")
    def database():
        return {"host": "localhost"}

    assert (database.KEY, database()) == ("CONFIGURATION(database)", {"host": "localhost"})


@pytest.mark.anchor("nest-75")
def test_the_environment_is_read_at_each_access_unless_it_is_cached(monkeypatch):
    view, copy = sources().env(), EnvSources((), (), None, False, cache=True).env()
    monkeypatch.setenv("A", "later")
    assert (view.get("A"), copy.get("A")) == ("later", None)


@pytest.mark.anchor("nest-74")
@pytest.mark.parametrize(("override", "expected"), [(False, "outside/x"), (True, "file/x")])
def test_variables_are_expanded_across_files_and_by_the_same_precedence(tmp_path, monkeypatch, override, expected):
    (tmp_path / "a.env").write_text("B=${A}/x\n")
    (tmp_path / "b.env").write_text("A=file\n")
    monkeypatch.setenv("A", "outside")
    assert EnvSources(["a.env", "b.env"], (), None, override, True).env()["B"] == expected


@pytest.mark.anchor("nest-51")
@pytest.mark.parametrize(
    ("node_env", "argument", "expected"),
    [(None, None, "development"), ("production", None, "production"), ("production", "local", "local")],
)
def test_a_folder_has_one_file_for_each_environment(tmp_path, monkeypatch, node_env, argument, expected):
    for name in ("development", "production", "local"):
        (tmp_path / f"{name}.env").write_text(f"A={name}\n")
    if node_env:
        monkeypatch.setenv("NODE_ENV", node_env)
    assert EnvFolder(".", argument).values() == {"A": expected}


@pytest.mark.anchor("nest-51")
def test_a_missing_file_of_a_folder_is_an_error():
    with pytest.raises(ConfigError, match=r"nowhere/development\.env: no such file; the environment 'development'"):
        EnvFolder("nowhere", None).values()


@pytest.mark.usefixtures("empty_environment")
@pytest.mark.parametrize("name", ["../secret", "/etc/secret", "a\\b", "a\0b", ".."])
@pytest.mark.parametrize("by_variable", [False, True])
def test_an_environment_that_leads_out_of_the_folder_is_refused(tmp_path, monkeypatch, name, by_variable):
    (tmp_path / "config").mkdir()
    (tmp_path / "secret.env").write_text("A=hunter2\n")
    if by_variable:
        if "\0" in name:
            pytest.skip("a variable cannot hold it")
        monkeypatch.setenv("NODE_ENV", name)
    with pytest.raises(ConfigError):
        EnvFolder("config", None if by_variable else name).values()


@pytest.mark.usefixtures("empty_environment")
def test_a_name_that_no_file_can_have_is_a_missing_file():
    with pytest.raises(ConfigError, match="no such file"):
        EnvFolder("config", "x" * 5000).values()
