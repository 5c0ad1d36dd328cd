"""Clients in Starlette, without etcd: no client does I/O before its first call."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute

from etcd_factory.errors import ClientClosedError, ConfigError
from etcd_factory.integrations.starlette import client_of, etcd_lifespan, factory_of
from tests.support.http import serving_asgi, texts_of_web_socket

CONFIG = {"clients": {"a": {"namespace": "a/"}, "b": {"namespace": "b/"}}, "default_client_name": "b"}


async def namespace(request):
    return PlainTextResponse(client_of(request, request.query_params.get("name")).options.namespace)


ROUTES = [Route("/", namespace)]


async def test_a_handler_gets_the_client_of_a_name_or_the_default_one():
    async with serving_asgi(Starlette(routes=ROUTES, lifespan=etcd_lifespan(CONFIG))) as browser:
        assert (await browser.get("/?name=a")).text == "a/"
        assert (await browser.get("/")).text == "b/"


async def test_a_mounted_application_has_the_factory_too():
    routes = [Mount("/m", Starlette(routes=ROUTES))]
    async with serving_asgi(Starlette(routes=routes, lifespan=etcd_lifespan(CONFIG))) as browser:
        assert (await browser.get("/m/?name=a")).text == "a/"


async def test_a_web_socket_gets_a_client():
    async def connected(socket):
        await socket.accept()
        await socket.send_text(client_of(socket, "a").options.namespace)

    app = Starlette(routes=[WebSocketRoute("/", connected)], lifespan=etcd_lifespan(CONFIG))
    assert await texts_of_web_socket(app, "/") == ["a/"]


async def test_the_factory_is_open_as_long_as_the_application_runs():
    app = Starlette()
    async with etcd_lifespan(CONFIG)(app):
        factory = app.state.etcd
        assert factory.get("a").options.namespace == "a/"
    with pytest.raises(ClientClosedError):
        factory.get("a")


async def test_another_lifespan_runs_while_the_factory_is_open():
    seen = []

    @asynccontextmanager
    async def inner(app):
        seen.append(app.state.etcd.get("a").options.namespace)
        yield {"own": "state"}
        seen.append(app.state.etcd.get("b").options.namespace)

    async def own(request):
        return PlainTextResponse(f"{request.state.own} {request.state.etcd.names}")

    app = Starlette(routes=[Route("/", own)], lifespan=etcd_lifespan(CONFIG, inner))
    async with serving_asgi(app) as browser:
        assert (await browser.get("/")).text == "state ('a', 'b')"
    assert seen == ["a/", "b/"]


def connection_to(app, **scope):
    return HTTPConnection({"type": "http", "app": app, **scope})


async def test_the_factory_is_found_in_the_application_if_the_server_gives_no_state():
    app = Starlette()
    async with etcd_lifespan(CONFIG)(app):
        assert factory_of(connection_to(app)) is app.state.etcd
        assert factory_of(connection_to(app, state={})) is app.state.etcd


def test_without_the_lifespan_the_error_says_what_to_do():
    with pytest.raises(RuntimeError, match="pass lifespan=etcd_lifespan"):
        factory_of(connection_to(Starlette()))


async def test_an_invalid_configuration_is_reported_as_the_application_starts():
    with pytest.raises(ConfigError, match="did you mean 'clients'"):
        async with etcd_lifespan({"clinets": {}})(Starlette()):
            raise AssertionError("it starts")
