"""etcd in Starlette: the factory lives as long as the application, and handlers take the client that they need.

Run it with ``uvicorn --factory starlette_app:create_app``; it reads the directory ``config``. Run as a program it
starts its own etcd and makes some requests. Needs pip install 'etcd-factory[server,starlette]' httpx uvicorn.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from etcd_factory.integrations.starlette import client_of, etcd_lifespan, ready
from etcd_factory.testing import EtcdServer


def create_app(config: Mapping[str, Any] | None = None) -> Starlette:
    """Return the application, on a configuration or on the directory ``config``."""
    routes = [
        Route("/users/{name}", user),
        Route("/users/{name}", save_user, methods=["PUT"]),
        Route("/ready", ready),
    ]
    return Starlette(routes=routes, lifespan=etcd_lifespan(config))


async def user(request: Request) -> JSONResponse:
    """Return the mail address of a user."""
    name = request.path_params["name"]
    found = await client_of(request, "users").get(name).string()
    if found is None:
        raise HTTPException(404, f"no user {name!r}")
    return JSONResponse(found)


async def save_user(request: Request) -> JSONResponse:
    """Save the mail address of a user, unless writing is switched off."""
    if await client_of(request, "flags").get("read_only").exists():
        raise HTTPException(503, "read only")
    mail = request.query_params["mail"]
    await client_of(request, "users").put(request.path_params["name"]).value(mail)
    return JSONResponse(mail)


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
