"""TLS files of a test server, and what they become on command lines."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from attrs.converters import optional


@frozen
class ServerTLS:
    """Files in PEM that a test server serves TLS with; with ``ca`` it asks clients for a certificate of that CA."""

    cert: Path = field(converter=Path)
    key: Path = field(converter=Path)
    ca: Path | None = field(default=None, converter=optional(Path))

    def server_flags(self) -> list[str]:
        """For ``etcd``."""
        flags = [f"--cert-file={self.cert}", f"--key-file={self.key}"]
        return [*flags, "--client-cert-auth", f"--trusted-ca-file={self.ca}"] if self.ca else flags

    def client_flags(self) -> list[str]:
        """For ``etcdctl``: it shows the server's own certificate, and need not check that of a server we started."""
        return ["--insecure-skip-tls-verify", f"--cert={self.cert}", f"--key={self.key}"]
