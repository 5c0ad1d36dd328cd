"""Checks of a host: its name, the connection, TLS, and what answers there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from time import monotonic

from etcd_factory.errors import ConfigError, ConnectionFailedError
from etcd_factory.io.http2.dial import addresses, is_literal
from etcd_factory.io.http2.host import Host
from etcd_factory.io.runtime import dns
from etcd_factory.io.tls import UNKNOWN_CA, diagnose

from . import certificates, issuers
from .finding import Finding, failed, ok, warning
from .probe import Page, certificate, greeting, opened

PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
MEMBERS = 2380  # the port at which members reach each other
OFF = 2.0  # seconds; the clock of HTTP has whole ones
SERVER = re.compile(rb"\r\n(?:server|via): *([^\r\n]+)", re.IGNORECASE)
SHOWN = 80  # characters of a foreign answer

RESOLVE = "correct the name in hosts, or make it known to DNS or /etc/hosts"
DIRECT = "set hosts to etcd itself, or let the proxy pass HTTP/2 (gRPC) on"
RECORD = "install the extra dns, and correct the domain in hosts or its SRV record"
CLOCK = "set both clocks by NTP: certificates and tokens depend on them"


def name(host: Host) -> Finding:
    """Return whether the name of a host can be resolved."""
    if host.path:
        return ok("name", f"a unix socket: {host.path}", host.endpoint)
    if is_literal(host.name):
        return ok("name", f"{host.name} is an address", host.endpoint)
    if host.proxy:
        return ok("name", f"{host.name} is resolved by the proxy", host.endpoint)
    try:
        found = addresses(host.name, host.port, monotonic() + host.dial_timeout)
    except OSError as error:
        reason = error.strerror or str(error)
        return failed("name", f"DNS does not know {host.name}: {reason}", RESOLVE, host.endpoint)
    listed = ", ".join(dict.fromkeys(str(address[0]) for _, address in found))
    return ok("name", f"{host.name} is {listed}", host.endpoint)


def connection(host: Host) -> Finding:
    """Return whether a host accepts connections."""
    start = monotonic()
    try:
        opened(host).close()
    except OSError as error:
        return failed("connection", reason(error, host), advice(error, host), host.endpoint)
    through = f" through the proxy {proxy_of(host)}" if host.proxy else ""
    return ok("connection", f"connected{through} in {(monotonic() - start) * 1000:.1f} ms", host.endpoint)


def proxy_of(host: Host) -> str:
    """Return the proxy's address without its credentials."""
    return (host.proxy or "").rpartition("@")[2].rpartition("/")[2]


def reason(error: OSError, host: Host) -> str:
    """Return why a connection failed."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there: connection refused"
    if isinstance(error, TimeoutError):
        return f"no connection within {host.dial_timeout:g} s: {error or 'no answer'}"
    return error.strerror or str(error)


def advice(error: OSError, host: Host) -> str:
    """Return what to do where no connection is made."""
    if host.proxy:
        return f"check the option proxy, {proxy_of(host)}: is it an HTTP proxy that allows CONNECT to this port?"
    if host.path:
        return "check the path of the socket, and that etcd serves it: --listen-client-urls=unix://..."
    if isinstance(error, ConnectionRefusedError):
        port = "2380 is the port for members; clients use 2379" if host.port == MEMBERS else "usually 2379"
        return f"start etcd there, or correct the port in hosts ({port}){unused_proxy()}"
    return f"check the address in hosts, and firewalls in between{unused_proxy()}"


def unused_proxy() -> str:
    """Return a remark if the environment names a proxy: this package does not use it."""
    named = next((name for name in PROXIES if os.environ.get(name)), "")
    return f"; ${named} is not used: if etcd is behind that proxy, set the option proxy" if named else ""


def protocol(host: Host, now: float) -> Iterator[Finding]:
    """Yield whether TLS works and HTTP/2 is spoken, and how long the server's certificate is valid."""
    if host.is_secure:
        yield from certificates.of_server(host, now)
    error = None if host.proxy else diagnose(host.url, host.tls, host.dial_timeout)
    if error is not None:
        problem, _, remedy = error.message.partition("; ")
        problem += issued(host) if problem in UNKNOWN_CA else ""
        yield failed("TLS", problem, remedy or "compare the option tls with the server's flags", host.endpoint)
    elif host.is_secure:
        yield ok("TLS", "the server's certificate is trusted, and HTTP/2 is spoken", host.endpoint)
    else:
        yield plaintext(host)


def issued(host: Host) -> str:
    """Return who issued a host's certificate, for a message; nothing if that is not known."""
    der = certificate(host)
    known = issuers.issuer(der) if der else ""
    return f", but by {known!r}" if known else ""


def service(url: str, *, secure: bool, timeout: float) -> Finding:
    """Return whether the hosts of an ``srv://`` URL can be looked up."""
    try:
        found = dns.lookup(dns.record(url.partition("://")[2], secure=secure), timeout)
    except (ConfigError, ConnectionFailedError) as error:
        return failed("name", f"{url}: {getattr(error, 'message', '') or error}", RECORD)
    return ok("name", f"{url} is {', '.join(f'{name}:{port}' for name, port in found)}")


def plaintext(host: Host) -> Finding:
    """Return what answers at a host without TLS."""
    answer = greeting(host)
    if answer[3:4] == b"\4":  # the first frame of HTTP/2 is SETTINGS
        return ok("TLS", "not used; HTTP/2 is spoken", host.endpoint)
    if not answer:
        message = "it accepts connections and answers nothing: is a proxy, a load balancer or a firewall in the way?"
        return failed(
            "proxy", message, f"{DIRECT}; is etcd hanging, or is this the port of another service?", host.endpoint
        )
    found = SERVER.search(answer)
    who = f" ({found[1].decode('latin-1')})" if found else ""
    shown = answer.partition(b"\r\n")[0][:SHOWN].decode("latin-1")
    return failed("proxy", f"a proxy or another server is in the way{who}: it answers {shown!r}", DIRECT, host.endpoint)


def clock(host: Host, answer: Page | None, now: float) -> Finding:
    """Return how far the clocks differ; ``now`` is when the page arrived."""
    date = answer.headers.get("date") if answer else None
    if not date:
        return ok("clock", "the server does not tell its time", host.endpoint)
    ahead = now - parsedate_to_datetime(date).timestamp() - 0.5  # on average
    if abs(ahead) <= OFF:
        return ok("clock", f"the clocks differ by less than {OFF:g} s", host.endpoint)
    message = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    return warning("clock", message, CLOCK, host.endpoint)
