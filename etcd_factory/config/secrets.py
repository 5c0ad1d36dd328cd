"""What must not be shown, known by its key or by its looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from etcd_factory.options.kinds import is_list, is_mapping
from etcd_factory.options.names import canonical

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MASK = "***"
WORDS = (
    "access_key",
    "api_key",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "secret_key",
    "token",
)
NAME = re.compile(rf"(?:^|_)(?:{'|'.join(WORDS)})$")
PEM = "PRIVATE KEY-----"
# Greedy up to the last "@": a password may hold one, and too much hidden is better than too little.
URL = re.compile(r"(://[^\s/:@]*:)(\S*)@")
# A shorter text stands in too many other words to be looked for.
SHORTEST = 4


def is_secret(key: object) -> bool:
    """Whether what stands under ``key`` must not be shown: ``password``, ``authToken``, ``API_KEY``."""
    return bool(NAME.search(canonical(str(key)).replace("-", "_")))


def mask(value: object, *, secret: bool = False, hidden: Collection[str] = ()) -> Any:
    """``value`` as it may be shown: ``***`` where it is a secret, or holds one of the ``hidden`` texts."""
    if value is None:
        return None
    if secret:
        return MASK
    if is_mapping(value):
        return {key: mask(each, secret=is_secret(key), hidden=hidden) for key, each in value.items()}
    if is_list(value):
        return [mask(each, hidden=hidden) for each in value]
    return censored(value, hidden)


def censored(value: object, hidden: Collection[str]) -> object:
    """The value itself, or its text without the secrets in it."""
    text = textual(value)
    if PEM in text:
        return MASK
    clean = URL.sub(rf"\1{MASK}@", text)
    # The longest first, else the rest of one that begins with another would stay.
    for each in sorted(hidden, key=len, reverse=True):
        clean = clean.replace(each, MASK)
    return value if clean == text else clean


def texts(value: object, *, secret: bool = False) -> Iterator[str]:
    """Every text in ``value`` that is secret, long enough to be looked for elsewhere."""
    if is_mapping(value):
        for key, each in value.items():
            yield from texts(each, secret=secret or is_secret(key))
    elif is_list(value):
        for each in value:
            yield from texts(each, secret=secret)
    else:
        yield from (text for text in spoken(value, secret) if len(text) >= SHORTEST)


def spoken(value: object, secret: bool) -> list[str]:
    """The secret texts of one scalar."""
    # ``token: true`` says nothing, and would hide every other ``True``.
    if value is None or isinstance(value, bool):
        return []
    text = textual(value)
    return [text] if secret or PEM in text else [found for _, found in URL.findall(text)]


def textual(value: object) -> str:
    """The text that would be shown for a scalar."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
