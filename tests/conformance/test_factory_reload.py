"""Reloading the clients of a factory while they are in use, on a real etcd and in both faces."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from etcd_factory import ConfigError, Reloaded
from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter
from tests.support.boxes import error_of
from tests.support.faces import closed, in_time, settle, until
from tests.support.forks import needs_fork, run_script
from tests.support.reloading import RECORDED

CENTERS = {"blocking": ConfigCenter, "asyncio": AsyncConfigCenter}


@pytest.fixture
def write(options, tmp_path):
    """Writes the file of the configuration: a client ``a`` in this test's namespace, with changes."""

    def write(**changes):
        text = json.dumps({"etcd": {"clients": {"a": {**options, **changes}}}})
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(tmp_path / "c.json")
        return tmp_path / "c.json"

    return write


@pytest.fixture
async def factory(face, opened, write):
    """A factory with the client ``a`` from that file."""
    return await opened(face.factory.from_config(write()))


async def changed(factory, write, timeout=7):
    """Give the client another timeout, by a reload."""
    write(timeout=timeout)
    assert await settle(factory.reload()) == Reloaded(changed=("a",))


# --- no call is lost


async def test_no_call_is_lost_while_clients_are_replaced(face, factory, write):
    """Each caller takes the client anew, as one does with a factory."""
    over, done, reloads = [], [], 20

    def blocking():
        while not over:
            factory.get("a").put("k").value("v")
            done.append(factory.get("a").options.timeout)

    async def in_asyncio():
        while not over:
            await factory.get("a").put("k").value("v")
            done.append(factory.get("a").options.timeout)

    callers = [face.begin(blocking if face.is_blocking else in_asyncio) for _ in range(4)]
    for number in range(reloads):
        await changed(factory, write, timeout=10 + number)
        await until(lambda number=number: 10 + number in done)
    over.append(True)
    await in_time(asyncio.gather(*callers))
    assert len(done) >= reloads


async def test_a_call_under_way_ends_on_the_old_client(face, factory, write):
    """A lock that is waited for: the longest call there is."""
    first = factory.get("a").lock("l")
    await settle(first.acquire())
    waiting = factory.get("a").lock("l")
    acquired = face.begin(waiting.acquire)
    await changed(factory, write)
    assert first.held
    await settle(first.release())
    await in_time(acquired)
    assert waiting.held
    await settle(waiting.release())


async def test_a_held_service_goes_on_as_it_was_configured(factory, write):
    held = factory.get("a")
    await changed(factory, write)
    await settle(held.put("k").value("v"))
    assert (held.options.timeout, factory.get("a").options.timeout) == (5, 7)
    assert await settle(factory.get("a").get("k").string()) == "v"


async def test_it_is_closed_once_nobody_holds_it(face, opened, write, recwarn):
    factory = await opened(RECORDED[face.name].from_config(write()))
    held = [factory.get("a")]
    await settle(held[0].watch().key("k").create())
    await changed(factory, write)
    await settle(held[0].put("k").value("v"))
    assert factory.ended == []
    held.clear()
    await until(lambda: len(factory.ended) == 1)
    assert [one for one in recwarn if issubclass(one.category, ResourceWarning)] == []


# --- what goes on


async def test_a_registration_and_its_view_go_on(face, opened, options, write):
    factory = await opened(face.factory.from_config(write()))
    registration = await settle(factory.registry().register("user", "1", ttl=2))
    await changed(factory, write)
    assert registration.alive
    found = await settle(factory.registry().discover("user"))
    assert [one.id for one in found] == ["1"]
    await settle(registration.deregister())
    assert await settle(factory.registry().discover("user")) == []


async def test_a_registration_that_nobody_holds_goes_on(factory, write):
    await settle(factory.registry().register("user", "1", ttl=2))
    await changed(factory, write)
    found = await settle(factory.registry().discover("user"))
    assert [one.id for one in found] == ["1"]


async def test_a_watch_with_a_handler_goes_on_though_nobody_holds_it(factory, write):
    seen = []
    watcher = await settle(factory.get("a").watch().key("k").create())
    watcher.on("put", lambda event: seen.append(event.kv.text))
    del watcher
    await changed(factory, write)
    await settle(factory.get("a").put("k").value("after"))
    await until(lambda: seen == ["after"])


