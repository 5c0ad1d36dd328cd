"""``ConfigModule``: one service for an application, or one for a module."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import os
from typing import Annotated, Any

import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.nest import (
    Application,
    AsyncApplication,
    AsyncFactoryError,
    ConfigModule,
    ConfigService,
    DeclarationError,
    Inject,
    UnresolvedError,
    module,
    register_as,
)
from etcd_factory.nest.config_module import CONFIG_OPTIONS
from tests.support.nest_modules import importing


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    """Without the variables that the tests use, in a directory without a ``.env`` file."""
    for name in ("NODE_ENV", "A", "B", "C"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def config(*imports):
    """The service that a root with these imports sees."""
    with Application(importing(*imports)) as app:
        return app.get(ConfigService)


@pytest.mark.anchor("nest-51")
@pytest.mark.parametrize(("argument", "expected"), [(None, "development"), ("local", "local")])
def test_register_reads_the_file_of_the_environment_and_nothing_else(tmp_path, argument, expected):
    (tmp_path / "config").mkdir()
    for name in ("development", "local"):
        (tmp_path / "config" / f"{name}.env").write_text(f"A={name}\n")
    service = config(ConfigModule.register(folder="./config", env=argument))
    assert (service.get("A"), service.get("PATH")) == (expected, None)


@pytest.mark.anchor("nest-51")
def test_register_reads_the_file_when_the_service_is_built():
    app = Application(importing(ConfigModule.register(folder="nowhere")))
    with pytest.raises(ConfigError, match=r"nowhere/development\.env: no such file"):
        app.start()


@pytest.mark.anchor("nest-52")
def test_the_options_of_register_are_bound_to_a_constant(tmp_path):
    (tmp_path / "development.env").write_text("A=1\n")
    with Application(ConfigModule.register()) as app:
        assert str(app.get(CONFIG_OPTIONS).folder) == "."
        assert app.get(ConfigService)["A"] == "1"


class Reader:
    def __init__(self, config: ConfigService):
        self.config = config


@module(providers=[Reader])
class Feature:
    pass


@pytest.mark.anchor("nest-53")
def test_a_global_root_is_the_same_service_everywhere(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / ".env").write_text("etcd_hosts=http://localhost:2379\n")
    root = importing(Feature, ConfigModule.for_root(is_global=True, env_file_path="src/.env"))
    with Application(root) as app:
        assert app.get(Reader).config is app.get(ConfigService)
        assert app.get(Reader).config.get("etcd_hosts") == "http://localhost:2379"


@pytest.mark.anchor("nest-53")
def test_a_root_that_is_neither_global_nor_imported_is_not_visible():
    with pytest.raises(UnresolvedError, match="ConfigModule exports it: add the same dynamic ConfigModule to the impo"):
        Application(importing(Feature, ConfigModule.for_root()))


@pytest.mark.anchor("nest-54")
def test_the_first_file_takes_precedence_and_missing_files_are_ignored(tmp_path):
    (tmp_path / "first.env").write_text("A=first\n")
    (tmp_path / "second.env").write_text("A=second\nB=second\n")
    service = config(ConfigModule.for_root(env_file_path=["none.env", tmp_path / "first.env", "second.env"]))
    assert (service["A"], service["B"]) == ("first", "second")


@pytest.mark.anchor("nest-54")
def test_the_default_file_is_dot_env_in_the_working_directory(tmp_path):
    assert config(ConfigModule.for_root()).get("A") is None
    (tmp_path / ".env").write_text("A=here\n")
    assert config(ConfigModule.for_root())["A"] == "here"


@pytest.mark.anchor("nest-55")
def test_the_environment_overrides_files_unless_override_is_set(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A=file\n")
    monkeypatch.setenv("A", "environment")
    assert config(ConfigModule.for_root())["A"] == "environment"
    assert config(ConfigModule.for_root(override=True))["A"] == "file"


@pytest.mark.anchor("nest-55")
def test_the_environment_is_never_written(tmp_path):
    (tmp_path / ".env").write_text("A=file\n")
    before = dict(os.environ)
    assert config(ConfigModule.for_root())["A"] == "file"
    assert dict(os.environ) == before


@pytest.mark.anchor("nest-56")
def test_loaded_values_override_the_environment(monkeypatch):
    monkeypatch.setenv("A", "environment")
    database = register_as("database", lambda: {"host": "localhost"})
    service = config(ConfigModule.for_root(load=[lambda: {"A": "loaded"}, database]))
    assert (service["A"], service["database.host"]) == ("loaded", "localhost")
    assert service.get("database.host.deeper") is None


@pytest.mark.anchor("nest-56")
@pytest.mark.parametrize("is_global", [True, False])
def test_a_feature_adds_to_the_same_service(is_global, tmp_path):
    @module(imports=[ConfigModule.for_feature({"feature": 1})], providers=[Reader])
    class Adding:
        pass

    (tmp_path / ".env").write_text("A=file\n")
    root = ConfigModule.for_root(is_global=is_global, load=[{"root": 2}])
    for imports in ([Adding, root], [root, Adding]):
        service = config(*imports)
        assert (service["feature"], service["root"], service["A"]) == (1, 2, "file")


@pytest.mark.anchor("nest-56")
def test_a_feature_is_filled_after_a_global_root_wherever_that_is_imported():
    seen = []

    class Early:
        def __init__(self, config: ConfigService):
            seen.append((config.get("feature"), config.get("root")))

    @module(imports=[ConfigModule.for_feature({"feature": 1})], providers=[Early])
    class Adding:
        pass

    config(Adding, ConfigModule.for_root(is_global=True, load=[{"root": 2}]))
    assert seen == [(1, 2)]


@pytest.mark.anchor("nest-56")
def test_validate_replaces_the_values_and_its_error_aborts_the_start(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    assert config(ConfigModule.for_root(validate=lambda env: {"A": int(env["A"])}))["A"] == 1

    def refuse(env):
        raise ValueError(f"A is {env['A']}")

    with pytest.raises(ValueError, match="A is 1"):
        config(ConfigModule.for_root(validate=refuse))


@pytest.mark.anchor("nest-75")
def test_files_are_not_read_if_they_are_ignored(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A=file\n")
    monkeypatch.setenv("B", "environment")
    service = config(ConfigModule.for_root(ignore_env_file=True))
    assert (service.get("A"), service["B"]) == (None, "environment")


@pytest.mark.anchor("nest-75")
@pytest.mark.parametrize(("cache", "expected"), [(False, ["1", "2", "file"]), (True, ["1", "1", "1"])])
def test_the_environment_is_read_by_each_get_unless_it_is_cached(tmp_path, monkeypatch, cache, expected):
    (tmp_path / ".env").write_text("A=file\n")
    monkeypatch.setenv("A", "1")
    service = config(ConfigModule.for_root(cache=cache))
    seen = [service["A"]]
    monkeypatch.setenv("A", "2")
    seen.append(service["A"])
    monkeypatch.delenv("A")
    assert [*seen, service["A"]] == expected


@pytest.mark.anchor("nest-75")
def test_validated_values_do_not_follow_the_environment(monkeypatch):
    monkeypatch.setenv("A", "1")
    service = config(ConfigModule.for_root(validate=lambda env: {"A": int(env["A"])}))
    monkeypatch.setenv("A", "2")
    assert service["A"] == 1


@pytest.mark.anchor("nest-74")
@pytest.mark.parametrize(("expand", "expected"), [(True, "http://localhost:80"), (False, "http://${A}:$B")])
def test_variables_are_expanded_if_that_is_set(tmp_path, monkeypatch, expand, expected):
    (tmp_path / ".env").write_text("A=localhost\nC=http://${A}:$B\n")
    monkeypatch.setenv("B", "80")
    assert config(ConfigModule.for_root(expand_variables=expand))["C"] == expected


@register_as("database")
def database():
    return {"host": "localhost", "port": 5432}


class Repository:
    def __init__(self, values: Annotated[dict[str, Any], Inject(database.KEY)]):
        self.values = values


@pytest.mark.anchor("nest-76")
def test_the_values_of_a_namespace_are_injected_by_its_key_and_are_in_the_service():
    @module(imports=[ConfigModule.for_feature(database)], providers=[Repository])
    class Data:
        pass

    with Application(importing(Data, ConfigModule.for_root())) as app:
        assert app.get(Repository).values == database()
        assert app.get(ConfigService)["database.port"] == 5432


@pytest.mark.anchor("nest-76")
def test_a_namespace_of_a_global_root_is_visible_everywhere():
    @module(providers=[Repository])
    class Data:
        pass

    with Application(importing(Data, ConfigModule.for_root(load=[database], is_global=True))) as app:
        assert app.get(Repository).values["host"] == "localhost"


@pytest.mark.anchor("nest-76")
async def test_functions_of_load_are_awaited_in_asyncio():
    async def plain():
        return {"A": "plain"}

    @register_as("named")
    async def named():
        return {"a": 1}

    @module(imports=[ConfigModule.for_feature(named)])
    class Data:
        pass

    root = importing(Data, ConfigModule.for_root(load=[plain, {"B": "mapping"}]))
    async with AsyncApplication(root) as app:
        service = app.get(ConfigService)
        assert [service[key] for key in ("A", "B", "named.a")] == ["plain", "mapping", 1]
    with pytest.raises(AsyncFactoryError, match=r"cannot await the factory of .*load\[0\] in ConfigModule"):
        Application(root)


def test_a_function_of_load_takes_no_arguments():
    with pytest.raises(DeclarationError, match="does not accept the arguments listed in inject"):
        ConfigModule.for_root(load=[lambda a: {}])
