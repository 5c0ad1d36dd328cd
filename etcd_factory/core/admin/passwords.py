"""Passwords as the hashes that etcd stores, so that whoever creates a user need not know the password.

etcd stores bcrypt hashes, and its messages carry them as base64 (server/auth/store.go, selectPassword). From 3.5 on it
takes one where a password is *changed*. Where a user is *added* every version up to 3.8-alpha replaces it by the hash
of the password, which is empty then (server/etcdserver/v3_server.go, UserAdd); before 3.5 a change does the same.
"""

from __future__ import annotations

import re
from base64 import b64encode
from secrets import token_urlsafe

from etcd_factory.core.arguments import name
from etcd_factory.errors import PreconditionError

BCRYPT = re.compile(r"\$2[aby]?\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
FORM = "must be a bcrypt hash, $2b$12$ and 53 more characters, as bcrypt.hashpw() and htpasswd -B make them"
BOTH = "pass either a password or hashed, not both"
FIRST = (3, 5)  # the first etcd that takes hashes


def encoded(hashed: object) -> str:
    """Return a bcrypt hash as etcd's messages carry it. Errors do not show it."""
    given = hashed.decode(errors="replace") if isinstance(hashed, bytes) else hashed
    text = name(given, "hashed")
    if not BCRYPT.fullmatch(text):
        raise ValueError(f"hashed {FORM}")
    return b64encode(text.encode()).decode()


def unknown() -> str:
    """Return a password that nobody knows, shorter than the 72 bytes that bcrypt takes."""
    return token_urlsafe(32)


def check_version(version: str, endpoint: str) -> None:
    """Raise ``PreconditionError`` if this etcd would set an empty password in place of a hash."""
    release = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if release < FIRST:
        text = f"etcd {version or 'of an unknown version'} ignores hashed passwords, and would set an empty one"
        raise PreconditionError(f"{text}; pass the password, or upgrade to 3.5", endpoint=endpoint)
