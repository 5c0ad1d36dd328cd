"""Building a configuration: the layers in etcd over other sources, for a class or as a tree."""

from __future__ import annotations

import threading

import attrs
import pytest

from etcd_factory.configcenter.plan import Layers, Plan
from etcd_factory.core.face import finish
from etcd_factory.errors import ConfigError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime


@attrs.define
class Settings:
    level: str = "info"
    host: str = "localhost"


@attrs.define
class Observed:
    level: str = attrs.field(default="", validator=lambda *_: threads.append(threading.current_thread()))


threads = []


@pytest.fixture(params=[ThreadRuntime, AsyncioRuntime], ids=["blocking", "asyncio"])
def build_aside(request):
    """Build a plan's value beside the event loop, as the face does."""
    runtime = request.param()

    async def build(plan, entries):
        body = plan.build_aside(runtime, entries)
        return finish(body) if request.param is ThreadRuntime else await body

    build.is_blocking = request.param is ThreadRuntime
    return build


@pytest.mark.parametrize("cls", [int, "Settings", Settings()])
def test_a_class_that_cannot_be_filled_is_refused_at_once(cls):
    with pytest.raises(TypeError, match="is neither an attrs class, a dataclass nor a pydantic model"):
        Plan(cls, "config/")


def test_entries_override_mappings_and_files(tmp_path):
    (tmp_path / "a.default.yaml").write_text("level: file\nhost: file")
    plan = Plan(Settings, "config/", sources=(tmp_path, {"host": "mapping"}))
    assert plan.build({}) == Settings("file", "mapping")
    assert plan.build({"level": "etcd"}) == Settings("etcd", "mapping")


def test_files_are_those_of_the_environment(tmp_path):
    (tmp_path / "a.default.yaml").write_text("level: default")
    (tmp_path / "a.local.yaml").write_text("level: local")
    built = [Plan(Settings, "config/", sources=(tmp_path,), env=env).build({}).level for env in ("local", "prod")]
    assert built == ["local", "default"]


def test_names_select_the_overrides():
    entries = {"level": "all", "@w1/level": "own"}
    built = [Plan(Settings, "config/", names).build(entries).level for names in ((), ("w1",), ("w2",))]
    assert built == ["all", "own", "all"]


def test_a_fault_names_the_key_below_the_prefix():
    with pytest.raises(ConfigError, match=r"^etcd app/lvel: lvel: unknown; did you mean 'level'\?$"):
        Plan(Settings, "app/").build({"lvel": "x"})


async def test_building_aside_gives_the_same_value(build_aside, tmp_path):
    (tmp_path / "a.default.yaml").write_text("level: file")
    for sources in ((), (tmp_path,)):
        plan = Plan(Settings, "config/", sources=sources)
        assert await build_aside(plan, {"host": "here"}) == plan.build({"host": "here"})


async def test_validators_do_not_run_on_the_event_loop(build_aside):
    threads.clear()
    await build_aside(Plan(Observed, "config/"), {"level": "x"})
    assert {one is threading.current_thread() for one in threads} == {build_aside.is_blocking}


async def test_a_python_source_may_be_async_in_asyncio_only(build_aside, tmp_path):
    (tmp_path / "a.default.py").write_text("async def config(info, merged):\n    return {'level': 'python'}\n")
    plan = Plan(Settings, "config/", sources=(tmp_path,))
    if build_aside.is_blocking:
        with pytest.raises(ConfigError, match="asyncio"):
            await build_aside(plan, {})
    else:
        assert await build_aside(plan, {"host": "etcd"}) == Settings("python", "etcd")


def test_layers_are_a_source():
    layers = Plan(Settings, "config/")._layers({"level": "x"})
    assert isinstance(layers, Layers)
    assert [part.label for part in layers.config_layers()] == ["etcd config/"]


@attrs.define
class Several:
    texts: list[str] = attrs.field(factory=list)
    by_name: dict[str, str] = attrs.field(factory=dict)


@pytest.mark.parametrize(("resolve", "expected"), [(False, "${oc.env:MY_SECRET}"), (True, "hunter2")])
async def test_interpolations_in_etcd_are_resolved_only_if_they_are_to_be(monkeypatch, build_aside, resolve, expected):
    monkeypatch.setenv("MY_SECRET", "hunter2")
    text = "${oc.env:MY_SECRET}"
    plan = Plan(Several, "config/", resolve=resolve)
    built = await build_aside(plan, {"texts": f"['{text}']", "by_name": f"{{a: '{text}', b.c: '{text}'}}"})
    assert built == Several([expected], {"a": expected, "b.c": expected})


def test_interpolations_in_sources_are_resolved_and_what_they_resolve_to_is_not(monkeypatch):
    monkeypatch.setenv("NAME", "${oc.env:MY_SECRET}")
    monkeypatch.setenv("MY_SECRET", "hunter2")
    plan = Plan(Settings, "config/", sources=({"level": "${oc.env:NAME}", "host": "${level}"},))
    assert plan.build({}) == Settings("${oc.env:MY_SECRET}", "${oc.env:MY_SECRET}")
    assert plan.build({"level": "${oc.env:MY_SECRET}"}).host == "${oc.env:MY_SECRET}"


@pytest.mark.parametrize("levels", [33, 98, 100, 3000, 100_000])
def test_nested_values_are_an_error(levels):
    with pytest.raises(ConfigError, match=r"nested|not valid YAML"):
        Plan(None, "config/").build({"a": "[" * levels + "]" * levels})
