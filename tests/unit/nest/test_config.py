"""Configuration by module (behaviours 51 to 56)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

import os

import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.nest import (
    Application,
    ConfigKeyError,
    ConfigModule,
    ConfigService,
    UnresolvedError,
    module,
    register_as,
)
from etcd_factory.nest.config_module import CONFIG_OPTIONS


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    """The names that the tests use are not set, and there is no ``.env`` here."""
    for name in ("NODE_ENV", "A", "B", "C"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def config(*imports):
    """The service as a root sees it that imports these."""

    @module(imports=imports)
    class App:
        pass

    with Application(App) as app:
        return app.get(ConfigService)


@pytest.mark.parametrize(
    ("node_env", "argument", "expected"),
    [(None, None, "development"), ("production", None, "production"), ("production", "local", "local")],
)
def test_b51_register_reads_the_file_of_the_environment(tmp_path, monkeypatch, node_env, argument, expected):
    (tmp_path / "config").mkdir()
    for name in ("development", "production", "local"):
        (tmp_path / "config" / f"{name}.env").write_text(f"A={name}\n")
    if node_env:
        monkeypatch.setenv("NODE_ENV", node_env)
    service = config(ConfigModule.register(folder="./config", env=argument))
    assert (service.get("A"), service.get("PATH")) == (expected, None)


def test_b51_the_file_is_read_when_the_service_is_built_and_has_to_be_there():
    @module(imports=[ConfigModule.register(folder="nowhere")])
    class App:
        pass

    app = Application(App)
    with pytest.raises(ConfigError, match=r"nowhere/development\.env: no such file"):
        app.start()


def test_b52_the_options_are_bound_to_a_constant(tmp_path):
    (tmp_path / "development.env").write_text("A=1\n")
    with Application(ConfigModule.register()) as app:
        assert str(app.get(CONFIG_OPTIONS).folder) == "."
        assert app.get(ConfigService)["A"] == "1"


class Reader:
    def __init__(self, config: ConfigService):
        self.config = config


def test_b53_a_global_one_is_the_same_service_everywhere(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / ".env").write_text("etcd_hosts=http://localhost:2379\n")

    @module(providers=[Reader])
    class Feature:
        pass

    @module(imports=[Feature, ConfigModule.for_root(is_global=True, env_file_path="src/.env")])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Reader).config is app.get(ConfigService)
        assert app.get(Reader).config.get("etcd_hosts") == "http://localhost:2379"


def test_b53_one_that_is_neither_global_nor_imported_is_not_seen():
    @module(providers=[Reader])
    class Feature:
        pass

    @module(imports=[Feature, ConfigModule.for_root()])
    class App:
        pass

    with pytest.raises(UnresolvedError, match="ConfigModule exports it: add that dynamic ConfigModule to the imports"):
        Application(App)


def test_b54_the_first_file_wins_and_missing_ones_are_passed_over(tmp_path):
    (tmp_path / "first.env").write_text("A=first\n")
    (tmp_path / "second.env").write_text("A=second\nB=second\n")
    service = config(ConfigModule.for_root(env_file_path=["none.env", tmp_path / "first.env", "second.env"]))
    assert (service["A"], service["B"]) == ("first", "second")


def test_b54_the_default_is_dot_env_here(tmp_path):
    assert config(ConfigModule.for_root()).get("A") is None
    (tmp_path / ".env").write_text("A=here\n")
    assert config(ConfigModule.for_root())["A"] == "here"


def test_b55_the_environment_stands_over_files_or_under_them(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A=file\n")
    monkeypatch.setenv("A", "environment")
    assert config(ConfigModule.for_root())["A"] == "environment"
    assert config(ConfigModule.for_root(override=True))["A"] == "file"


def test_b55_the_environment_is_never_written(tmp_path):
    (tmp_path / ".env").write_text("A=file\n")
    before = dict(os.environ)
    assert config(ConfigModule.for_root())["A"] == "file"
    assert dict(os.environ) == before


def test_b55_values_stay_text_and_an_empty_one_is_a_value(tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=\nC\nD=${A}\n")
    service = config(ConfigModule.for_root())
    assert (service["A"], service["B"], service["D"]) == ("1", "", "${A}")
    assert "B" in service
    assert "C" not in service


def test_b56_get_has_a_default_and_get_or_throw_has_not():
    service = config(ConfigModule.for_root(load=[{"port": 1}]))
    assert service.get("missing") is None
    assert service.get("missing", "default") == "default"
    assert service.get_or_throw("port") == 1
    with pytest.raises(KeyError, match="no configuration value 'prt'; did you mean 'port'"):
        service.get_or_throw("prt")
    with pytest.raises(ConfigKeyError):
        service["prt"]


def test_b56_loaded_values_have_dotted_keys_and_stand_over_the_environment(monkeypatch):
    monkeypatch.setenv("A", "environment")
    database = register_as("database", lambda: {"host": "localhost", "port": {"main": 5432}})
    service = config(ConfigModule.for_root(load=[lambda: {"A": "loaded", "a.b": 1}, database]))
    assert (service["A"], service["a.b"]) == ("loaded", 1)
    assert service["database.host"] == "localhost"
    assert service["database.port.main"] == 5432
    assert service.get("database.port.other") is None
    assert service.get("database.host.deeper") is None


@pytest.mark.parametrize("is_global", [True, False])
def test_b56_a_feature_adds_to_the_same_service(is_global, tmp_path):
    @module(imports=[ConfigModule.for_feature({"feature": 1})], providers=[Reader])
    class Feature:
        pass

    (tmp_path / ".env").write_text("A=file\n")
    root = ConfigModule.for_root(is_global=is_global, load=[{"root": 2}])
    for imports in ([Feature, root], [root, Feature]):
        service = config(*imports)
        assert (service["feature"], service["root"], service["A"]) == (1, 2, "file")


def test_b56_a_feature_finds_what_a_global_root_loads_wherever_that_is_imported():
    seen = []

    class Early:
        def __init__(self, config: ConfigService):
            seen.append((config.get("feature"), config.get("root")))

    @module(imports=[ConfigModule.for_feature({"feature": 1})], providers=[Early])
    class Feature:
        pass

    config(Feature, ConfigModule.for_root(is_global=True, load=[{"root": 2}]))
    assert seen == [(1, 2)]


def test_b56_validate_may_replace_the_values_and_its_error_ends_the_start(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    assert config(ConfigModule.for_root(validate=lambda env: {"A": int(env["A"])}))["A"] == 1

    def refuse(env):
        raise ValueError(f"A is {env['A']}")

    with pytest.raises(ValueError, match="A is 1"):
        config(ConfigModule.for_root(validate=refuse))


def test_values_are_not_shown():
    service = config(ConfigModule.for_root(load=[{"password": "secret"}]))
    assert repr(service).startswith("<ConfigService ")
    assert "secret" not in repr(service)
