"""Masking secrets, recognized by their key or by their form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.options.fields import is_list, is_mapping
from etcd_factory.options.secret import BARE, MASK, PEM, QUERY, URL, is_secret, reveal
from etcd_factory.options.secret import redacted as redacted_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["is_secret", "mask", "redacted", "texts"]

# A shorter text is part of too many other words to search for it.
SHORTEST = 4


def mask(value: object, *, secret: bool = False, hidden: Collection[str] = ()) -> object:
    """Return ``value`` with ``***`` for each secret and each occurrence of a ``hidden`` text."""
    if value is None:
        return None
    if secret:
        return MASK
    if is_mapping(value):
        return {key: mask(each, secret=is_secret(key), hidden=hidden) for key, each in value.items()}
    if is_list(value):
        return [mask(each, hidden=hidden) for each in value]
    return redacted(value, hidden)


def redacted(value: object, hidden: Collection[str]) -> object:
    """Return the value, or its text without the secrets if it contains any."""
    text = textual(value)
    clean = redacted_text(text)
    # the longest first, else the rest of one that begins with another would remain
    for each in sorted(hidden, key=len, reverse=True):
        clean = clean.replace(each, MASK)
    return value if clean == text else clean


def texts(value: object, *, secret: bool = False) -> Iterator[str]:
    """Yield every secret text in ``value`` that is long enough to search for it elsewhere."""
    if is_mapping(value):
        for key, each in value.items():
            yield from texts(each, secret=secret or is_secret(key))
    elif is_list(value):
        for each in value:
            yield from texts(each, secret=secret)
    else:
        yield from (text for text in secrets_in(value, secret) if len(text) >= SHORTEST)


def secrets_in(value: object, secret: bool) -> list[str]:
    """Return the secret texts of one scalar."""
    # ``token: true`` is no secret, and would hide every other ``True``
    if value is None or isinstance(value, bool):
        return []
    text = textual(value)
    return (
        [text] if secret or PEM in text else [found for form in (URL, BARE, QUERY) for _, found in form.findall(text)]
    )


def textual(value: object) -> str:
    """Return the text that would be shown for a scalar, or that a secret hides."""
    value = reveal(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
