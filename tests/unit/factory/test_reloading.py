"""What a reload makes, keeps and closes. Nothing here connects."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading

import pytest

from etcd_factory import AsyncETCDServiceFactory, ConfigError, ETCDService, ETCDServiceFactory, Reloaded
from etcd_factory.errors import ClientClosedError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.boxes import entered, error_of
from tests.support.faces import BOUND, FACES, closed, settle, until
from tests.support.reloading import RECORDED, clients, hosts, write


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
def file(tmp_path):
    return tmp_path / "clients.json"


@pytest.fixture
async def load(face, file):
    """Writes the file and opens a factory from it."""
    made = []

    async def load(config, **given):
        write(file, config)
        made.append(await entered(RECORDED[face.name].from_config(file, **given)))
        return made[-1]

    yield load
    for factory in made:
        await closed(factory)


async def reloaded(factory, file, config):
    write(file, config)
    return await settle(factory.reload())


# --- differences


async def test_it_returns_what_is_different_and_makes_it_so(load, file):
    factory = await load(clients(a="a", b="b", c="c"))
    kept = factory.get("a")
    assert await reloaded(factory, file, clients(d="d", a="a", b="b2")) == Reloaded(("d",), ("b",), ("c",))
    assert hosts(factory) == {"a": "a:1", "d": "d:1", "b": "b2:1"}
    assert factory.get("a") is kept
    assert factory.made == ["a", "b", "c", "d", "b"]


async def test_without_a_change_nothing_happens(load, file):
    factory = await load(clients(a="a"))
    assert await settle(factory.reload()) == Reloaded()
    assert (factory.made, factory.ended) == (["a"], [])


async def test_default_and_priorities_and_the_default_name_are_those_of_the_new_configuration(load, file):
    factory = await load({"default": {"timeout": 3}, **clients(a="a", b="b")})
    new = {"default": {"timeout": 4}, "default_client_name": "b", "priority": {"a": "low"}, **clients(a="a", b="b")}
    assert await reloaded(factory, file, new) == Reloaded(changed=("a", "b"))
    assert (factory.get().options.timeout, factory.default_client_name, factory.priority("a")) == (4, "b", "low")
    assert (await settle(factory.create_instance({}, "later"))).options.timeout == 4


async def test_a_secret_in_a_file_keeps_its_client_which_reads_it_itself(load, file, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("one")
    config = {"client": {"hosts": "a:1", "auth": {"username": "u", "password": {"file": str(secret)}}}}
    factory = await load(config)
    secret.write_text("two")
    assert await settle(factory.reload()) == Reloaded()


# --- nothing changes


@pytest.mark.parametrize(
    ("config", "faults"),
    [
        ({"clients": {"a": {"hots": "x"}, "b": {"timeout": -1}}}, 2),
        ('{"etcd": {"clients": {"a": {"hosts"', 1),
        ("", 1),
    ],
    ids=["two faults", "half written", "empty"],
)
async def test_an_invalid_configuration_changes_nothing_and_lists_every_problem(load, file, config, faults):
    factory = await load(clients(a="a"))
    before = factory.get("a")
    write(file, config)
    error = await error_of(factory.reload)
    assert isinstance(error, ConfigError)
    assert len(error.faults) == faults
    assert (factory.get("a") is before, factory.names, factory.made, factory.ended) == (True, ("a",), ["a"], [])
    assert await reloaded(factory, file, clients(a="a2")) == Reloaded(changed=("a",))


@pytest.mark.parametrize("concurrent", [False, True])
async def test_if_a_client_cannot_be_made_nothing_changes_and_the_others_are_closed(load, file, concurrent):
    factory = await load(clients(a="a"), concurrent=concurrent)
    before = factory.get("a")

    def hook(name):
        if name == "bad":
            raise RuntimeError("no bad")

    factory.hook = hook
    write(file, clients(a="a2", good="g", bad="b"))
    assert str(await error_of(factory.reload)) == "no bad"
    assert (factory.get("a") is before, factory.names) == (True, ("a",))
    assert sorted(factory.ended) == [("a", "http://a2:1"), ("good", "http://g:1")]


@pytest.mark.parametrize("kind", [ETCDServiceFactory, AsyncETCDServiceFactory])
async def test_a_factory_without_sources_says_how_to_make_one_with_them(kind):
    factory = kind({"client": {"hosts": "a:1"}})
    for call in (factory.reload, factory.watch_config):
        error = await error_of(call)
        assert isinstance(error, ConfigError)
        assert f"make it with {kind.__name__}.from_config(...) to reload it" in str(error)
    await closed(factory)


async def test_a_closed_factory_is_not_reloaded(load, file):
    factory = await load(clients(a="a"))
    await closed(factory)
    for call in (factory.reload, factory.watch_config):
        assert isinstance(await error_of(call), ClientClosedError)


async def test_a_factory_that_is_closed_while_it_is_reloaded_leaves_no_client(load, file):
    factory = await load(clients(a="a"))
    factory.hook = lambda name: closed(factory)
    if isinstance(factory, ETCDServiceFactory):
        factory.hook = lambda name: factory.close()
    write(file, clients(a="a2"))
    assert isinstance(await error_of(factory.reload), ClientClosedError)
    assert sorted(factory.ended) == [("a", "http://a2:1"), ("a", "http://a:1")]


async def test_a_reload_that_another_one_overtook_begins_again(load, file):
    factory = await load(clients(a="a"))
    seen = []

    def overtaken(name):
        if not seen:
            seen.append(name)
            write(file, clients(a="newest"))
            return factory.reload()
        return None

    factory.hook = overtaken
    assert await reloaded(factory, file, clients(a="stale", b="stale")) == Reloaded()
    assert hosts(factory) == {"a": "newest:1"}
    assert ("a", "http://stale:1") in factory.ended


# --- clients made at run time


async def test_clients_made_at_run_time_are_kept(face, load, file, caplog):
    caplog.set_level(logging.WARNING)
    factory = await load(clients(a="a"))
    mine = await settle(factory.create_instance({"hosts": "m:1"}, "mine"))
    given = face.service({"hosts": "g:1"})
    await settle(factory.add("given", given))
    replaced = await settle(factory.create_instance({"hosts": "r:1"}, "a", on_exists="replace"))
    assert await reloaded(factory, file, clients(mine="x", given="y", a="z", new="n")) == Reloaded(added=("new",))
    assert (factory.get("mine"), factory.get("given"), factory.get("a")) == (mine, given, replaced)
    assert "clients made at run time are kept, though others are configured: mine, given, a" in caplog.text
    assert await reloaded(factory, file, clients(new="n")) == Reloaded()
    assert set(factory.names) == {"mine", "given", "a", "new"}


async def test_a_removed_client_comes_back_only_if_its_configuration_changes(load, file):
    factory = await load(clients(a="a", b="b"))
    await settle(factory.remove("a"))
    assert await reloaded(factory, file, clients(a="a", b="b2")) == Reloaded(changed=("b",))
    assert await reloaded(factory, file, clients(a="a2", b="b2")) == Reloaded(added=("a",))


async def test_a_client_that_is_made_at_run_time_meanwhile_stays(load, file):
    factory = await load(clients(a="a"))
    made = []

    def hook(name):
        if name == "new" and not made:
            made.append(name)
            return factory.create_instance({"hosts": "mine:1"}, "new")
        return None

    factory.hook = hook
    assert await reloaded(factory, file, clients(a="a", new="n")) == Reloaded()
    assert (hosts(factory)["new"], factory.ended) == ("mine:1", [("new", "http://n:1")])


# --- clients that were replaced


async def test_a_client_that_nobody_holds_is_closed_once_it_is_replaced_or_removed(load, file):
    factory = await load(clients(a="a", b="b", c="c"))
    await reloaded(factory, file, clients(a="a2", c="c"))
    await until(lambda: sorted(factory.ended) == [("a", "http://a:1"), ("b", "http://b:1")])


@pytest.mark.parametrize(
    "part",
    [lambda etcd: etcd, lambda etcd: etcd.namespace("n/"), lambda etcd: etcd.get("k"), lambda etcd: etcd.lease(9)],
    ids=["it", "a namespace", "a builder", "a lease"],
)
async def test_who_holds_a_part_of_it_keeps_it_open_and_the_last_one_closes_it(load, file, part):
    factory = await load(clients(a="a"))
    held = [part(factory.get("a")), part(factory.get("a"))]
    await reloaded(factory, file, clients(a="a2"))
    held.pop()
    gc.collect()
    await asyncio.sleep(0)
    assert factory.ended == []
    held.pop()
    await until(lambda: factory.ended == [("a", "http://a:1")])


async def test_it_is_closed_with_the_factory_at_the_latest(load, file):
    factory = await load(clients(a="a", b="b"))
    held = factory.get("a")
    await reloaded(factory, file, clients(a="a2"))
    await until(lambda: factory.ended == [("b", "http://b:1")])
    await closed(factory)
    assert factory.ended[1:] == [("a", "http://a2:1"), ("a", "http://a:1")]
    assert isinstance(await error_of(lambda: held.get("k").string()), ClientClosedError)


async def test_raw_keeps_it_open_for_who_holds_only_that(load, file):
    factory = await load(clients(a="a"))
    assert factory.get("a").raw
    await reloaded(factory, file, clients(a="a2"))
    gc.collect()
    await asyncio.sleep(0)
    assert factory.ended == []


async def test_a_failure_to_close_it_is_logged(load, file, caplog):
    factory = await load(clients(a="a"))
    kind, original = type(factory), type(factory).destroy_client
    kind.destroy_client = lambda self, client, name: 1 / 0
    try:
        await reloaded(factory, file, {})
        await until(lambda: "'a' was replaced, but closing the old one failed" in caplog.text)
    finally:
        kind.destroy_client = original


async def test_failures_of_clients_of_one_name_are_all_told_at_the_end(load, file):
    factory = await load(clients(a="a"))
    held = factory.get("a")
    await reloaded(factory, file, clients(a="a2"))
    kind, original = type(factory), type(factory).destroy_client
    kind.destroy_client = lambda self, client, name: 1 / 0
    try:
        error = await error_of(lambda: closed(factory))
    finally:
        kind.destroy_client = original
    assert [*error.failures] == ["a", "a (replaced 1)"]
    assert held.options.hosts == ("http://a:1",)


def test_leases_whose_objects_were_dropped_keep_it_open(file):
    """They are kept alive until their client ends, also where nobody can release them any more."""
    script = {"LeaseGrant": replies.lease(7, 60), "LeaseRevoke": replies.of("LeaseRevoke")}
    transports = []

    class Scripted(ETCDServiceFactory):
        def create_client(self, options, name):
            transports.append(ScriptedTransport({**script, "LeaseKeepAlive": replies.keep_alive(60)}))
            return ETCDService(options, transport=transports[-1])

    write(file, clients(a="a"))
    with Scripted.from_config(file) as factory:
        factory.get("a").lease(60).grant()
        write(file, clients(a="a2"))
        assert factory.reload() == Reloaded(changed=("a",))
        gc.collect()
        assert "LeaseRevoke" not in [call.method for call in transports[0].calls]
    assert "LeaseRevoke" in [call.method for call in transports[0].calls]


# --- the registry


async def test_the_registry_is_the_same_one_until_its_client_or_section_is_replaced(load, file):
    factory = await load({**clients(a="a", b="b"), "default_client_name": "a"})
    first = factory.registry()
    await reloaded(factory, file, {**clients(a="a", b="b2"), "default_client_name": "a"})
    assert factory.registry() is first
    await reloaded(factory, file, {**clients(a="a2", b="b2"), "default_client_name": "a"})
    second = factory.registry()
    assert second is not first
    section = {"service_discovery": {"namespace": "other"}}
    await reloaded(factory, file, {**clients(a="a2", b="b2"), "default_client_name": "a", **section})
    assert factory.registry() is not second


async def test_the_factory_keeps_no_client_open_by_its_registry(load, file):
    factory = await load({**clients(a="a"), "default_client_name": "a"})
    factory.registry()
    await reloaded(factory, file, {**clients(a="a2"), "default_client_name": "a"})
    await until(lambda: factory.ended == [("a", "http://a:1")])


# --- watching


async def test_a_watched_file_is_reloaded_when_it_changes_and_the_handler_is_told(face, load, file):
    factory, told = await load(clients(a="a")), []
    await settle(factory.watch_config(interval=0.001, on_reload=told.append))
    write(file, clients(a="a2"))
    await until(lambda: told == [Reloaded(changed=("a",))])
    write(file, "half")
    write(file, clients(a="a2", b="b"))
    await until(lambda: told[1:] == [Reloaded(added=("b",))])


async def test_what_changed_before_the_watch_began_is_not_missed(load, file):
    factory = await load(clients(a="a"))
    write(file, clients(a="a2"))
    await settle(factory.watch_config())
    await until(lambda: hosts(factory) == {"a": "a2:1"})


async def test_a_second_watch_replaces_the_first(load, file):
    factory, first, second = await load(clients(a="a")), [], []
    await settle(factory.watch_config(0.001, first.append))
    await settle(factory.watch_config(0.001, second.append))
    write(file, clients(b="b"))
    await until(lambda: second)
    assert first == []


async def test_a_reload_that_the_replaced_watch_has_begun_tells_the_second_one(load, file, monkeypatch):
    factory, first, second, begun, go = await load(clients(a="a")), [], [], threading.Event(), threading.Event()
    runtime, load_again = factory._runtime, factory._load

    async def held(recipe):
        begun.set()
        await runtime.aside(lambda: go.wait(BOUND))
        return await load_again(recipe)

    monkeypatch.setattr(type(factory), "_load", lambda self, recipe: held(recipe))
    await settle(factory.watch_config(BOUND, first.append))
    await until(begun.is_set)
    write(file, clients(b="b"))
    await settle(factory.watch_config(BOUND, second.append))
    go.set()
    await until(lambda: second)
    assert first == []


@pytest.mark.parametrize("given", [{"interval": 0}, {"interval": "x"}, {"on_reload": 1}])
async def test_wrong_arguments_are_refused_at_once(load, given):
    factory = await load(clients(a="a"))
    assert isinstance(await error_of(lambda: factory.watch_config(**given)), (TypeError, ValueError))


async def test_a_blocking_factory_refuses_an_async_handler(file):
    async def handler(reloaded): ...

    write(file, clients(a="a"))
    with ETCDServiceFactory.from_config(file) as factory, pytest.raises(TypeError, match="is async"):
        factory.watch_config(on_reload=handler)


async def test_the_handler_may_reload_and_close(load, file):
    factory, over = await load(clients(a="a")), []

    def handler(reloaded):
        over.append(reloaded)
        return closed(factory) if factory.face.__name__ == "Async" else factory.close()

    await settle(factory.watch_config(0.001, handler))
    write(file, clients(a="a2"))
    await until(lambda: len(factory.ended) == 2)
    assert over == [Reloaded(changed=("a",))]


# --- an asyncio factory that has not been entered


async def test_an_async_file_is_reloaded_too(tmp_path):
    file = tmp_path / "c.py"
    text = "async def config(info, merged):\n    return {{'etcd': {{'client': {{'hosts': '{}:1'}}}}}}"
    file.write_text(text.format("a"))
    factory = AsyncETCDServiceFactory.from_config(file, concurrent=True)
    with pytest.raises(ClientClosedError, match="entered"):
        await factory.reload()
    async with factory:
        assert hosts(factory) == {"default": "a:1"}
        file.write_text(text.format("bb"))
        assert await factory.reload() == Reloaded(changed=("default",))
        assert hosts(factory) == {"default": "bb:1"}
