"""The factory of an application, without a server: no client does I/O before its first call."""

from __future__ import annotations

import gc
import pickle
import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.errors import ClientClosedError, ConfigError, ConnectionFailedError, InstanceNotFoundError
from etcd_factory.factory import SharedFactory
from etcd_factory.factory.health import HealthReport
from etcd_factory.factory.shared import override_config, readiness, running
from etcd_factory.model import Health
from tests.support import frames
from tests.support.forks import Taken

CONFIG = {"client": {"namespace": "own/"}}
OTHER = {"client": {"namespace": "other/"}}


@pytest.fixture
def shared():
    one = SharedFactory(CONFIG)
    yield one
    one.close()


def is_closed(factory):
    try:
        factory.get()
    except ClientClosedError:
        return True
    return False


def test_it_is_made_once_at_its_first_use(shared):
    found = []
    threads = [threading.Thread(target=lambda: found.append(shared.factory)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 8 and len({id(one) for one in found}) == 1
    assert shared.get() is shared.get("default") is found[0].get()


def test_an_unknown_name_is_an_error(shared):
    with pytest.raises(InstanceNotFoundError):
        shared.get("x")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_directory_is_loaded_and_its_errors_name_the_file(tmp_path, kind):
    written = tmp_path / "config.default.yaml"
    written.write_text("etcd: {client: {namespace: own/}}")
    with closing(SharedFactory(kind(tmp_path))) as shared:
        assert shared.get().options.namespace == "own/"
    written.write_text("etcd: {client: {timout: 1}}")
    with pytest.raises(ConfigError, match=re.escape(f"{written}: etcd.client.timout: unknown option")):
        SharedFactory(kind(tmp_path)).get()


async def test_so_is_one_in_asyncio(tmp_path):
    (tmp_path / "config.default.yaml").write_text("etcd: {client: {namespace: own/}}")
    async with running(tmp_path) as factory:
        assert factory.get().options.namespace == "own/"


def test_a_url_is_the_configuration_itself():
    with closing(SharedFactory("etcd://h:1/own/")) as shared:
        assert shared.get().options.namespace == "own/"


def test_an_invalid_configuration_is_reported_at_its_first_use():
    shared = SharedFactory({"clinets": {}})
    with pytest.raises(ConfigError, match="did you mean 'clients'"):
        shared.get()


def test_it_is_closed_and_opened_again_by_the_next_use(shared):
    before = shared.factory
    shared.close()
    shared.close()
    assert is_closed(before)
    assert shared.factory is not before
    assert not is_closed(shared.factory)


def test_it_is_closed_with_the_last_reference():
    shared = SharedFactory(CONFIG)
    factory = shared.factory
    del shared
    gc.collect()
    assert is_closed(factory)


def test_it_is_closed_at_the_exit_of_the_process():
    code = """if True:
        import etcd_factory.factory.shared as module

        class Factory(module.ETCDServiceFactory):
            def destroy_client(self, client, name):
                print("closed", name)

        module.ETCDServiceFactory = Factory
        shared = module.SharedFactory({"client": {}})
        shared.get()
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "closed default\n"


def test_a_process_that_gets_it_pickled_makes_its_own(shared):
    other = pickle.loads(pickle.dumps(shared))
    assert other.get().options == shared.get().options
    assert other.factory is not shared.factory
    other.close()


WRONG = {"client": {"auth": {"username": "root", "password": "hunter2"}, "timeout": -1}}


def test_no_frame_shows_a_secret():
    with pytest.raises(ConfigError) as caught:
        SharedFactory(WRONG).get()
    assert [name for name, text in frames.shown(caught.value).items() if "hunter2" in text] == []


async def test_no_frame_of_asyncio_shows_a_secret():
    with pytest.raises(ConfigError) as caught, override_config(WRONG):
        async with running(WRONG):
            raise AssertionError("it was opened")
    assert [name for name, text in frames.shown(caught.value).items() if "hunter2" in text] == []


def test_a_factory_that_was_passed_is_not_closed():
    with ETCDServiceFactory(CONFIG) as factory:
        shared = SharedFactory(factory)
        assert shared.factory is factory
        shared.close()
        assert not is_closed(factory)


def test_without_a_configuration_it_is_that_of_the_directory(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.default.yaml").write_text("etcd: {client: {namespace: files/}}\n")
    monkeypatch.chdir(tmp_path)
    shared = SharedFactory()
    assert shared.get().options.namespace == "files/"
    shared.close()


def test_a_lock_of_the_parent_is_not_waited_for_in_a_child(shared):
    shared._lock = Taken()
    shared.forget()
    assert shared.get().options.namespace == "own/"


def test_an_override_replaces_what_was_opened_until_it_ends(shared):
    before = shared.factory
    with override_config(OTHER):
        assert is_closed(before)
        inside = shared.factory
        assert inside.get().options.namespace == "other/"
        with override_config(CONFIG):
            assert shared.get().options.namespace == "own/"
        assert shared.get().options.namespace == "other/"
        inside = shared.factory
    assert is_closed(inside)
    assert shared.get().options.namespace == "own/"


def test_an_override_replaces_a_factory_that_was_passed():
    with ETCDServiceFactory(CONFIG) as factory:
        shared = SharedFactory(factory)
        with override_config(OTHER):
            assert shared.get().options.namespace == "other/"
        assert shared.factory is factory


async def test_a_running_factory_is_closed_at_the_end():
    async with running(CONFIG) as factory:
        assert factory.get().options.namespace == "own/"
    assert is_closed(factory)


async def test_a_running_factory_that_was_passed_is_not_closed():
    async with AsyncETCDServiceFactory(CONFIG) as factory:
        async with running(factory) as found:
            assert found is factory
        assert not is_closed(factory)


async def test_an_override_is_what_runs():
    with override_config(OTHER):
        async with running(CONFIG) as factory:
            assert factory.get().options.namespace == "other/"


async def test_without_a_configuration_what_runs_is_that_of_the_directory(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.default.yaml").write_text("etcd: {client: {namespace: files/}}\n")
    monkeypatch.chdir(tmp_path)
    async with running() as factory:
        assert factory.get().options.namespace == "files/"


def test_an_application_is_ready_if_the_clients_that_matter_are():
    away = Health(False, error=ConnectionFailedError("10.0.0.1:2379 refused"), priority="low")
    assert readiness(HealthReport({"a": Health(True), "b": away})) == (
        200,
        {
            "ready": True,
            "clients": {
                "a": {"ok": True, "priority": "medium", "error": None},
                "b": {"ok": False, "priority": "low", "error": "ConnectionFailedError"},
            },
        },
    )


def test_an_application_is_not_ready_if_one_that_matters_is_away():
    status, body = readiness(HealthReport({"a": Health(False)}))
    assert (status, body["ready"]) == (503, False)
