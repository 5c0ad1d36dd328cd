from __future__ import annotations

import json

import pytest

from etcd_factory import AsyncETCDServiceFactory
from etcd_factory.cli import console
from etcd_factory.cli.console import adjusted, check_installed, explained
from etcd_factory.cli.session import Session
from etcd_factory.cli.settings import Settings
from etcd_factory.errors import ConfigError, InstanceNotFoundError

CONFIG = {"clients": {"one": {"hosts": "h1:1"}, "two": {"hosts": "h2:2", "auth": {"username": "u", "password": "p"}}}}


@pytest.fixture
def settings(tmp_path):
    """Shared options with a configuration of two clients."""
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"etcd": CONFIG}))
    return lambda **more: Session(Settings((file,), **more))


@pytest.fixture
async def factory():
    async with AsyncETCDServiceFactory(CONFIG) as one:
        yield one


async def test_without_a_choice_there_is_no_first_client(settings, factory):
    assert await adjusted(settings(), factory) is None
    assert await adjusted(settings(client="two"), factory) == "two"


async def test_the_command_line_changes_the_chosen_client_under_its_name(settings, factory):
    before = factory.get("one")
    assert await adjusted(settings(client="two", hosts="h3:3", timeout=7), factory) == "two"
    assert (factory.get("two").options.hosts, factory.get("two").options.timeout) == (("http://h3:3",), 7)
    assert factory.get("one") is before


async def test_an_unknown_client_is_an_error(settings, factory):
    with pytest.raises(InstanceNotFoundError, match="the clients are: one, two"):
        await adjusted(settings(client="three"), factory)


def test_the_configuration_is_read_again_each_time(settings, tmp_path):
    session = settings()
    assert explained(session)["etcd.clients.two.auth.password"].value == "***"
    (tmp_path / "x.json").write_text('{"etcd": {"client": {"timeout": 3}}}')
    assert explained(session)["etcd.client.timeout"].value == 3


def test_an_async_function_is_awaited(tmp_path):
    (tmp_path / "x.py").write_text("async def config(info, merged):\n    return {'etcd': {'client': {'timeout': 3}}}\n")
    assert explained(Session(Settings((tmp_path / "x.py",))))["etcd.client.timeout"].value == 3


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setattr(console, "EXTRA", ("no_such_package",))
    with pytest.raises(ConfigError, match=r"pip install 'etcd-factory\[console\]'"):
        check_installed()


def test_a_port_that_is_taken_is_an_error(run, capfd):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("console", "--port", taken.getsockname()[1])
    assert (done.code, "in use" in done.err) == (1, True)
