"""Our own transport without the client on it, to be compared with the client."""

from __future__ import annotations

from typing import Any

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.coroutine import finish
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

METHODS = {method.path: method for method in vars(methods).values() if isinstance(method, Method)}


class Own:
    """A client's transport alone, as if it were a channel: calls without anything that a client does around them."""

    def __init__(self, etcd: ETCDService | AsyncETCDService) -> None:
        client = etcd._run.client
        self.transport, self.host = client.transport, client.options.hosts[0]
        self.end: Any = finish if isinstance(etcd, ETCDService) else lambda body: body

    def unary_unary(self, path: str, *_: object) -> Any:
        """Return the function that starts calls of a method."""
        method, unary, host, end = METHODS[path], self.transport.unary, self.host, self.end
        return lambda request, timeout: end(unary(host, method, request, timeout, ()))
