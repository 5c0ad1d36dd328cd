"""Serving the console until Ctrl-C."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Collection
from ipaddress import ip_address

import uvicorn
from attrs import frozen

from .app import application
from .guard import LOOPBACK, Guard
from .scene import Scene


@frozen
class Address:
    """Where the console is served, and the token with which."""

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        """The address to open. The token is in its fragment, which browsers keep to themselves."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/#token={self.token}"


class Server(uvicorn.Server):
    """A server that ends its streams of changes at its end, instead of waiting for them."""

    def __init__(self, config: uvicorn.Config, scene: Scene) -> None:
        super().__init__(config)
        self._scene = scene

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the clients, which ends their watches, then wait for the answers."""
        await self._scene.factory.aclose()
        await super().shutdown(sockets)


async def serve(
    scene: Scene, host: str, port: int, names: Collection[str], started: Callable[[Address], object]
) -> None:
    """Serve the console; ``started`` gets its address. ``names`` are further ones that it is reached by."""
    with listening(host, port) as listener:
        address = Address(host, listener.getsockname()[1], secrets.token_urlsafe())
        app = Guard(application(scene), address.token, served(host, names), scene.is_writable)
        # its logs have no requests: their query has keys
        config = uvicorn.Config(
            app, access_log=False, log_config=None, lifespan="off", proxy_headers=False, server_header=False, ws="none"
        )
        started(address)
        await Server(config, scene).serve([listener])


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def served(host: str, names: Collection[str]) -> frozenset[str]:
    """Return the names that may stand in ``Host``: those of this machine for itself, the address, further ones."""
    return frozenset((*LOOPBACK, f"[{host}]" if ":" in host else host, *(name.lower() for name in names)))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
