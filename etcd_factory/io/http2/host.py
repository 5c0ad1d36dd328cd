"""What a transport must know of one host to open connections to it."""

from __future__ import annotations

from collections.abc import Hashable
from urllib.parse import unquote, urlsplit

from attrs import frozen

from etcd_factory.options import TLS, ClientOptions, Keepalive

from .calls import Blocks

PORT = 2379
SHORTEST = 0.1  # seconds to connect in: less than that would never do
USER_AGENT = "etcd-factory"


@frozen
class Host:
    """One host: a network address, or the path of a unix socket; ``proxy`` is an address to tunnel through."""

    url: str
    endpoint: str  # as errors show it
    name: str
    port: int
    path: str
    is_secure: bool
    tls: TLS | None
    proxy: str | None
    keepalive: Keepalive
    dial_timeout: float

    @property
    def authority(self) -> str:
        """What the host is called in requests."""
        return (self.tls and self.tls.server_name) or (address(self.endpoint) if self.name else "localhost")

    @property
    def server_name(self) -> str:
        """The name that the server's certificate must have."""
        return (self.tls and self.tls.server_name) or self.name


def address(endpoint: str) -> str:
    """Return an address in ASCII: names of other letters as DNS has them (RFC 3490)."""
    if endpoint.isascii():
        return endpoint
    name, _, port = endpoint.rpartition(":")
    return f"{name.encode('idna').decode()}:{port}"


def host(url: str, options: ClientOptions) -> Host:
    """Return a host from its URL."""
    scheme, _, endpoint = url.partition("://")
    parts = urlsplit(url)
    path = unquote(endpoint) if scheme == "unix" else ""
    return Host(
        url=url,
        endpoint=endpoint,
        name="" if path else parts.hostname or "",
        port=0 if path else parts.port or PORT,
        path=path,
        is_secure=options.secure,
        tls=options.tls,
        proxy=options.proxy,
        keepalive=options.keepalive,
        dial_timeout=max(options.dial_timeout, SHORTEST),
    )


def blocks(host: Host) -> Blocks:
    """Return the headers of calls to a host."""
    return Blocks("https" if host.is_secure else "http", host.authority, USER_AGENT)


def sharing(options: ClientOptions) -> Hashable | None:
    """Return what two clients must have in common to share connections, None if they must not."""
    if not options.share:
        return None
    return options.hosts, options.tls, options.auth, options.keepalive, options.dial_timeout, options.proxy
