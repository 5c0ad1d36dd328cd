"""etcd in aiohttp's server: the factory lives as long as the application, handlers take the client that they need.

Run it with ``python -m aiohttp.web aiohttp_app:create_app``; it reads the directory ``config``. Run as a program it
starts its own etcd and makes some requests. Needs pip install 'etcd-factory[server,aiohttp]'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import ClientSession, web

from etcd_factory.integrations.aiohttp import client_of, ready, setup_etcd
from etcd_factory.testing import EtcdServer


def create_app(argv: Sequence[str] = (), config: Mapping[str, Any] | None = None) -> web.Application:
    """Return the application, on a configuration or on the directory ``config``."""
    del argv
    app = web.Application()
    setup_etcd(app, config)
    app.add_routes([web.get("/users/{name}", user), web.put("/users/{name}", save_user), web.get("/ready", ready)])
    return app


async def user(request: web.Request) -> web.Response:
    """Return the mail address of a user."""
    name = request.match_info["name"]
    found = await client_of(request, "users").get(name).string()
    if found is None:
        raise web.HTTPNotFound(text=f"no user {name!r}")
    return web.json_response(found)


async def save_user(request: web.Request) -> web.Response:
    """Save the mail address of a user, unless writing is switched off."""
    if await client_of(request, "flags").get("read_only").exists():
        raise web.HTTPServiceUnavailable(text="read only")
    mail = request.query["mail"]
    await client_of(request, "users").put(request.match_info["name"]).value(mail)
    return web.json_response(mail)


async def demo(host: str) -> None:
    """Serve on a free port, and make some requests."""
    clients = {name: {"namespace": f"{name}/"} for name in ("users", "flags")}
    runner = web.AppRunner(create_app(config={"default": {"hosts": host}, "clients": clients}))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, port = runner.addresses[0]
    async with ClientSession(f"http://127.0.0.1:{port}") as browser:
        for method, path in (
            ("GET", "/users/ann"),
            ("PUT", "/users/ann?mail=ann@example.org"),
            ("GET", "/users/ann"),
            ("GET", "/ready"),
        ):
            async with browser.request(method, path) as answer:
                print(f"{method} {path:<32} {answer.status} {(await answer.text())[:32]}")
    await runner.cleanup()


def main() -> None:
    """Start etcd, make some requests, stop etcd."""
    with EtcdServer() as server:
        asyncio.run(demo(server.endpoint))


if __name__ == "__main__":
    main()
