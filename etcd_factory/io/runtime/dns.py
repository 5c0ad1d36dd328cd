"""Hosts from DNS: the SRV records that etcd's own clients look up (``--discovery-srv``)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from etcd_factory.errors import ConfigError, ConnectionFailedError

if TYPE_CHECKING:
    from dns.resolver import Answer

Address = tuple[str, int]


def record(domain: str, *, secure: bool) -> str:
    """Return the name of a domain's record; one that starts with an underscore is taken as it is."""
    return domain if domain.startswith("_") else f"_etcd-client{'-ssl' if secure else ''}._tcp.{domain}"


@contextmanager
def translated(name: str) -> Generator[None, None, None]:
    """Turn the errors of dnspython, and its absence, into ours."""
    try:
        from dns.exception import DNSException
    except ImportError:
        text = "srv:// hosts need dnspython, which is not installed: pip install 'etcd-factory[dns]'"
        raise ConfigError(text) from None
    try:
        yield
    except DNSException as error:
        failed = ConnectionFailedError(f"the SRV record {name} could not be looked up: {error}")
        failed.sent = False
        raise failed from error


def addresses(answer: Answer) -> list[Address]:
    """Return names and ports in the order in which they must be tried (RFC 2782)."""
    assert answer.rrset is not None
    found: Any = answer.rrset.processing_order()
    return [(str(one.target).rstrip("."), one.port) for one in found]


def lookup(name: str, timeout: float) -> list[Address]:
    """Return the addresses of a record."""
    with translated(name):
        from dns import resolver

        return addresses(resolver.resolve(name, "SRV", lifetime=timeout))


async def lookup_async(name: str, timeout: float) -> list[Address]:
    """The same, without blocking."""
    with translated(name):
        from dns import asyncresolver

        return addresses(await asyncresolver.resolve(name, "SRV", lifetime=timeout))