async def test_a_lease_that_nobody_holds_stays_alive_until_the_factory_is_closed(factory, write, client):
    await settle(factory.get("a").lease(60).put("leased").value("v"))
    await changed(factory, write)
    await settle(factory.get("a").put("k").value("v"))
    assert await settle(client.get("leased").string()) == "v"
    await closed(factory)
    assert await settle(client.get("leased").string()) is None


async def test_after_the_factory_is_closed_nothing_of_a_replaced_client_is_left(factory, write, client):
    held = factory.get("a")
    await settle(held.lease(60).put("leased").value("v"))
    await settle(factory.registry().register("user", "1"))
    await changed(factory, write)
    await closed(factory)
    assert await settle(client.get_all().keys()) == []


# --- when something changes


async def test_a_config_map_is_followed(face, opened, options, tmp_path):
    """Kubernetes mounts each version as a directory of its own, and links ``..data`` to the current one."""

    def version(name, timeout):
        (tmp_path / name).mkdir()
        text = json.dumps({"etcd": {"client": {**options, "timeout": timeout}}})
        (tmp_path / name / "app.default.json").write_text(text)
        (tmp_path / "..data_tmp").symlink_to(name)
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")

    version("..1", 6)
    (tmp_path / "app.default.json").symlink_to("..data/app.default.json")
    factory, told = await opened(face.factory.from_config(tmp_path)), []
    await settle(factory.watch_config(0.01, told.append))
    version("..2", 7)
    await until(lambda: told == [Reloaded(changed=("default",))])
    assert factory.get().options.timeout == 7
    assert await settle(factory.get().get("k").string()) is None


async def test_an_invalid_file_keeps_the_clients_and_is_told_once(face, factory, write, caplog):
    await settle(factory.watch_config(0.01))
    before = factory.get("a")
    write(timeout=-1)
    await until(lambda: "keeping the configuration of the clients" in caplog.text)
    assert factory.get("a") is before
    assert isinstance(await error_of(factory.reload), ConfigError)
    write(timeout=8)
    await until(lambda: factory.get("a").options.timeout == 8)
    assert caplog.text.count("keeping the configuration of the clients") == 1


async def test_a_live_configuration_in_etcd_is_followed_as_a_layer(face, opened, write, client):
    center = CENTERS[face.name](client, "clients/")
    live = await settle(center.live())
    try:
        factory = await opened(face.factory.from_config(write(), live))
        await settle(factory.watch_config(0.01))
        await settle(center.save("etcd/clients/a/timeout", 9))
        await until(lambda: factory.get("a").options.timeout == 9)
        await settle(center.save("etcd/clients/a/timeout", "text"))
        await until(lambda: live.revision and "text" in str(live.value))
        await settle(center.save("etcd/clients/a/timeout", 10))
        await until(lambda: factory.get("a").options.timeout == 10)
    finally:
        await settle(live.close())


async def test_all_replaced_clients_are_closed(face, opened, write):
    factory = await opened(RECORDED[face.name].from_config(write()))
    for number in range(20):
        await changed(factory, write, timeout=10 + number)
        await settle(factory.get("a").get("k").string())
    await until(lambda: len(factory.ended) == 20)


# --- in a forked child


@needs_fork
def test_a_child_watches_the_files_as_its_parent_did(etcd_server, etcd_namespace, tmp_path):
    script = """
import json
from pathlib import Path
from etcd_factory import ETCDServiceFactory

file = Path(rest[0])

def write(timeout):
    file.with_suffix(".new").write_text(json.dumps({"etcd": {"clients": {"a": {**options, "timeout": timeout}}}}))
    file.with_suffix(".new").replace(file)

def in_child():
    write(8)
    until(lambda: factory.get("a").options.timeout == 8)
    factory.get("a").put("k").value("child")
    factory.close()

write(6)
with ETCDServiceFactory.from_config(file) as factory:
    factory.watch_config(0.01)
    write(7)
    until(lambda: factory.get("a").options.timeout == 7)
    run_in_child(in_child)
    until(lambda: factory.get("a").options.timeout == 8)
    assert factory.get("a").get("k").string() == "child"
"""
    run_script(script, etcd_server, etcd_namespace, tmp_path / "c.json")
