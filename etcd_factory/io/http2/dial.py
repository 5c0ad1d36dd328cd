"""Opening sockets without asyncio: all addresses of a name, IPv6 and IPv4 side by side (RFC 8305), and proxies."""

from __future__ import annotations

import os
import selectors
import socket
from base64 import b64encode
from collections import deque
from ipaddress import ip_address
from itertools import chain, zip_longest
from time import monotonic
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from etcd_factory.coroutine import finish
from etcd_factory.options import Keepalive

from .host import Host

STAGGER = 0.25  # seconds before the next address of a name is tried beside those before it
LONGEST = 3600.0  # seconds that a wait may take at once
LONGEST_PROBE = 32_767  # seconds, of Linux
LARGEST_RESPONSE = 1 << 16  # bytes of a proxy's
CHUNK = 1 << 12  # bytes of it that are looked at at once
SHOWN = 128  # bytes of it in an error
END = b"\r\n\r\n"  # of its headers
ADVICE = "check the option proxy"

Address: TypeAlias = "tuple[int, Any]"  # a family, and an address of it


def connect(host: Host, deadline: float) -> socket.socket:
    """Return a connected socket, through the proxy if there is one. Raises ``OSError``."""
    if host.path:
        return Race([(int(socket.AF_UNIX), host.path)], deadline).run()
    if host.proxy is None:
        return Race(addresses(host.name, host.port, deadline), deadline).run()
    proxy = urlsplit(host.proxy)
    sock = reach(proxy.hostname or "", proxy.port or 80, deadline)
    try:
        tunnel(sock, host.endpoint, credentials(proxy.username, proxy.password), deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def reach(name: str, port: int, deadline: float) -> socket.socket:
    """Return a socket that is connected to a proxy. Raises ``OSError`` that says that it is the proxy."""
    try:
        return Race(addresses(name, port, deadline), deadline).run()
    except OSError as error:
        kind = TimeoutError if isinstance(error, TimeoutError) else OSError
        raise kind(f"the proxy {name}:{port} cannot be reached: {error}; {ADVICE}") from error


def addresses(name: str, port: int, deadline: float) -> list[Address]:
    """Return the addresses of a name, the families in turn."""
    from etcd_factory.io.runtime.threads import Call  # asyncio's connections are opened without it

    lookup = Call(lambda: socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    if is_literal(name):
        lookup.run()
    else:  # the system's resolver has no timeout of its own
        lookup.start("etcd_factory resolver")
    if not finish(lookup.over.wait(remaining(deadline))):
        raise TimeoutError("the name could not be resolved in time")
    found = lookup.result()
    families: dict[int, list[Address]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, []).append((int(family), address))
    return [one for one in chain(*zip_longest(*families.values())) if one is not None]


def remaining(deadline: float) -> float:
    """Return the seconds to wait at most."""
    return min(max(0.0, deadline - monotonic()), LONGEST)


def is_literal(name: str) -> bool:
    """Whether a name is an address, which needs no DNS."""
    try:
        return bool(ip_address(name.partition("%")[0]))
    except ValueError:
        return False


class Race:
    """Attempts to connect to several addresses, each begun a little after the one before it; the first one wins."""

    def __init__(self, found: list[Address], deadline: float) -> None:
        self._rest, self._deadline = deque(found), deadline
        self._error: OSError = OSError("the name has no address")

    def run(self) -> socket.socket:
        """Return the connected socket; the others are closed."""
        with selectors.DefaultSelector() as selector:
            try:
                return self._run(selector)
            finally:
                for key in selector.get_map().values():
                    key.data.close()

    def _run(self, selector: selectors.BaseSelector) -> socket.socket:
        while self._rest or selector.get_map():
            if self._rest:
                self._begin(self._rest.popleft(), selector)
            left = remaining(self._deadline)
            if left == 0:
                raise TimeoutError("the connection could not be established in time")
            for key, _ in selector.select(min(left, STAGGER) if self._rest else left):
                if self._succeeded(key.data, selector):
                    return key.data  # type: ignore[no-any-return]
        raise self._error

    def _begin(self, address: Address, selector: selectors.BaseSelector) -> None:
        family, where = address
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            sock.connect(where)
        except BlockingIOError:
            pass
        except OSError as error:
            sock.close()
            self._error = error
            return
        selector.register(sock, selectors.EVENT_WRITE, sock)

    def _succeeded(self, sock: socket.socket, selector: selectors.BaseSelector) -> bool:
        selector.unregister(sock)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            return True
        sock.close()
        self._error = OSError(code, os.strerror(code))
        return False


def tune(sock: socket.socket, keepalive: Keepalive) -> None:
    """Send small messages at once, and let the system notice a peer that is gone, where it can."""
    if sock.family == socket.AF_UNIX:
        return
    seconds = int(min(max(1.0, keepalive.time + keepalive.timeout), LONGEST_PROBE))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", seconds), ("TCP_KEEPINTVL", seconds), ("TCP_USER_TIMEOUT", seconds * 1000)):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


# --- proxies


def credentials(user: str | None, password: str | None) -> str:
    """Return the header with a proxy's user and password."""
    if user is None:
        return ""
    secret = b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
    return f"Proxy-Authorization: Basic {secret}\r\n"


def tunnel(sock: socket.socket, target: str, header: str, deadline: float) -> None:
    """Let a proxy connect to a target. Raises ``OSError`` with what it answered."""
    sock.settimeout(max(0.001, remaining(deadline)))
    sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{header}\r\n".encode())
    answer = bytearray()
    while END not in answer:
        sock.settimeout(max(0.001, remaining(deadline)))
        if len(answer) > LARGEST_RESPONSE or not take(sock, answer):
            raise refusal(bytes(answer))
    if bytes(answer).partition(b" ")[2][:3] != b"200":
        raise refusal(bytes(answer))


def take(sock: socket.socket, answer: bytearray) -> bool:
    """Read on, up to the end of the headers and no byte more: what follows is the target's. False: there is no more."""
    before, seen = len(answer), sock.recv(CHUNK, socket.MSG_PEEK)
    end = (answer + seen).find(END)
    answer += sock.recv(len(seen) if end < 0 else end + len(END) - before) if seen else b""
    return bool(seen)


def refusal(answer: bytes) -> OSError:
    """Return the error for a proxy that opens no tunnel."""
    status = answer[:SHOWN].partition(b"\r\n")[0].decode("latin-1")
    return OSError(f"the proxy answered {status or 'nothing'!r}; {ADVICE}")
