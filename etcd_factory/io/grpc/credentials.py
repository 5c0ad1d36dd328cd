"""TLS credentials for gRPC."""

from __future__ import annotations

from contextlib import suppress

import grpc

from etcd_factory.io.tls import pems, read, system_roots
from etcd_factory.options import TLS
from etcd_factory.options.pem import Stamp, is_text, stamp

OPTIONS = ("ca", "cert", "key")
Stamps = tuple[tuple[str, Stamp], ...]  # of each file


def stamps(tls: TLS | None) -> Stamps:
    """Return what changes when certificate files are replaced; files that are gone at the moment are left out."""
    found: list[tuple[str, Stamp]] = []
    for file in (given for given in pems(tls) if given and not is_text(given)):
        with suppress(OSError):
            found.append((file, stamp(file)))
    return tuple(found)


def credentials(tls: TLS | None) -> grpc.ChannelCredentials:
    """Return gRPC's credentials, read from the files now, so that a new connection uses renewed ones."""
    given = zip(OPTIONS, pems(tls), strict=True)
    ca, cert, key = (read(option, pem).encode() if pem else None for option, pem in given)
    # gRPC itself never uses the system's roots; None leaves it to the ones that it carries
    return grpc.ssl_channel_credentials(ca or system_roots(), key, cert)
