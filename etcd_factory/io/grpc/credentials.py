"""TLS credentials for gRPC."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import grpc

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.io.tls import pems
from etcd_factory.options import TLS
from etcd_factory.options.pem import Stamp, is_text, stamp

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
    ca, cert, key = pems(tls)
    return grpc.ssl_channel_credentials(read("ca", ca) or system_roots(), read("key", key), read("cert", cert))


def read(option: str, pem: str | None) -> bytes | None:
    """Return PEM text, or the content of the file."""
    if pem is None or is_text(pem):
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
