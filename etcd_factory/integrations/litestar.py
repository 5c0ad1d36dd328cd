"""Clients in Litestar: ``Litestar(plugins=[EtcdPlugin(config)])``; the dependency ``etcd`` is the default client.

The factory is opened as the application starts, and closed as it ends. ``dependencies={"users": FromEtcd("users")}``
of an application, a router, a controller or a handler gives a named client to a parameter ``users``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from etcd_factory.factory import AsyncETCDServiceFactory
from etcd_factory.factory.shared import AsyncGiven, readiness, running
from etcd_factory.options.secret import masked_options
from etcd_factory.service import AsyncETCDService

try:
    from litestar import Litestar, Request, Response, get
    from litestar.config.app import AppConfig
    from litestar.datastructures import State
    from litestar.di import Provide
    from litestar.plugins import InitPlugin
except ImportError as error:
    message = "etcd_factory.integrations.litestar needs Litestar: pip install 'etcd-factory[litestar]'"
    raise ImportError(message) from error


class EtcdPlugin(InitPlugin):
    """Opens a factory as the application starts, ``app.state.etcd``, and closes it as it ends.

    ``config`` is a directory or file to load, by default ``config``, or the configuration itself, or a factory, which
    is not closed.
    """

    __slots__ = ("config",)

    def __init__(self, config: AsyncGiven = None) -> None:
        config = self.config = masked_options(config)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the lifespan, and the dependency ``etcd``."""
        made: Any = app_config  # whose types are not complete
        made.lifespan.append(self.lifespan)
        app_config.dependencies.setdefault("etcd", FromEtcd())
        return app_config

    @asynccontextmanager
    async def lifespan(self, app: Litestar) -> AsyncGenerator[None, None]:
        """Keep the factory open."""
        async with running(self.config) as app.state.etcd:
            yield


def FromEtcd(name: str | None = None) -> Provide:  # noqa: N802  # as Litestar's own Provide
    """Return a dependency: the client of that name, or the default one."""

    def provided(state: State) -> AsyncETCDService:
        return factory_of(state).get(name)

    return Provide(provided, sync_to_thread=False)


def factory_of(state: State) -> AsyncETCDServiceFactory:
    """Return the factory in an application's state. Raises ``RuntimeError`` if there is none."""
    found: AsyncETCDServiceFactory | None = state.get("etcd")
    if found is None:
        raise RuntimeError("etcd is not open: pass plugins=[EtcdPlugin()] to the application")
    return found


@get("/ready")
async def ready(request: Request[Any, Any, State]) -> Response[dict[str, Any]]:
    """Answer whether the application is ready, a route handler for ``/ready``: 503 if a client is not healthy.

    Clients of low priority do not count. Each is asked within a second.
    """
    status, body = readiness(await factory_of(request.app.state).health())
    return Response(body, status_code=status)
