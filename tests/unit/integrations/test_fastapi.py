"""Clients in FastAPI, without etcd: no client does I/O before its first call."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, WebSocket

from etcd_factory import AsyncETCDService
from etcd_factory.integrations import fastapi, starlette
from etcd_factory.integrations.fastapi import FromEtcd, etcd_lifespan
from tests.support.http import serving_asgi, texts_of_web_socket

CONFIG = {"clients": {"a": {"namespace": "a/"}, "b": {"namespace": "b/"}}, "default_client_name": "b"}
A = Annotated[AsyncETCDService, FromEtcd("a")]
Default = Annotated[AsyncETCDService, FromEtcd()]

router = APIRouter()


@router.get("/both")
async def both(a: A, default: Default) -> list[str]:
    return [str(a.options.namespace), str(default.options.namespace)]


@router.get("/thread")
def in_a_thread(a: A) -> str:
    return str(a.options.namespace)


@router.websocket("/socket")
async def connected(socket: WebSocket, a: A) -> None:
    await socket.accept()
    await socket.send_text(str(a.options.namespace))


@pytest.fixture
def app():
    app = FastAPI(lifespan=etcd_lifespan(CONFIG))
    app.include_router(router)
    return app


async def test_a_parameter_gets_the_client_of_its_annotation(app):
    async with serving_asgi(app) as browser:
        assert (await browser.get("/both")).json() == ["a/", "b/"]


async def test_so_does_a_function_that_runs_in_a_thread(app):
    async with serving_asgi(app) as browser:
        assert (await browser.get("/thread")).json() == "a/"


async def test_a_web_socket_gets_a_client(app):
    assert await texts_of_web_socket(app, "/socket") == ["a/"]


def test_the_schema_shows_no_parameter_for_a_client(app):
    assert "parameters" not in app.openapi()["paths"]["/both"]["get"]


@pytest.mark.parametrize("name", ["client_of", "etcd_lifespan", "factory_of", "ready"])
def test_it_has_what_starlette_has(name):
    assert getattr(fastapi, name) is getattr(starlette, name)
