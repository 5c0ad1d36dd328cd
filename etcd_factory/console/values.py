"""Keys and values in JSON: base64, since they may be any bytes; the page decides how to show them."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, urlsafe_b64encode

from starlette.responses import Response

from etcd_factory.model import KeyValue


class Json(Response):
    """An answer in JSON, in ASCII: also of texts that UTF-8 does not have, as others may write them in JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the body."""
        return json.dumps(content).encode()


def encoded(data: bytes) -> str:
    """Return bytes as base64 with the alphabet of URLs."""
    return urlsafe_b64encode(data).decode()


def decoded(text: object) -> bytes:
    """Return the bytes of such a text; ``ValueError`` if it is none."""
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("expected a key or value in base64")
    try:
        return b64decode(text, b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected a key or value in base64: {error}") from None


def cut(data: bytes, limit: int) -> dict[str, object]:
    """Return the beginning of a value, and how large it is. etcd has no reads of parts."""
    return {"base64": encoded(data[:limit]), "size": len(data)}


def fields(kv: KeyValue, limit: int) -> dict[str, object]:
    """Return a key with the beginning of its value."""
    return {
        "key": encoded(kv.key),
        "value": cut(kv.value, limit),
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
        "lease": f"{kv.lease:x}" if kv.lease else None,
    }
