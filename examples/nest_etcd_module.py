"""A Nest application with an etcd module: first written by hand, then ``AsyncEtcdModule`` by its two methods.

The controller is the same in all three. Requests and responses are printed.
Requires pip install 'etcd-factory[nest,server]' fastapi httpx uvicorn.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter
from nest_etcd_client import AUTH, protect, request, served, web

from etcd_factory import AsyncETCDService
from etcd_factory.nest import (
    ASYNC_ETCD_CLIENT,
    AsyncEtcdModule,
    AsyncEtcdService,
    ConfigModule,
    ConfigService,
    DynamicModule,
    Provider,
    module,
)
from etcd_factory.testing import EtcdServer


class AaaController:
    """Uses the service of any etcd module."""

    def __init__(self, etcd: AsyncEtcdService) -> None:
        self.etcd = etcd
        self.router = APIRouter(prefix="/aaa")
        self.router.add_api_route("/save", self.save)
        self.router.add_api_route("/get", self.get)

    async def save(self, value: str) -> str:
        """Handle ``/aaa/save?value=1``."""
        await self.etcd.save_config("aaa", value)
        return "done"

    async def get(self) -> str | None:
        """Handle ``/aaa/get``."""
        return await self.etcd.get_config("aaa")


def app_module(*imports: type[Any] | DynamicModule) -> type[Any]:
    """Return a root module with the controller and these imports."""

    @module(imports=imports, providers=[AaaController])
    class AppModule:
        """Sees the exports of its imports."""

    return AppModule


def static(host: str) -> type[Any]:
    """Return a module with fixed options."""

    async def client() -> AsyncIterator[AsyncETCDService]:
        async with AsyncETCDService({"hosts": f"http://{host}", "auth": AUTH}) as etcd:
            yield etcd

    @module(
        providers=[
            Provider(ASYNC_ETCD_CLIENT, use_factory=client),
            Provider(AsyncEtcdService, use_factory=AsyncEtcdService, inject=[ASYNC_ETCD_CLIENT]),
        ],
        exports=[AsyncEtcdService],
    )
    class StaticEtcdModule:
        """Exports the service; the client is private."""

    return StaticEtcdModule


async def options(config: ConfigService) -> dict[str, Any]:
    """Return the options of the client from the configuration."""
    auth = {"username": config["etcd_auth_username"], "password": config["etcd_auth_password"]}
    return {"hosts": config["etcd_hosts"], "auth": auth}


@contextmanager
def env_file(host: str) -> Generator[Path, None, None]:
    """Write a ``.env`` file; yields its path."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_text(f"etcd_hosts=http://{host}\netcd_auth_username=root\netcd_auth_password=guang\n")
        yield file


def show(title: str, root: type[Any], value: str) -> None:
    """Serve an application, and send requests to it."""
    print(title)
    with served(web(root, AaaController)) as browser:
        request(browser, "/aaa/get", f"/aaa/save?value={value}", "/aaa/get")


def main() -> None:
    """Show all three on one etcd."""
    with EtcdServer() as server, env_file(server.endpoint) as file:
        protect(server.endpoint)
        config = ConfigModule.for_root(is_global=True, env_file_path=file)
        by_value = AsyncEtcdModule.for_root({"hosts": f"http://{server.endpoint}", "auth": AUTH})
        by_factory = AsyncEtcdModule.for_root_async(use_factory=options, inject=[ConfigService])
        show("a static module", app_module(static(server.endpoint)), "1")
        show("for_root", app_module(by_value), "2")
        show("for_root_async, with options from a .env file", app_module(config, by_factory), "3")


if __name__ == "__main__":
    main()
