"""Clients in Litestar, without a server: no client does I/O before its first call."""

from __future__ import annotations

import pytest
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.testing import TestClient

from etcd_factory import AsyncETCDService
from etcd_factory.errors import ClientClosedError
from etcd_factory.integrations.litestar import EtcdPlugin, FromEtcd, factory_of

CONFIG = {"clients": {"a": {"namespace": "a/"}, "b": {"namespace": "b/"}}, "default_client_name": "b"}
Client = NamedDependency[AsyncETCDService]


@get("/", dependencies={"a": FromEtcd("a")})
async def both(a: Client, etcd: Client) -> list[str]:
    return [str(a.options.namespace), str(etcd.options.namespace)]


@pytest.fixture
def app():
    return Litestar([both], plugins=[EtcdPlugin(CONFIG)], logging_config=None)


def test_a_parameter_gets_the_client_of_its_name(app):
    with TestClient(app) as browser:
        assert browser.get("/").json() == ["a/", "b/"]


def test_the_dependency_etcd_may_be_another_one():
    app = Litestar([both], plugins=[EtcdPlugin(CONFIG)], dependencies={"etcd": FromEtcd("a")}, logging_config=None)
    with TestClient(app) as browser:
        assert browser.get("/").json() == ["a/", "a/"]


def test_the_factory_is_open_as_long_as_the_application_runs(app):
    with TestClient(app):
        factory = app.state.etcd
        assert factory_of(app.state) is factory
        factory.get("a")
    with pytest.raises(ClientClosedError):
        factory.get("a")


def test_without_the_plugin_the_error_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"plugins=\[EtcdPlugin\(\)\]"):
        factory_of(State())
