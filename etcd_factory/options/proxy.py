"""The proxy that connections go through, as an option."""

from __future__ import annotations

from urllib.parse import urlsplit

from etcd_factory.errors import ConfigError

from .fields import text
from .secret import RedactedText, redacted, reveal

FORM = "expected http://host:port or http://user:password@host:port"


def proxy(value: str | None) -> str | None:
    """Return the URL of an HTTP proxy, or None; its ``repr`` shows no password. Raises ``ConfigError``."""
    if value is None:
        return None
    written = text(str(reveal(value)) if isinstance(value, str) else value)
    try:
        parts = urlsplit(written if "://" in written else f"http://{written}")
        name, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"not a URL; {FORM}") from None
    if parts.scheme != "http":
        raise ConfigError(f"unknown scheme {parts.scheme!r}: only HTTP proxies, which may tunnel TLS too; {FORM}")
    if not name or port is None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f"{redacted(written)!r} is not a proxy; {FORM}")
    url = f"http://{parts.netloc}"
    return RedactedText(url) if "@" in parts.netloc else url
