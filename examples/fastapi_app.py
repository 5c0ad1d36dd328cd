"""etcd in FastAPI: the factory lives as long as the application, and each request gets the client that it needs.

Run it with ``uvicorn --factory fastapi_app:create_app``; it reads the directory ``config``. Run as a program it starts
its own etcd and makes some requests. Needs pip install 'etcd-factory[server,fastapi]' httpx uvicorn.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException

from etcd_factory import AsyncETCDService
from etcd_factory.integrations.fastapi import FromEtcd, etcd_lifespan, ready
from etcd_factory.testing import EtcdServer

Users = Annotated[AsyncETCDService, FromEtcd("users")]
Flags = Annotated[AsyncETCDService, FromEtcd("flags")]


def create_app(config: Mapping[str, Any] | None = None) -> FastAPI:
    """Return the application, on a configuration or on the directory ``config``."""
    app = FastAPI(lifespan=etcd_lifespan(config))
    app.get("/users/{name}")(user)
    app.put("/users/{name}")(save_user)
    app.get("/ready")(ready)
    return app


async def user(name: str, users: Users) -> str:
    """Return the mail address of a user."""
    found = await users.get(name).string()
    if found is None:
        raise HTTPException(404, f"no user {name!r}")
    return found


async def save_user(name: str, mail: str, users: Users, flags: Flags) -> str:
    """Save the mail address of a user, unless writing is switched off."""
    if await flags.get("read_only").exists():
        raise HTTPException(503, "read only")
    await users.put(name).value(mail)
    return mail


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
