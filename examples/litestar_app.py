"""etcd in Litestar: the factory lives as long as the application, and handlers name the clients that they need.

Run it with ``litestar --app litestar_app:create_app run``; it reads the directory ``config``. Run as a program it
starts its own etcd and makes some requests. Needs pip install 'etcd-factory[server,litestar]' httpx uvicorn.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import httpx
import uvicorn
from litestar import Litestar, get, put
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery

from etcd_factory import AsyncETCDService
from etcd_factory.integrations.litestar import EtcdPlugin, FromEtcd, ready
from etcd_factory.testing import EtcdServer

Client = NamedDependency[AsyncETCDService]  # the name of the parameter is that of the dependency


@get("/users/{name:str}")
async def user(name: FromPath[str], users: Client) -> str:
    """Return the mail address of a user."""
    found = await users.get(name).string()
    if found is None:
        raise HTTPException(f"no user {name!r}", status_code=404)
    return found


@put("/users/{name:str}")
async def save_user(name: FromPath[str], mail: FromQuery[str], users: Client, flags: Client) -> str:
    """Save the mail address of a user, unless writing is switched off."""
    if await flags.get("read_only").exists():
        raise HTTPException("read only", status_code=503)
    await users.put(name).value(mail)
    return mail


def create_app(config: Mapping[str, Any] | None = None) -> Litestar:
    """Return the application, on a configuration or on the directory ``config``."""
    return Litestar(
        [user, save_user, ready],
        dependencies={"users": FromEtcd("users"), "flags": FromEtcd("flags")},
        plugins=[EtcdPlugin(config)],
        logging_config=None,
    )


async def demo(host: str) -> None:
    """Serve on a free port, and make some requests."""
    clients = {name: {"namespace": f"{name}/"} for name in ("users", "flags")}
    app = create_app({"default": {"hosts": host}, "clients": clients})
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as browser:
            for method, path in (
                ("GET", "/users/ann"),
                ("PUT", "/users/ann?mail=ann@example.org"),
                ("GET", "/users/ann"),
                ("GET", "/ready"),
            ):
                answer = await browser.request(method, path)
                print(f"{method} {path:<32} {answer.status_code} {answer.text[:32]}")
        server.should_exit = True
        await serving


def main() -> None:
    """Start etcd, make some requests, stop etcd."""
    with EtcdServer() as server:
        asyncio.run(demo(server.endpoint))


if __name__ == "__main__":
    main()
