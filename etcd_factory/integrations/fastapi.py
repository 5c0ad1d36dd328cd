"""Clients in FastAPI: ``FastAPI(lifespan=etcd_lifespan(config))``, ``Annotated[AsyncETCDService, FromEtcd("users")]``.

The factory is opened as the application starts, and closed as it ends.
"""

from __future__ import annotations

from typing import Any

from etcd_factory.service import AsyncETCDService

try:
    from fastapi import Depends
    from fastapi.requests import HTTPConnection
except ImportError as error:
    raise ImportError("etcd_factory.integrations.fastapi needs FastAPI: pip install 'etcd-factory[fastapi]'") from error

from .starlette import client_of, etcd_lifespan, factory_of, ready

__all__ = ["FromEtcd", "client_of", "etcd_lifespan", "factory_of", "ready"]


def FromEtcd(name: str | None = None) -> Any:  # noqa: N802  # as FastAPI's own Depends
    """Return a dependency, for ``Annotated``: the client of that name, or the default one."""

    def get(connection: HTTPConnection) -> AsyncETCDService:
        return client_of(connection, name)

    return Depends(get)
