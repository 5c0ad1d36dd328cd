"""Parsing the hosts of a cluster. Like ``fields``, it checks the types of what a file may hold."""

# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, quote, unquote, urlsplit

from etcd_factory.errors import ConfigError, suggestion

from .fields import expected
from .models import unmodeled

PORT = 2379
LONGEST_SOCKET = 107  # bytes of a unix socket's path (unix(7))
SCHEMES = ("http", "https", "unix", "srv")
UNQUOTED = "/:@!$&'()*+;=~"  # as in the path of a URL
FORM = "write host:port, http://host:port, https://host:port, [::1]:2379, unix:///path or srv://domain"


def hosts(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return one host or several as URLs without duplicates, in their order.

    A text may have several hosts, separated by commas. Raises ``ConfigError`` if there is none, if ``http`` and
    ``https`` are mixed, or if ``srv://`` is not alone.
    """
    value = unmodeled(value)
    written = (value,) if isinstance(value, str) else value
    if not isinstance(written, Sequence) or isinstance(written, bytes):
        raise expected("a host or a list of hosts", value)
    found = tuple(url(one) for several in written for one in separated(unmodeled(several)))
    if not found:
        raise ConfigError(f"expected at least one host, got an empty list; {FORM}")
    if 0 < sum(map(is_srv, found)) < len(found):
        raise ConfigError(f"srv:// cannot be combined with other hosts: {', '.join(found)}")
    if len({is_secure(one) for one in found}) > 1:
        raise ConfigError(f"http and https hosts are mixed: {', '.join(found)}; use one of them for all")
    return tuple(dict.fromkeys(found))


def separated(value: str) -> list[str]:
    """Return the hosts in a text with commas."""
    if not isinstance(value, str):
        raise expected("a host as text", value)
    if "@" in value:  # checked first: what precedes it may be a secret, and is not shown
        raise ConfigError("a host cannot contain a user and password; write them as auth: {username, password}")
    return [part for part in map(str.strip, value.split(",")) if part] or [value]


def is_secure(url: str) -> bool:
    """Whether a host is reached over TLS."""
    return url.startswith("https://")


def is_srv(url: str) -> bool:
    """Whether the hosts are to be looked up in DNS."""
    return url.startswith("srv://")


def is_local(url: str) -> bool:
    """Whether what is sent to a host does not leave the machine: a unix socket, or a loopback address."""
    if url.startswith("unix://"):
        return True
    name = "" if is_srv(url) else urlsplit(url).hostname or ""
    try:
        return ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def host(value: str) -> str:
    """Return one host as a URL with its port. Raises ``ConfigError`` if it is not a host, or several."""
    several = separated(value)
    if len(several) > 1:
        raise ConfigError(f"{value!r} contains several hosts; expected one")
    return url(several[0])


def url(value: str) -> str:
    """Return one host as a URL with its port."""
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
    except ValueError as error:
        raise ConfigError(f"{value!r} is not a host: {error}; {FORM}") from None
    if parts.scheme not in SCHEMES:
        raise ConfigError(f"unknown scheme {parts.scheme!r}{suggestion(parts.scheme, SCHEMES)}; {FORM}")
    return FORMS.get(parts.scheme, address)(parts, value)


def socket(parts: SplitResult, written: str) -> str:
    """Return the URL of a unix socket, its path quoted: gRPC reads it as a URL too. ``#`` and ``?`` may be written."""
    path = unquote(written.partition("://")[2])
    if not os.path.isabs(path) or parts.netloc:
        raise ConfigError(f"expected unix:///absolute/path, got unix://{path}")
    if "," in path:  # gRPC separates addresses there, even if it is quoted
        raise ConfigError(f"the path of a socket cannot have a comma: {path}; make a symbolic link to it")
    if "\0" in path or len(os.fsencode(path)) > LONGEST_SOCKET:
        raise ConfigError(
            f"the path of a socket has at most {LONGEST_SOCKET} bytes, and no NUL; make a symbolic link to it"
        )
    return f"unix://{quote(path, safe=UNQUOTED)}"


def domain(parts: SplitResult, written: str) -> str:
    """Return the URL of a domain whose SRV records list the hosts."""
    if not parts.netloc or any(c in written for c in " []") or ":" in parts.netloc or parts.path.strip("/"):
        raise ConfigError(f"expected srv://domain, without a port, got {written}")
    return f"srv://{parts.hostname}"


def address(parts: SplitResult, written: str) -> str:
    """Return the URL of a network host."""
    if parts.netloc.count(":") > 1 and "[" not in parts.netloc:
        raise ConfigError(f"{written!r}: write an IPv6 address in brackets: [::1]:2379")
    try:
        name, port = parts.hostname, parts.port
        if "[" in parts.netloc:  # Python 3.10 accepts anything between brackets
            IPv6Address((name or "").partition("%")[0])
    except ValueError as error:
        raise ConfigError(f"{written!r} is not a host: {error}; {FORM}") from None
    if not name or any(c.isspace() or not c.isprintable() or c == "," for c in name) or has_more(parts) or port == 0:
        raise ConfigError(f"{written!r} is not a host; {FORM}")
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}:{PORT if port is None else port}"


def has_more(parts: SplitResult) -> bool:
    """Whether a URL has a path, a query or a fragment."""
    return bool(parts.path.strip("/") or parts.query or parts.fragment)


FORMS = {"unix": socket, "srv": domain}
