"""Why a connection was not established, as an error that says what to change."""

from __future__ import annotations

import ssl

from etcd_factory.errors import ConnectionFailedError, TLSError
from etcd_factory.io import tls

from .host import Host

LOOK = 1.0  # seconds that finding out may take


def failure(host: Host, error: BaseException | None, reason: str, *, accepted: bool) -> ConnectionFailedError:
    """Return our error for a connection that was not established; nothing was sent to etcd. May block for ``LOOK``.

    ``accepted``: the host accepts connections, and then closes them or is silent.
    """
    found = ConnectionFailedError(reason or str(error), endpoint=host.endpoint)
    problem = tls_problem(host, error, accepted=accepted)
    if problem:
        found = TLSError(problem, endpoint=host.endpoint)
    found.sent = False
    return found


def tls_problem(host: Host, error: BaseException | None, *, accepted: bool) -> str:
    """Return what is wrong with TLS, "" if it is something else."""
    address = host.name, host.port
    if isinstance(error, ssl.SSLError):
        return tls.problem(error, address, host.tls, LOOK)
    if host.is_secure or host.path or host.proxy or not accepted:
        return ""
    try:
        return tls.speaks_tls(address, LOOK)
    except OSError:
        return ""


def check_alpn(agreed: str | None) -> None:
    """Raise ``TLSError`` if the server has not agreed to HTTP/2."""
    if agreed != "h2":
        raise TLSError(tls.NO_HTTP2)
