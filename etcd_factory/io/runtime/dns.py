"""Hosts from DNS: the SRV records that etcd's own clients look up (``--discovery-srv``)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from etcd_factory.errors import ConfigError, ConnectionFailedError

Address = tuple[str, int]


def record(domain: str, *, secure: bool) -> str:
    """The name of the record for a domain; one that is given whole begins with an underscore."""
    return domain if domain.startswith("_") else f"_etcd-client{'-ssl' if secure else ''}._tcp.{domain}"


@contextmanager
def asking(name: str) -> Generator[Callable[[Any], list[Address]], None, None]:
    """A reader of the answer; what goes wrong becomes an error of ours."""
    try:
        from dns.exception import DNSException
    except ImportError:
        text = "srv:// hosts need dnspython, which is not installed: pip install 'etcd-factory[dns]'"
        raise ConfigError(text) from None
    try:
        yield addresses
    except DNSException as error:
        failed = ConnectionFailedError(f"the SRV record {name} could not be looked up: {error}")
        failed.sent = False
        raise failed from error


def addresses(answer: Any) -> list[Address]:
    """Names and ports in the order in which they are to be tried (RFC 2782)."""
    return [(str(one.target).rstrip("."), one.port) for one in answer.rrset.processing_order()]


def lookup(name: str, timeout: float) -> list[Address]:
    """The addresses of a record."""
    with asking(name) as read:
        from dns import resolver

        return read(resolver.resolve(name, "SRV", lifetime=timeout))


async def lookup_async(name: str, timeout: float) -> list[Address]:
    """The same, without blocking."""
    with asking(name) as read:
        from dns import asyncresolver

        return read(await asyncresolver.resolve(name, "SRV", lifetime=timeout))
