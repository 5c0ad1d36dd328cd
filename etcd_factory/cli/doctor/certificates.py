"""How long certificates are valid still: the server's, the client's, that of the authority."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from etcd_factory.io.http2.host import Host
from etcd_factory.io.tls import pems
from etcd_factory.options import TLS
from etcd_factory.options.pem import BLOCK, is_text

from .finding import Finding, failed, ok, warning
from .probe import certificate

SOON = 30  # days
DAY = 86_400  # seconds
# Validity of RFC 5280: a SEQUENCE of two times, each UTCTime (17, two digits of the year) or GeneralizedTime (18).
VALIDITY = re.compile(rb"\x30[\x1e\x20\x22](?:\x17\x0d\d{12}Z|\x18\x0f\d{14}Z)(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)")
CENTURY = 50  # a smaller year of UTCTime is of this century (RFC 5280, 4.1.2.5.1)

RENEW = "renew it; new connections use the new files without a restart"
EXPIRED = f"{RENEW}; or is this machine's clock right?"


def end_of(der: bytes) -> datetime | None:
    """Return when a certificate expires."""
    found = VALIDITY.search(der)
    if found is None:
        return None
    short, long = found.groups()
    text = long.decode() if long else ("20" if int(short[:2]) < CENTURY else "19") + short.decode()
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)


def first(pem: str) -> bytes | None:
    """Return the first certificate of PEM text, or of a file with it, as DER."""
    text = pem if is_text(pem) else Path(pem).read_text("ascii", "ignore")
    blocks = [found[0] for found in BLOCK.finditer(text) if "CERTIFICATE" in found[1]]
    return ssl.PEM_cert_to_DER_cert(blocks[0]) if blocks else None


def judged(what: str, der: bytes, now: float, host: str = "") -> Finding:
    """Return whether a certificate is valid long enough still."""
    end = end_of(der)
    if end is None:
        return ok("certificate", f"{what}: its end cannot be read", host)
    days, date = int((end.timestamp() - now) // DAY), f"{end:%Y-%m-%d}"
    if days < 0:
        return failed("certificate", f"{what} has expired on {date}, {-days} days ago", EXPIRED, host)
    left = f"{what}: {days} days left, until {date}"
    return warning("certificate", left, RENEW, host) if days < SOON else ok("certificate", left, host)


def of_server(host: Host, now: float) -> Iterator[Finding]:
    """Yield how long a host's certificate is valid still."""
    der = certificate(host)
    if der is not None:
        yield judged("the server's certificate", der, now, host.endpoint)


def of_client(tls: TLS | None, now: float) -> Iterator[Finding]:
    """Yield how long the certificates of a client's options are valid still."""
    ca, cert, _ = pems(tls)
    for what, pem in (("the authority's certificate (tls.ca)", ca), ("the client's certificate (tls.cert)", cert)):
        der = None if pem is None else first(pem)
        if der is not None:
            yield judged(what, der, now)
