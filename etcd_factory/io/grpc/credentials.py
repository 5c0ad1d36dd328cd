"""TLS credentials for gRPC."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from pathlib import Path

import grpc

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.io.tls import pems
from etcd_factory.options import TLS

Stamp = tuple[tuple[str, int, int], ...]  # of each file: its path, when it was changed, its size


def stamp(tls: TLS | None) -> Stamp:
    """Return what tells whether the certificate files have changed; files that are gone at the moment are left out."""
    found: list[tuple[str, int, int]] = []
    for file in (pem for pem in pems(tls) if pem and "-----BEGIN" not in pem):
        with suppress(OSError):
            status = os.stat(file)
            found.append((file, status.st_mtime_ns, status.st_size))
    return tuple(found)


def credentials(tls: TLS | None) -> grpc.ChannelCredentials:
    """Return gRPC's credentials, read from the files now, so that a new connection uses renewed ones."""
    ca, cert, key = pems(tls)
    return grpc.ssl_channel_credentials(read("ca", ca) or system_roots(), read("key", key), read("cert", cert))


def read(option: str, pem: str | None) -> bytes | None:
    """Return PEM text, or the content of the file."""
    if pem is None or "-----BEGIN" in pem:
        return pem.encode() if pem else None
    try:
        return Path(pem).read_bytes()
    except OSError as error:
        raise ConfigError(Fault(pem, f"tls.{option}", f"cannot be read: {error.strerror}")) from error


def system_roots() -> bytes | None:
    """Return the system's root certificates; None leaves gRPC to the ones that it carries.

    gRPC itself never uses the system's. OpenSSL's locations are searched, ``$SSL_CERT_FILE`` and ``$SSL_CERT_DIR``
    first.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return Path(paths.cafile).read_bytes()
    folder = Path(paths.capath or "")
    bundle = folder / "ca-certificates.crt"  # Debian keeps the whole bundle beside the single files
    files = [bundle] if bundle.is_file() else sorted(folder.glob("*.pem")) if paths.capath else []
    return b"\n".join(file.read_bytes() for file in files if file.is_file()) or None
