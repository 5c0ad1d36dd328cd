"""Factories of etcd clients from configuration files, on a real etcd and in both faces."""

from __future__ import annotations

import json

import pytest

from etcd_factory import AsyncETCDServiceFactory, ConfigError, ETCDServiceFactory
from etcd_factory.errors import ClientClosedError
from tests.support.boxes import error_of
from tests.support.faces import settle


@pytest.fixture
def load(face, opened, monkeypatch, tmp_path):
    """Makes factories of the face from configuration, in a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return lambda *sources, **given: opened(face.factory.from_config(*sources, **given))


@pytest.fixture
def write(tmp_path):
    """Writes a file of the configuration."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    return write


async def works(etcd):
    await settle(etcd.put("foo").value("bar"))
    return await settle(etcd.get("foo").string()) == "bar"


async def test_the_seed_page_reads_the_default_client_from_a_directory(load, write, options):
    write("config/config.default.py", f"etcd = {{'client': {{'host': {options['hosts']!r}}}}}")
    write("config/config.local.yaml", {"etcd": {"client": {"namespace": options["namespace"]}}})
    factory = await load("config", env="local")
    assert await works(factory.get())
    assert factory.get().options.namespace == options["namespace"]


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
async def test_each_format_and_layer_makes_one_working_client(load, write, options, monkeypatch, ending):
    write(f"config/config.default.{ending}", {"etcd": {"default": {"timeout": 9}, "client": {"hosts": ["unused:1"]}}})
    write("config/config.local.toml", f"etcd.client.hosts = {options['hosts']!r}\netcd.client.dialTimeout = 3")
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__NAMESPACE", options["namespace"])
    factory = await load(env="local")
    assert await works(factory.get())
    made = factory.get().options
    assert (made.timeout, made.dial_timeout, made.namespace) == (9, 3, options["namespace"])


async def test_a_mapping_overrides_the_files(load, write, options):
    write("config/a.default.yaml", {"etcd": {"client": {"hosts": ["unused:1"], "timeout": 4}}})
    factory = await load("config", {"etcd": {"client": options}})
    assert await works(factory.get())
    assert factory.get().options.timeout == 4


