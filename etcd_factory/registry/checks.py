"""How an instance is found healthy: by HTTP, by a TCP connection, or by a function of its owner."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from etcd_factory.core.face import Face
from etcd_factory.core.handlers import called, checked
from etcd_factory.core.ports import Runtime

from .instance import LONGEST, is_number, is_whole

TIMEOUT = 5.0  # seconds for one check

Function = Callable[[], object]
Probe = Callable[[Runtime], Coroutine[Any, Any, object]]

EXPECTED = "check must be http://host:port/path, https://..., tcp://host:port or a function"


class Unhealthy(Exception):  # noqa: N818  # never seen by users
    """The instance answered that it is not healthy."""


@frozen
class Check:
    """A probe, which raises if the instance is not healthy; how often, and how many failures in a row count."""

    probe: Probe
    interval: float
    failures: int

    @classmethod
    def of(cls, check: str | Function, interval: float, failures: int, face: Face) -> Check:
        """Return a check; ``TypeError`` or ``ValueError`` if an argument is invalid."""
        if not is_number(interval, LONGEST) or not interval:
            raise ValueError(f"interval must be a number of seconds above 0, not {interval!r}")
        if not is_whole(failures) or not failures:
            raise ValueError(f"failures must be a whole number, at least 1, not {failures!r}")
        probe = probe_of(check) if isinstance(check, str) else partial(ask, checked(check, face, "check"))
        return cls(probe, interval, failures)


class OneAtATime:
    """A function that fails while an earlier call of it hangs, so that no two wait for the same."""

    def __init__(self, body: Callable[[], Any]) -> None:
        self._body, self._free = body, threading.Lock()

    def __call__(self) -> Any:
        """Call it; ``TimeoutError`` if it hangs."""
        if not self._free.acquire(blocking=False):
            raise TimeoutError("the check before it has not ended yet")
        try:
            return self._body()
        finally:
            self._free.release()


async def ask(function: Function, runtime: Runtime) -> None:
    """Call a user's function, which raises or returns False if the instance is not healthy."""
    if await called(function, runtime.face) is False:
        raise Unhealthy("it returned False")


# --- over the network


def probe_of(text: str) -> Probe:
    """Return the probe of a URL; ``ValueError`` for one that cannot be used, which may hold a password."""
    try:
        url = urlsplit(text)
        scheme, port = SCHEMES.get(url.scheme), url.port
    except ValueError:
        raise ValueError(f"{EXPECTED}; its host or port is invalid") from None
    if "@" in url.netloc:
        raise ValueError(f"{EXPECTED}, without a user; pass a function that logs in")
    if scheme is None or not url.hostname or not (port or scheme.port):
        raise ValueError(f"{EXPECTED}, not {text.partition('?')[0]!r}")
    body = OneAtATime(partial(scheme.look, url, url.hostname, port or scheme.port))

    async def probe(runtime: Runtime) -> None:
        await runtime.aside(body)

    return probe


def get(kind: type[HTTPConnection], url: SplitResult, host: str, port: int) -> None:
    """Send a GET; raises unless the answer is 2xx. Redirections are not followed."""
    connection = kind(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", (url.path or "/") + ("?" + url.query if url.query else ""))
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Unhealthy(f"it answered {status}")


def connect(url: SplitResult, host: str, port: int) -> None:
    """Open a connection, and close it."""
    del url
    socket.create_connection((host, port), TIMEOUT).close()


@frozen
class Scheme:
    """What looks, and at which port by default."""

    look: Callable[[SplitResult, str, int], None]
    port: int  # 0: there is none


SCHEMES = {
    "http": Scheme(partial(get, HTTPConnection), 80),
    "https": Scheme(partial(get, HTTPSConnection), 443),
    "tcp": Scheme(connect, 0),
}
