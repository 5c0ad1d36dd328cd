"""Who issued a certificate: the names in it that Python shows only of certificates that it trusts."""

from __future__ import annotations

from collections.abc import Iterator

LONG = 0x80  # a length of several bytes follows (X.690, 8.1.3.5)
VERSION = 0xA0  # the only optional field before the issuer (RFC 5280, 4.1)
FIELDS = 2  # before the issuer, apart from the version: the serial number, the algorithm


def items(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of a DER sequence, each as its tag and its content."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & LONG:
            size = length - LONG
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        yield tag, der[at : at + length]
        at += length


def content(der: bytes) -> bytes:
    """Return the content of the first element."""
    return next(items(der))[1]


def issuer(der: bytes) -> str:
    """Return the names of a certificate's issuer, empty if they cannot be read."""
    try:
        fields = [field for tag, field in items(content(content(der))) if tag != VERSION]
        pairs = [list(items(content(each))) for _, each in items(fields[FIELDS])]
        return ", ".join(pair[1][1].decode() for pair in pairs)
    except (IndexError, StopIteration, UnicodeDecodeError):
        return ""
