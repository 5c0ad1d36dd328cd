"""What the routes work with."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import field, frozen
from starlette.requests import Request
from starlette.responses import Response

from etcd_factory.config import Explanation
from etcd_factory.factory import AsyncETCDServiceFactory
from etcd_factory.options.kinds import is_mapping
from etcd_factory.service import AsyncETCDService

from .pool import Pool
from .values import decoded

BODY = 8 * 1024 * 1024  # bytes; etcd itself takes 1.5 MB unless it is told otherwise


@frozen(eq=False)
class Scene:
    """The factory, how its configuration is explained, whether keys may be changed, and the views of services."""

    factory: AsyncETCDServiceFactory
    explain: Callable[[], Explanation]
    is_writable: bool = False
    first: str | None = None  # the client that is shown first
    views: Pool = field(factory=Pool)

    def client(self, request: Request) -> AsyncETCDService:
        """Return the client that a request names, or the default one."""
        return self.factory.get(request.query_params.get("client"))


Handler = Callable[[Scene, Request], Awaitable[Response]]


def key_of(request: Request, name: str = "key") -> bytes:
    """Return the key in the query, empty if there is none; ``ValueError`` if it is not base64."""
    return decoded(request.query_params.get(name, ""))


def number_of(request: Request, name: str) -> int:
    """Return a number in the query, 0 if there is none."""
    given = request.query_params.get(name, "0")
    if not given.isdecimal():
        raise ValueError(f"{name}: expected a whole number, got {given!r}")
    return int(given)


async def body_of(request: Request) -> Mapping[str, Any]:
    """Return the JSON object in the body; ``ValueError`` if there is none, or it is too large to be a value of etcd."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > BODY:
            raise ValueError(f"the body is larger than {BODY} bytes")
    given: object = json.loads(found)
    if not is_mapping(given):
        raise ValueError("the body must be a JSON object")
    return given