async def test_the_environment_variable_selects_the_files(load, write, options, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_ENV", "daily")
    write("config/a.default.yaml", {"etcd": {"client": {"hosts": ["unused:1"]}}})
    write("config/a.daily.yaml", {"etcd": {"client": options}})
    assert await works((await load()).get())


async def test_the_section_may_have_another_key(load, options):
    factory = await load({"services": {"store": {"client": options}}}, key="services.store")
    assert await works(factory.get())


async def test_filters_see_every_layer(load, options):
    factory = await load({"etcd": {"client": {}}}, filters=[lambda layer: {"etcd": {"client": options}}])
    assert await works(factory.get())


async def test_interpolations_are_resolved(load, options, monkeypatch):
    monkeypatch.setenv("ETCD_PASSWORD_OF_TEST", "hunter2")
    client = {**options, "auth": {"username": "root", "password": "${oc.env:ETCD_PASSWORD_OF_TEST}"}}
    factory = await load({"etcd": {"client": client, "clients": {"b": {"hosts": "${etcd.client.hosts}"}}}})
    assert factory.get().options.auth.password == "hunter2"
    assert factory.get("b").options.hosts == factory.get().options.hosts


async def test_all_faults_of_a_load_are_reported_with_the_file_that_set_them(face, write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write("config/c.default.yaml", {"etcd": {"default": {"timeout": -1}, "clients": {"a": {"hots": 1}, "b": {}}}})
    write("config/c.prod.json", {"etcd": {"clients": {"b": {"retry": {"attempts": "3"}}}}})
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT", "soon")
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config("config", {"etcd": {"client": {"namespac": "x"}}})
    lines = str(caught.value).splitlines()
    assert lines[0] == "5 problems in the configuration:"
    assert {line.strip() for line in lines[1:]} == {
        "config/c.default.yaml: etcd.default.timeout: expected a number of seconds above 0, got -1",
        "config/c.default.yaml: etcd.clients.a.hots: unknown option; did you mean 'hosts'?",
        "config/c.prod.json: etcd.clients.b.retry.attempts: expected a whole number, got '3'",
        "mapping 1: etcd.client.namespac: unknown option; did you mean 'namespace'?",
        "$ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT: etcd.client.dial_timeout: expected a number of seconds, "
        "or a duration like '5s' or '500ms', got 'soon'",
    }


async def test_faults_of_files_and_of_options_are_reported_together(face, write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write("config/c.default.yaml", {"etcd": {"client": {"hots": 1}}})
    write("config/c.prod.yaml", "a: [")
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config()
    assert [fault.file for fault in caught.value.faults] == ["config/c.prod.yaml", "config/c.default.yaml"]


@pytest.mark.parametrize("section", [5, "a:1", ["a"]], ids=repr)
async def test_a_section_that_is_not_a_mapping_is_reported_with_its_file_and_path(face, write, section):
    path = write("c.yaml", {"etcd": section})
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config(path)
    assert str(caught.value) == f"{path}: etcd: expected a mapping, got {type(section).__name__}"


async def test_a_section_that_cannot_be_resolved_is_reported_with_its_file_and_path(face, write):
    path = write("c.yaml", {"etcd": "${oc.env:NOWHERE_SET}"})
    with pytest.raises(ConfigError, match="NOWHERE_SET") as caught:
        face.factory.from_config(path)
    assert str(caught.value).startswith(f"{path}: etcd: ")


async def test_a_missing_section_is_an_error_that_lists_the_existing_ones(face):
    with pytest.raises(ConfigError, match="etcd: no such section; there is: etdc, redis; did you mean 'etdc'"):
        face.factory.from_config({"etdc": {}, "redis": {}})


async def test_an_empty_section_has_no_clients(load):
    assert (await load({"etcd": {}})).names == ()
    assert (await load({"etcd": None})).names == ()


async def test_a_class_that_is_not_a_subclass_is_reported_with_its_file_and_path(face, write):
    other = {"blocking": "etcd_factory:AsyncETCDService", "asyncio": "etcd_factory:ETCDService"}[face.name]
    path = write("c.yaml", {"etcd": {"clients": {"a": {"client_class": other}, "b": {"x": 1}}}})
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config(path)
    assert {(fault.file, fault.path) for fault in caught.value.faults} == {
        (str(path), "etcd.clients.a.client_class"),
        (str(path), "etcd.clients.b.x"),
    }


ASYNC = "async def config(info, merged):\n    return {{'etcd': {{'client': {!r}, 'default': {{'timeout': 7}}}}}}\n"


async def test_an_async_config_function_is_awaited_when_the_factory_is_entered(write, options):
    factory = AsyncETCDServiceFactory.from_config(write("c.py", ASYNC.format(options)))
    async with factory:
        assert await works(factory.get())
        assert factory.get().options.timeout == 7


async def test_the_default_of_an_async_config_function_is_merged_at_run_time_too(write, options):
    async with AsyncETCDServiceFactory.from_config(write("c.py", ASYNC.format(options))) as factory:
        assert (await factory.create_instance(options, "b")).options.timeout == 7


async def test_an_async_config_function_makes_no_clients_before_entering(write, options):
    factory = AsyncETCDServiceFactory.from_config(write("c.py", ASYNC.format(options)))
    for call in (factory.get, lambda: factory.create_instance(options, "b")):
        assert isinstance(await error_of(call), ClientClosedError)
    await factory.aclose()


async def test_the_faults_of_an_async_config_function_are_raised_on_entering(write):
    path = write("c.py", "async def config(info, merged):\n    return {'etcd': {'client': {'hots': 1}}}\n")
    factory = AsyncETCDServiceFactory.from_config(path)
    with pytest.raises(ConfigError, match=f"{path}: etcd.client.hots: unknown option; did you mean 'hosts'"):
        await factory.__aenter__()


def test_the_blocking_face_says_that_it_cannot_await_a_config_function(write):
    path = write("c.py", ASYNC.format({}))
    with pytest.raises(ConfigError, match="config\\(\\) is async; only the asyncio face can load it") as caught:
        ETCDServiceFactory.from_config(path)
    assert [fault.file for fault in caught.value.faults] == [str(path)]
    assert "AsyncETCDServiceFactory" in str(caught.value)
