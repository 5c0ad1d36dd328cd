"""Loading a factory's configuration again and again."""

from __future__ import annotations

import pytest

from etcd_factory import ClientOptions, ConfigError, ETCDServiceFactory
from etcd_factory.factory.recipe import Recipe
from tests.support.reloading import clients, write


def recipe(*sources, **changes):
    return Recipe(sources, **{"env": None, "key": "etcd", "filters": (), **changes})


@pytest.fixture
def file(tmp_path):
    write(tmp_path / "c.json", clients(a="h1"))
    return tmp_path / "c.json"


async def test_it_loads_what_the_sources_have_now(file):
    one = recipe(file)
    assert one.load(ETCDServiceFactory.read_options).clients == {"a": ClientOptions(hosts="h1:1")}
    write(file, clients(b="h2"))
    for plan in (one.load(ETCDServiceFactory.read_options), await one.aload(ETCDServiceFactory.read_options)):
        assert plan.clients == {"b": ClientOptions(hosts="h2:1")}


async def test_all_its_arguments_are_used(tmp_path, monkeypatch):
    (tmp_path / "a.default.yaml").write_text("my: {client: {hosts: 'a:1'}}")
    (tmp_path / "a.local.yaml").write_text("my: {client: {timeout: 3}}")
    mine = recipe(tmp_path, env="local", key="my", filters=(lambda layer: {**layer, "x": 1},), concurrent=True)
    for plan in (mine.load(ETCDServiceFactory.read_options), await mine.aload(ETCDServiceFactory.read_options)):
        assert (plan.clients["default"], plan.concurrent) == (ClientOptions(hosts="a:1", timeout=3), True)
    dropping = recipe(tmp_path, key="my", filters=(lambda layer: None,))
    with pytest.raises(ConfigError):
        dropping.load(ETCDServiceFactory.read_options)


async def test_only_awaiting_reads_an_async_file(tmp_path):
    file = tmp_path / "c.py"
    file.write_text("async def config(info, merged):\n    return {'etcd': {'client': {'hosts': 'a:1'}}}")
    with pytest.raises(ConfigError, match="only the asyncio face can load it"):
        recipe(file).load(ETCDServiceFactory.read_options)
    assert (await recipe(file).aload(ETCDServiceFactory.read_options)).clients == {
        "default": ClientOptions(hosts="a:1")
    }


def test_its_stamps_change_with_a_file(file):
    before = recipe(file).stamps()
    assert recipe(file).stamps() == before
    write(file, clients(a="h1"))
    assert recipe(file).stamps() != before


def test_without_sources_they_are_those_of_the_directory_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = recipe().stamps()
    (tmp_path / "config").mkdir()
    write(tmp_path / "config" / "a.default.json", {})
    assert recipe().stamps() != before
