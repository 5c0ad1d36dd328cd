"""Requests that are no operations on keys: what was asked stands in their errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from etcd_factory.errors import ConfigError, EtcdError
from etcd_factory.options.hosts import host
from etcd_factory.wire.methods import Method

from .view import View


@contextmanager
def labelled(label: str) -> Generator[None, None, None]:
    """Give the errors of what is done here ``label`` as their ``operation``."""
    try:
        yield
    except EtcdError as error:
        error.operation = error.operation or label
        raise


async def ask(view: View, label: str, method: Method, /, **fields: Any) -> Any:
    """The answer to a request with these fields."""
    with labelled(label):
        return await view.client.call(method, method.types[0](**fields), view.timeout)


async def visit(view: View, label: str, method: Method, endpoint: str | None, /, **fields: Any) -> tuple[Any, str]:
    """The answer of that host, or of any if it is None, and the endpoint of the one that gave it."""
    with labelled(label):
        chosen = await host_of(view, endpoint)
        reply, url = await view.client.visit(method, method.types[0](**fields), view.timeout, chosen)
    return reply, bare(url)


async def host_of(view: View, endpoint: str | None) -> str:
    """The URL of the client's host that is meant, ``""`` for None; ``ValueError`` if it has no such host."""
    if endpoint is None:
        return ""
    await view.client.locate(view.timeout)
    names = {name: url for url in view.client.hosts.urls for name in (bare(url), url)}
    written = spelled(endpoint)
    if written not in names:
        raise ValueError(f"{endpoint!r} is none of this client's hosts: {', '.join(view.client.hosts.urls)}")
    return names[written]


def spelled(endpoint: str) -> str:
    """An endpoint as hosts are kept, without a scheme if it is written without one."""
    try:
        return host(endpoint) if "://" in endpoint else bare(host(endpoint))
    except ConfigError:
        return endpoint  # a socket's path, which errors and statuses name so


def bare(url: str) -> str:
    """A host's URL without its scheme."""
    return url.partition("://")[2]


def text(value: Any, what: str) -> str:
    """A name; ``TypeError`` or ``ValueError`` for what is none. What was given is not shown: it may be a password."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{what} is not empty")
    return value
