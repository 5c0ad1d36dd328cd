"""The same with a module that wraps etcd: first one written by hand, then ``AsyncEtcdModule`` in its two ways.

The controller never changes. What it is asked and what it answers is printed.
Needs pip install 'etcd-factory[nest,server]' fastapi httpx uvicorn.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter
from nest_etcd_client import AUTH, ask, protect, served, web

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
    """Answers requests with the service of an etcd module, whichever that is."""

    def __init__(self, etcd: AsyncEtcdService) -> None:
        self.etcd = etcd
        self.router = APIRouter(prefix="/aaa")
        self.router.add_api_route("/save", self.save)
        self.router.add_api_route("/get", self.get)

    async def save(self, value: str) -> str:
        """``/aaa/save?value=1``."""
        await self.etcd.save_config("aaa", value)
        return "done"

    async def get(self) -> str | None:
        """``/aaa/get``."""
        return await self.etcd.get_config("aaa")


def app_module(*imports: type[Any] | DynamicModule) -> type[Any]:
    """A root module with the controller, and what it imports."""

    @module(imports=imports, providers=[AaaController])
    class AppModule:
        """Sees what the imported modules export."""

    return AppModule


def static(host: str) -> type[Any]:
    """A module whose options are written into it."""

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
        """Keeps the client to itself, and exports the service."""

    return StaticEtcdModule


async def options(config: ConfigService) -> dict[str, Any]:
    """The options of the client, out of the configuration."""
    auth = {"username": config["etcd_auth_username"], "password": config["etcd_auth_password"]}
    return {"hosts": config["etcd_hosts"], "auth": auth}


@contextmanager
def env_file(host: str) -> Generator[Path, None, None]:
    """A ``.env`` file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_text(f"etcd_hosts=http://{host}\netcd_auth_username=root\netcd_auth_password=guang\n")
        yield file


def show(title: str, root: type[Any], value: str) -> None:
    """Serve an application, and ask it."""
    print(title)
    with served(web(root, AaaController)) as browser:
        ask(browser, "/aaa/get", f"/aaa/save?value={value}", "/aaa/get")


def main() -> None:
    """All three ways, on one etcd."""
    with EtcdServer() as server, env_file(server.endpoint) as file:
        protect(server.endpoint)
        config = ConfigModule.for_root(is_global=True, env_file_path=file)
        fixed = AsyncEtcdModule.for_root({"hosts": f"http://{server.endpoint}", "auth": AUTH})
        later = AsyncEtcdModule.for_root_async(use_factory=options, inject=[ConfigService])
        show("a static module", app_module(static(server.endpoint)), "1")
        show("for_root", app_module(fixed), "2")
        show("for_root_async, with options from a .env file", app_module(config, later), "3")


if __name__ == "__main__":
    main()
