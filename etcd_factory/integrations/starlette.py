"""Clients in Starlette: ``Starlette(lifespan=etcd_lifespan(config))``, then ``client_of(request, "instance1")``.

The factory is opened as the application starts, and closed as it ends. FastAPI is such an application too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from etcd_factory.factory.shared import AsyncGiven, readiness, running
from etcd_factory.options.secret import masked_options
from etcd_factory.service import AsyncETCDService

try:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import JSONResponse
except ImportError as error:
    message = "etcd_factory.integrations.starlette needs Starlette: pip install 'etcd-factory[starlette]'"
    raise ImportError(message) from error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from etcd_factory.factory import AsyncETCDServiceFactory

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]

NOT_OPEN = "etcd is not open: pass lifespan=etcd_lifespan(...) to the application, and use a server that runs lifespans"


def etcd_lifespan(config: AsyncGiven = None, inner: Lifespan | None = None) -> Lifespan:
    """Return a lifespan for an application, which opens a factory of asyncio and closes it.

    ``config`` is a directory or file to load, by default ``config``, or the configuration itself, or a factory, which
    is not closed. ``inner`` is another lifespan, which runs while the factory is open: ``app.state.etcd``.
    """

    config = masked_options(config)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[Mapping[str, Any], None]:
        async with AsyncExitStack() as stack:
            app.state.etcd = await stack.enter_async_context(running(config))
            state = await stack.enter_async_context(inner(app)) if inner else None
            yield {**(state or {}), "etcd": app.state.etcd}

    return lifespan


def factory_of(connection: HTTPConnection) -> AsyncETCDServiceFactory:
    """Return the factory of the application that handles a request or a web socket, also of one that is mounted.

    Raises ``RuntimeError`` if the application has not opened one.
    """
    state: Mapping[str, Any] = connection.scope.get("state", {})
    found: AsyncETCDServiceFactory | None = state.get("etcd") or getattr(connection.app.state, "etcd", None)
    if found is None:
        raise RuntimeError(NOT_OPEN)
    return found


def client_of(connection: HTTPConnection, name: str | None = None) -> AsyncETCDService:
    """Return the client of that name, or the default one; see ``AsyncETCDServiceFactory.get``."""
    return factory_of(connection).get(name)


async def ready(request: Request) -> JSONResponse:
    """Answer whether the application is ready, for ``Route("/ready", ready)``: 200, or 503 if a client is not healthy.

    Clients of low priority do not count. Each is asked within a second.
    """
    status, body = readiness(await factory_of(request).health())
    return JSONResponse(body, status)
