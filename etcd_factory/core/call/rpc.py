"""Calls that are no operations on keys; their errors carry what was asked as ``operation``."""

from __future__ import annotations

from types import TracebackType

from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ConfigError, EtcdError
from etcd_factory.options.hosts import host
from etcd_factory.wire.methods import Method

from .view import View

HAS_LEADER: Metadata = (("hasleader", "true"),)  # for streams: a member that loses its leader then ends the stream


class labelled:  # noqa: N801  # a generator would take twice as long, in each call
    """Set ``label`` as the ``operation`` of errors raised in the block."""

    __slots__ = ("_label",)

    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, EtcdError):
            error.operation = error.operation or self._label


async def call(view: View, label: str, method: Method[Q, R], /, **fields: object) -> R:
    """Return the response to a request with these fields."""
    with labelled(label):
        return await view.client.call(method, method.request(**fields), view.timeout)


async def call_endpoint(
    view: View, label: str, method: Method[Q, R], endpoint: str | None, /, **fields: object
) -> tuple[R, str]:
    """Return one host's response and its endpoint; with None as endpoint that of any host."""
    with labelled(label):
        chosen = await url_of(view, endpoint)
        reply, url = await view.client.call_endpoint(method, method.request(**fields), view.timeout, chosen)
    return reply, without_scheme(url)


async def url_of(view: View, endpoint: str | None) -> str:
    """Return the URL of the client's host at ``endpoint``, ``""`` for None; ``ValueError`` if it has no such host."""
    if endpoint is None:
        return ""
    await view.client.discover(view.timeout)
    urls = view.client.endpoints.urls
    known = {name: url for url in urls for name in (without_scheme(url), url)}
    written = normalized(endpoint)
    if written not in known:
        raise ValueError(f"unknown endpoint {endpoint!r}; this client's hosts are {', '.join(urls)}")
    return known[written]


def normalized(endpoint: str) -> str:
    """Return an endpoint as hosts are kept, without a scheme if it has none."""
    try:
        return host(endpoint) if "://" in endpoint else without_scheme(host(endpoint))
    except ConfigError:
        return endpoint  # the path of a socket, as errors and statuses name it


def without_scheme(url: str) -> str:
    """Return a host's URL without its scheme."""
    return url.partition("://")[2]
