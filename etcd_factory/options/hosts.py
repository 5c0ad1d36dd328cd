"""How the hosts of a cluster are written."""

from __future__ import annotations

import os
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from etcd_factory.errors import ConfigError, suggestion

from .fields import expected
from .kinds import is_list

PORT = 2379
SCHEMES = ("http", "https", "unix", "srv")
FORM = "write host:port, http://host:port, https://host:port, [::1]:2379, unix:///path or srv://domain"


def hosts(value: Any) -> tuple[str, ...]:
    """The hosts as URLs, from one text or several; none, or http and https mixed, is an error."""
    written: Any = (value,) if isinstance(value, str) else value
    if not is_list(written):
        raise expected("a host or a list of hosts", value)
    found = tuple(host(one) for one in written)
    if not found:
        raise ConfigError(f"expected at least one host, got an empty list; {FORM}")
    if 0 < sum(map(is_srv, found)) < len(found):
        raise ConfigError(f"srv:// stands for all hosts of a cluster, not beside others: {', '.join(found)}")
    if len({is_secure(one) for one in found}) > 1:
        raise ConfigError(f"http and https hosts are mixed: {', '.join(found)}; all must be one or the other")
    return tuple(dict.fromkeys(found))


def is_secure(url: str) -> bool:
    """Whether a host is reached over TLS."""
    return url.startswith("https://")


def is_srv(url: str) -> bool:
    """Whether the hosts are to be looked up in DNS."""
    return url.startswith("srv://")


def host(value: Any) -> str:
    """One host as a URL with its port."""
    if not isinstance(value, str):
        raise expected("a host as text", value)
    if "@" in value:  # looked for first: whatever is before it may be a secret and is not shown
        raise ConfigError("a host can't carry user and password; write them as auth: {username, password}")
    if "," in value:
        raise ConfigError(f"{value!r} is several hosts; write them as a list")
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
    except ValueError as error:
        raise ConfigError(f"{value!r} is no host: {error}; {FORM}") from None
    if parts.scheme not in SCHEMES:
        raise ConfigError(f"unknown scheme {parts.scheme!r}{suggestion(parts.scheme, SCHEMES)}; {FORM}")
    return FORMS.get(parts.scheme, address)(parts, value)


def socket(parts: SplitResult, written: str) -> str:
    """A unix socket's URL."""
    del written
    if not os.path.isabs(parts.path) or parts.netloc:
        raise ConfigError(f"expected unix:///absolute/path, got unix://{parts.netloc}{parts.path}")
    return f"unix://{parts.path}"


def domain(parts: SplitResult, written: str) -> str:
    """A domain whose SRV records tell the hosts."""
    if not parts.netloc or any(c in written for c in " []") or ":" in parts.netloc or parts.path.strip("/"):
        raise ConfigError(f"expected srv://domain, without a port, got {written}")
    return f"srv://{parts.hostname}"


def address(parts: SplitResult, written: str) -> str:
    """A network host's URL."""
    if parts.netloc.count(":") > 1 and "[" not in parts.netloc:
        raise ConfigError(f"{written!r}: an IPv6 address stands in brackets: [::1]:2379")
    try:
        name, port = parts.hostname, parts.port
        if "[" in parts.netloc:  # Python 3.10 takes anything between brackets
            IPv6Address((name or "").partition("%")[0])
    except ValueError as error:
        raise ConfigError(f"{written!r} is no host: {error}; {FORM}") from None
    if (
        not name
        or any(c.isspace() for c in name)
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or port == 0
    ):
        raise ConfigError(f"{written!r} is no host; {FORM}")
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}:{PORT if port is None else port}"


FORMS = {"unix": socket, "srv": domain}
