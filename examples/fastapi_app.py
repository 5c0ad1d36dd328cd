"""etcd in FastAPI: the factory lives as long as the application, and each request gets the client that it needs.

Run it with ``uvicorn fastapi_app:app``; it reads the directory ``config``. Run as a program it starts its own etcd and
makes some requests. Needs pip install 'etcd-factory[server]' fastapi httpx uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory
from etcd_factory.testing import EtcdServer


def client(name: str | None = None) -> Callable[[Request], AsyncETCDService]:
    """Return a dependency: the client of that name."""

    def get(request: Request) -> AsyncETCDService:
        factory: AsyncETCDServiceFactory = request.app.state.etcd
        return factory.get(name)

    return get


Users = Annotated[AsyncETCDService, Depends(client("users"))]
Flags = Annotated[AsyncETCDService, Depends(client("flags"))]


def create_app(config: Mapping[str, Any] | None = None) -> FastAPI:
    """Return the application, on a configuration or on the directory ``config``."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        factory = AsyncETCDServiceFactory.from_config() if config is None else AsyncETCDServiceFactory(config)
        async with factory as app.state.etcd:
            yield

    app = FastAPI(lifespan=lifespan)
    app.get("/users/{name}")(user)
    app.put("/users/{name}")(save_user)
    app.get("/healthy")(healthy)
    return app


async def user(name: str, users: Users) -> str:
    """Return the mail address of a user."""
    found = await users.get(name).string()
    if found is None:
        raise HTTPException(404, f"no user {name!r}")
    return found


async def save_user(name: str, mail: str, users: Users, flags: Flags) -> None:
    """Save the mail address of a user, unless writing is switched off."""
    if await flags.get("read_only").exists():
        raise HTTPException(503, "read only")
    await users.put(name).value(mail)


async def healthy(request: Request) -> bool:
    """Return whether etcd is healthy."""
    factory: AsyncETCDServiceFactory = request.app.state.etcd
    return (await factory.health()).healthy()


app = create_app()


@asynccontextmanager
async def http_client(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Start the application and yield an HTTP client of it, without a port between them."""
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://app") as one:
        yield one


async def demo(host: str) -> None:
    """Make some requests."""
    clients = {name: {"namespace": f"{name}/"} for name in ("users", "flags")}
    async with http_client(create_app({"default": {"hosts": host}, "clients": clients})) as browser:
        for method, path in (
            ("GET", "/users/ann"),
            ("PUT", "/users/ann?mail=ann@example.org"),
            ("GET", "/users/ann"),
            ("GET", "/healthy"),
        ):
            answer = await browser.request(method, path)
            print(f"{method} {path:<32} {answer.status_code} {answer.text}")


def main() -> None:
    """Start etcd, make some requests, stop etcd."""
    with EtcdServer() as server:
        asyncio.run(demo(server.endpoint))


if __name__ == "__main__":
    main()
