"""Finding keys among very many: what is directly below a prefix, and which keys contain a text."""

from __future__ import annotations

from attrs import frozen

from etcd_factory.model.ranges import OPEN, prefix_end
from etcd_factory.service import AsyncETCDService

SEPARATOR = b"/"
ENTRIES = 200  # of one answer
PAGE = 500  # keys that are read at once, to see what is below a prefix
READS = 100  # for one answer: below each folder one page is read, whatever it has
SCANNED = 5_000  # keys that are read at once, to search them
SCANS = 4  # for one answer
FOUND = 200


@frozen
class Page:
    """A part of an answer: ``next`` is the key at which the rest begins, None if there is none."""

    keys: list[bytes]
    next: bytes | None
    searched: int = 0


async def children(etcd: AsyncETCDService, prefix: bytes, start: bytes = b"") -> Page:
    """Return the keys directly below a prefix, and the prefixes of those further down: what is added ends in ``/``.

    A prefix with a million keys below it costs one page: the next read begins behind it.
    """
    found: list[bytes] = []
    at, end = start or prefix, prefix_end(prefix)
    for _ in range(READS):
        keys = await etcd.get_all().range(at, end).limit(PAGE).key_bytes()
        for key in keys:
            if key < at:  # below the prefix that was found last
                continue
            name, separator, _ = key[len(prefix) :].partition(SEPARATOR)
            found.append(prefix + name + separator)
            at = prefix_end(found[-1]) if separator else key + b"\0"
            if len(found) == ENTRIES:
                return Page(found, at)
        if len(keys) < PAGE:
            return Page(found, None)
    return Page(found, at)


async def containing(etcd: AsyncETCDService, text: bytes, start: bytes = b"") -> Page:
    """Return keys that contain a text, in whatever case its ASCII letters are."""
    wanted, found, at, searched = text.lower(), list[bytes](), start, 0
    for _ in range(SCANS):
        keys = await etcd.get_all().range(at, OPEN).limit(SCANNED).key_bytes()
        for key in keys:
            searched, at = searched + 1, key + b"\0"
            if wanted in key.lower():
                found.append(key)
            if len(found) == FOUND:
                return Page(found, at, searched)
        if len(keys) < SCANNED:
            return Page(found, None, searched)
    return Page(found, at, searched)


async def beginning(etcd: AsyncETCDService, text: bytes, start: bytes = b"") -> Page:
    """Return keys that begin with a text."""
    keys = await etcd.get_all().range(start or text, prefix_end(text)).limit(FOUND + 1).key_bytes()
    return Page(keys[:FOUND], keys[FOUND] if len(keys) > FOUND else None, len(keys[:FOUND]))
