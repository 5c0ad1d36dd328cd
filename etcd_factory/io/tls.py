"""TLS outside of gRPC: contexts from options, and what is wrong where a connection fails."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from etcd_factory.errors import ConfigError, Fault, TLSError
from etcd_factory.options import TLS
from etcd_factory.options.pem import as_file, is_text
from etcd_factory.options.secret import Secret

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # with empty SETTINGS, which a server answers
ALERT_WAIT = 0.3  # seconds: in TLS 1.3 a server refuses a client's certificate only after the handshake

WRONG_NAME = "the server's certificate is for another name; set tls.server_name or correct the host"
# OpenSSL's codes of failed verifications (x509_vfy.h)
VERIFY = {
    9: "the server's certificate is not valid yet; is the clock right?",
    10: "the server's certificate has expired; renew it on the server, or is this machine's clock right?",
    **dict.fromkeys((62, 63, 64), WRONG_NAME),
}
UNKNOWN_CA = "the server's certificate is not signed by the CA that is trusted; set tls.ca to the server's CA"
UNSET_CA = f"{UNKNOWN_CA} (none is set: those of the system are trusted)"
PLAINTEXT = "the server speaks plaintext; write http://, or enable TLS on the server"
ENCRYPTED = "the server requires TLS; write https://"
NO_HTTP2 = "the server speaks TLS, but not HTTP/2; is etcd there, or a proxy that does not pass it on?"
NO_CERTIFICATE = "the server requires a client certificate; set tls.cert and tls.key"
REFUSED = "the server refused the client certificate in tls.cert"

# OpenSSL's names of what is wrong with a client's certificate, most of them reported by the server; Go's says
# "bad certificate" if there is none
REFUSALS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": REFUSED,
    "SSLV3_ALERT_BAD_CERTIFICATE": REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": f"{REFUSED}: it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": f"{REFUSED}: it is not signed by a CA that the server trusts",
    "KEY_VALUES_MISMATCH": "the key in tls.key does not belong to the certificate in tls.cert; replace both together",
}


def pems(tls: TLS | None) -> tuple[str | None, ...]:
    """Return the CA, the certificate and the key, each as PEM text or the path of a file."""
    given = (tls.ca, tls.cert, tls.key) if tls else (None, None, None)
    return tuple(pem.get_secret_value() if isinstance(pem, Secret) else pem for pem in given)


def context(tls: TLS | None) -> ssl.SSLContext:
    """Return a context that verifies servers as the options say, its files read now."""
    ca, cert, key = pems(tls)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is not None:
        made.load_verify_locations(cadata=read("ca", ca))
    else:
        trust_system(made)
    if cert is not None and key is not None:
        for option, pem in (("cert", cert), ("key", key)):
            read(option, pem)  # raises if it is gone; OpenSSL does not say which
        with as_file(cert) as cert_file, as_file(key) as key_file:
            made.load_cert_chain(cert_file, key_file)
    made.set_alpn_protocols(["h2"])
    made.sslsocket_class = TLSSocket
    return made


def read(option: str, pem: str) -> str:
    """Return PEM text, as ASCII, or that of the file. Raises ``ConfigError`` if it is gone."""
    if is_text(pem):
        return pem.encode("ascii", "ignore").decode()  # all else is comments
    try:
        return Path(pem).read_text("ascii", "ignore")
    except OSError as error:
        raise ConfigError(Fault(pem, f"tls.{option}", f"cannot be read: {error.strerror}")) from error


def trust_system(made: ssl.SSLContext) -> None:
    """Trust the system's root certificates: those that OpenSSL finds, also in a folder without an index of hashes."""
    made.load_default_certs()
    if not ssl.get_default_verify_paths().cafile and (roots := system_roots()) is not None:
        made.load_verify_locations(cadata=roots.decode("ascii", "ignore"))


def system_roots() -> bytes | None:
    """Return the system's root certificates, None if there are none in files.

    OpenSSL's locations are searched, ``$SSL_CERT_FILE`` and ``$SSL_CERT_DIR`` first.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return Path(paths.cafile).read_bytes()
    folder = Path(paths.capath or "")
    bundle = folder / "ca-certificates.crt"  # Debian keeps the whole bundle beside the single files
    files = [bundle] if bundle.is_file() else sorted(folder.glob("*.pem")) if paths.capath else []
    return b"\n".join(file.read_bytes() for file in files if file.is_file()) or None


class TLSSocket(ssl.SSLSocket):
    """Closes itself if the peer is gone before the handshake: Python then leaves it open, or skips the handshake."""

    def getpeername(self) -> Any:
        """Return the peer's address."""
        try:
            return super().getpeername()
        except OSError as error:
            self.close()
            raise ConnectionResetError(*error.args) from error


def diagnose(url: str, tls: TLS | None, timeout: float) -> TLSError | None:
    """Return what is wrong with TLS at a host that accepts connections, None if nothing is, or it cannot be told."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return None
    address = (parts.hostname, parts.port or 0)
    try:
        problem = secured(address, tls, timeout) if parts.scheme == "https" else speaks_tls(address, timeout)
    except OSError:  # also where the host is gone by now
        return None
    return TLSError(problem, endpoint=parts.netloc) if problem else None


def secured(address: tuple[str, int], tls: TLS | None, timeout: float) -> str:
    """Return what is wrong where TLS is expected."""
    name = (tls and tls.server_name) or address[0]
    try:
        with (
            socket.create_connection(address, timeout) as raw,
            context(tls).wrap_socket(raw, server_hostname=name) as sock,
        ):
            if sock.selected_alpn_protocol() != "h2":
                return NO_HTTP2
            sock.settimeout(ALERT_WAIT)
            with suppress(TimeoutError):
                sock.sendall(PREFACE)
                sock.recv(1)
    except ssl.SSLError as error:
        return problem(error, address, tls, timeout)
    return ""


def problem(error: ssl.SSLError, address: tuple[str, int], tls: TLS | None, timeout: float) -> str:
    """Return what an error of OpenSSL with a server says, and what to change."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return VERIFY.get(error.verify_code, UNKNOWN_CA if tls and tls.ca else UNSET_CA)
    return PLAINTEXT if speaks_http2(address, timeout) else explain(error, tls)


def explain(error: ssl.SSLError, tls: TLS | None) -> str:
    """Return what an error of OpenSSL means."""
    reason = error.reason or ""
    if not (tls and tls.cert) and (reason in REFUSALS or "HANDSHAKE_FAILURE" in reason):
        return NO_CERTIFICATE
    return REFUSALS.get(reason) or f"the TLS handshake failed: {reason.lower().replace('_', ' ') or error}"


def speaks_http2(address: tuple[str, int], timeout: float) -> bool:
    """Return whether a server answers HTTP/2 in plaintext: its first frame is SETTINGS."""
    with suppress(OSError), socket.create_connection(address, timeout) as sock:
        sock.settimeout(timeout)
        sock.sendall(PREFACE)
        return sock.recv(4)[3:] == b"\4"
    return False


def speaks_tls(address: tuple[str, int], timeout: float) -> str:
    """Return what is wrong where plaintext is expected."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode, anybody.sslsocket_class = False, ssl.CERT_NONE, TLSSocket
    with socket.create_connection(address, timeout) as raw:
        try:
            with anybody.wrap_socket(raw, server_hostname=address[0]):
                return ENCRYPTED
        except ssl.SSLError as error:
            return ENCRYPTED if "ALERT" in (error.reason or "") else ""
