"""The application: the page, its files, and the routes that it asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etcd_factory.errors import ConfigError, EtcdFactoryError, InstanceNotFoundError

from . import events, holders, keys, overview, services
from .scene import Handler, Scene
from .values import Json

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/clients", overview.clients),
    ("GET", "/api/configuration", overview.configuration),
    ("GET", "/api/children", keys.children),
    ("GET", "/api/search", keys.search),
    ("GET", "/api/key", keys.read),
    ("GET", "/api/history", keys.history),
    ("PUT", "/api/key", keys.write),
    ("DELETE", "/api/key", keys.delete),
    ("GET", "/api/watch", events.watch),
    ("GET", "/api/services", services.services),
    ("GET", "/api/instances", services.instances),
    ("GET", "/api/pick", services.pick),
    ("GET", "/api/holders", holders.holders),
)

PAGE = "index.html"
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}

ERRORS = (EtcdFactoryError, ValueError, TypeError, RecursionError)  # others are defects; JSON may be nested too deeply
STATUSES: tuple[tuple[type[Exception], int], ...] = (  # the first that fits
    (InstanceNotFoundError, 404),
    (ConfigError, 500),
    (EtcdFactoryError, 502),
    (Exception, 400),
)


def application(scene: Scene) -> Starlette:
    """Return the application, which ``Guard`` is to be put before."""
    routes = [Route(path, endpoint(scene, handler), methods=[method]) for method, path, handler in ROUTES]
    # All of them in memory, by their names: no path of a request is looked for on the disk.
    for file in files("etcd_factory.console").joinpath("static").iterdir():
        path = "/" if file.name == PAGE else f"/{file.name}"
        routes.append(Route(path, static(file.read_bytes(), TYPES[file.name.rpartition(".")[2]])))
    return Starlette(routes=routes, exception_handlers=dict.fromkeys(ERRORS, failed))


def endpoint(scene: Scene, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler as Starlette calls it."""

    async def answer(request: Request) -> Response:
        return await handler(scene, request)

    return answer


def static(content: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file."""

    async def answer(request: Request) -> Response:
        del request
        return Response(content, media_type=kind)

    return answer


async def failed(request: Request, error: Exception) -> Response:
    """Answer an error in its own words."""
    del request
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return Json({"error": str(error), "kind": type(error).__name__}, status)
