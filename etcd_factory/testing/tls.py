"""TLS files of a test server, and the flags that they become."""

from __future__ import annotations

import ssl
from pathlib import Path

from attrs import field, frozen
from attrs.converters import optional


@frozen
class ServerTLS:
    """PEM files that a test server serves TLS with; with ``ca`` it requires client certificates of that CA."""

    cert: Path = field(converter=Path)
    key: Path = field(converter=Path)
    ca: Path | None = field(default=None, converter=optional(Path))

    def server_flags(self) -> list[str]:
        """Return the flags for ``etcd``."""
        flags = [f"--cert-file={self.cert}", f"--key-file={self.key}"]
        return [*flags, "--client-cert-auth", f"--trusted-ca-file={self.ca}"] if self.ca else flags

    def client_flags(self) -> list[str]:
        """Return the flags for ``etcdctl``.

        It presents the server's own certificate, and need not verify that of a server that we started.
        """
        return ["--insecure-skip-tls-verify", f"--cert={self.cert}", f"--key={self.key}"]

    def client_context(self) -> ssl.SSLContext:
        """Return a context for Python's own clients that does what ``client_flags`` say."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(self.cert, self.key)
        return context
