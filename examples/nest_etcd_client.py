"""A Nest application with an etcd client as a provider, and a controller that puts, gets and deletes over HTTP.

Starts an etcd and a web server, sends requests with httpx, and prints the responses.
Requires pip install 'etcd-factory[nest,server]' fastapi httpx uvicorn.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI

from etcd_factory import AsyncETCDService, Auth, ETCDService
from etcd_factory.nest import AsyncApplication, Inject, Provider, module
from etcd_factory.testing import EtcdServer

PASSWORD = "guang"
AUTH = Auth(username="root", password=PASSWORD)


class AppController:
    """Uses the client directly."""

    def __init__(self, etcd: Annotated[AsyncETCDService, Inject("ETCD_CLIENT")]) -> None:
        self.etcd = etcd
        self.router = APIRouter()
        for handler in (self.put, self.get, self.delete):
            self.router.add_api_route(f"/{handler.__name__[:3]}", handler)

    async def put(self, value: str) -> str:
        """Handle ``/put?value=1``."""
        await self.etcd.put("aaa").value(value)
        return "done"

    async def get(self) -> str | None:
        """Handle ``/get``."""
        return await self.etcd.get("aaa").string()

    async def delete(self) -> str:
        """Handle ``/del``."""
        await self.etcd.delete().key("aaa")
        return "done"


def app_module(host: str) -> type[Any]:
    """Return the root module of an application with a client of this host."""

    async def client() -> AsyncIterator[AsyncETCDService]:
        async with AsyncETCDService({"hosts": f"http://{host}", "auth": AUTH}) as etcd:
            yield etcd

    @module(providers=[AppController, Provider("ETCD_CLIENT", use_factory=client)])
    class AppModule:
        """Provides the client and the controller."""

    return AppModule


def web(root: type[Any], controller: type[Any]) -> FastAPI:
    """Return a web application that starts and stops the modules with itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with AsyncApplication(root) as nest:
            app.include_router(nest.get(controller).router)
            yield

    return FastAPI(lifespan=lifespan)


@contextmanager
def served(app: FastAPI) -> Generator[httpx.Client, None, None]:
    """Serve the web application on a free port; yields an HTTP client of it."""
    listener = socket.create_server(("127.0.0.1", 0))  # accepts connections before the server has started
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as browser:
            yield browser
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def protect(host: str) -> None:
    """Enable authentication in the etcd."""
    with ETCDService({"hosts": host}) as etcd:
        etcd.role("root").create()
        etcd.user("root").create(PASSWORD)
        etcd.user("root").add_role("root")
        etcd.auth.enable()


def request(browser: httpx.Client, *paths: str) -> None:
    """Request the paths and print the responses."""
    for path in paths:
        print(f"  {path:<20} {browser.get(path).raise_for_status().text}")


def main() -> None:
    """Serve the application, and send requests."""
    with EtcdServer() as server:
        protect(server.endpoint)
        with served(web(app_module(server.endpoint), AppController)) as browser:
            request(browser, "/put?value=111", "/get", "/del", "/get")


if __name__ == "__main__":
    main()
