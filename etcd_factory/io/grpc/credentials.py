"""TLS credentials for gRPC."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options import TLS
from etcd_factory.options.secret import Secret


def credentials(tls: TLS | None) -> grpc.ChannelCredentials:
    """Return gRPC's credentials, read from the files now, so that a new connection uses renewed ones."""
    tls = tls or TLS()
    ca = read("ca", tls.ca) or system_roots()
    return grpc.ssl_channel_credentials(ca, read("key", tls.key), read("cert", tls.cert))


def read(option: str, given: str | Secret | None) -> bytes | None:
    """Return PEM text, or the content of the file."""
    pem = given.get_secret_value() if isinstance(given, Secret) else given
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
