"""Why a connection was not established, as an error that says what to change."""

from __future__ import annotations

import ssl

from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError, TLSError
from etcd_factory.io import tls

from .host import Host

BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, EOFError)
LOOK = 1.0  # seconds that finding out may take


def failure(host: Host, error: BaseException | None, reason: str, *, accepted: bool) -> ConnectionFailedError:
    """Return our error for a connection that was not established; nothing was sent to etcd. May block for ``LOOK``.

    ``accepted``: the host accepts connections, and then closes them or is silent.
    """
    found = ConnectionFailedError(reason or str(error) or type(error).__name__, endpoint=host.endpoint)
    problem = tls_problem(host, error, accepted=accepted)
    if problem:
        found = TLSError(problem, endpoint=host.endpoint)
    found.sent = False
    found.__cause__ = error
    return found


def overdue(endpoint: str, seconds: float) -> DeadlineExceededError:
    """Return the error for a connection that was not established before the call's deadline."""
    error = DeadlineExceededError(f"no connection within {float(f'{seconds:.2g}'):g} s", endpoint=endpoint)
    error.sent = False
    return error


def silent(host: Host) -> str:
    """Return what is wrong with a host that accepts connections and then says nothing."""
    return f"it did not speak HTTP/2 within {host.dial_timeout:g} s"


def may_be_tls(host: Host, error: BaseException | None, *, accepted: bool) -> bool:
    """Whether TLS may be the reason, so that it takes a look at the host."""
    if isinstance(error, ssl.SSLError):
        return True
    return not (host.path or host.proxy) and (accepted or isinstance(error, BROKEN))


def tls_problem(host: Host, error: BaseException | None, *, accepted: bool) -> str:
    """Return what is wrong with TLS, "" if it is something else."""
    if isinstance(error, TLSError):
        return error.message
    if not may_be_tls(host, error, accepted=accepted):
        return ""
    address = host.name, host.port
    if isinstance(error, ssl.SSLError):
        return tls.problem(error, address, host.tls, LOOK)
    try:
        if host.is_secure:
            return tls.PLAINTEXT if tls.speaks_http2(address, LOOK) else ""
        return tls.speaks_tls(address, LOOK)
    except OSError:
        return ""


def check_alpn(agreed: str | None) -> None:
    """Raise ``TLSError`` if the server has not agreed to HTTP/2."""
    if agreed != "h2":
        raise TLSError(tls.NO_HTTP2)
