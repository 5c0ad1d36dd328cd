"""Clients in aiohttp's server, without etcd: no client does I/O before its first call."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from etcd_factory.errors import ClientClosedError
from etcd_factory.integrations.aiohttp import FACTORY, client_of, setup_etcd

CONFIG = {"clients": {"a": {"namespace": "a/"}, "b": {"namespace": "b/"}}, "default_client_name": "b"}


async def namespace(request):
    return web.Response(text=client_of(request, request.query.get("name")).options.namespace)


@pytest.fixture
def app():
    app = web.Application()
    app.router.add_get("/", namespace)
    return app


async def ask(app, path):
    async with TestClient(TestServer(app)) as browser, browser.get(path) as answer:
        return answer.status, await answer.text()


async def test_a_handler_gets_the_client_of_a_name_or_the_default_one(app):
    setup_etcd(app, CONFIG)
    assert await ask(app, "/?name=a") == (200, "a/")


async def test_a_handler_gets_the_default_client(app):
    setup_etcd(app, CONFIG)
    assert await ask(app, "/") == (200, "b/")


async def test_a_part_of_an_application_has_its_factory(app):
    whole = web.Application()
    setup_etcd(whole, CONFIG)
    whole.add_subapp("/part", app)
    assert await ask(whole, "/part/?name=a") == (200, "a/")


async def test_the_factory_is_open_as_long_as_the_application_runs(app):
    setup_etcd(app, CONFIG)
    async with TestServer(app):
        factory = app[FACTORY]
        factory.get("a")
    with pytest.raises(ClientClosedError):
        factory.get("a")


async def test_without_a_factory_the_error_says_what_to_do(app):
    seen = []

    @web.middleware
    async def noting(request, handler):
        try:
            return await handler(request)
        except RuntimeError as error:
            seen.append(str(error))
            raise web.HTTPInternalServerError from error

    app.middlewares.append(noting)
    assert (await ask(app, "/"))[0] == 500
    assert seen == ["this application has no etcd: call setup_etcd(app)"]
