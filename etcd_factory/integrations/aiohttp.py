"""Clients in aiohttp's server: ``setup_etcd(app, config)``, then ``client_of(request, "instance1")``.

The factory is opened as the application starts, and closed as it ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from etcd_factory.factory import AsyncETCDServiceFactory
from etcd_factory.factory.shared import AsyncGiven, readiness, running
from etcd_factory.options.secret import masked_options
from etcd_factory.service import AsyncETCDService

try:
    from aiohttp import web
except ImportError as error:
    raise ImportError("etcd_factory.integrations.aiohttp needs aiohttp: pip install 'etcd-factory[aiohttp]'") from error

FACTORY = web.AppKey("etcd", AsyncETCDServiceFactory)


def setup_etcd(app: web.Application, config: AsyncGiven = None) -> None:
    """Let an application open a factory as it starts, ``app[FACTORY]``, and close it as it ends.

    ``config`` is a directory or file to load, by default ``config``, or the configuration itself, or a factory, which
    is not closed.
    """

    config = masked_options(config)

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with running(config) as app[FACTORY]:
            yield

    app.cleanup_ctx.append(context)


def factory_of(request: web.Request) -> AsyncETCDServiceFactory:
    """Return the factory of the application that handles a request, or of one that it is a part of.

    Raises ``RuntimeError`` if it has none.
    """
    found = request.config_dict.get(FACTORY)
    if found is None:
        raise RuntimeError("this application has no etcd: call setup_etcd(app)")
    return found


def client_of(request: web.Request, name: str | None = None) -> AsyncETCDService:
    """Return the client of that name, or the default one; see ``AsyncETCDServiceFactory.get``."""
    return factory_of(request).get(name)


async def ready(request: web.Request) -> web.Response:
    """Answer whether the application is ready, for ``web.get("/ready", ready)``: 503 if a client is not healthy.

    Clients of low priority do not count. Each is asked within a second.
    """
    status, body = readiness(await factory_of(request).health())
    return web.json_response(body, status=status)
