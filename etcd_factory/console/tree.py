"""Finding keys among very many: what is directly below a prefix, and which keys contain a text."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from attrs import frozen

from etcd_factory.model.ranges import OPEN, prefix_end
from etcd_factory.service import AsyncETCDService

SEPARATOR = b"/"
ENTRIES = 200  # of one answer
PAGE = 500  # keys that are read at once, to see what is below a prefix
PATIENCE = 1.0  # seconds of reading for one answer: below each folder one page is read, whatever it has
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

    A prefix with a million keys below it costs one page: the next read begins behind it. For each read etcd counts all
    keys of its range, so the range is kept narrow: what begins as the last entries do, then wider.
    """
    found: list[bytes] = []
    at, window, until = start or prefix, prefix, monotonic() + PATIENCE
    while True:
        keys = await etcd.get_all().range(at, prefix_end(window)).limit(PAGE).key_bytes()
        more, at = entries(keys, prefix, at, ENTRIES - len(found))
        found += more
        is_whole = len(keys) < PAGE and window == prefix
        if is_whole or len(found) == ENTRIES or monotonic() >= until:
            return Page(found, None if is_whole and len(found) < ENTRIES else at)
        window = max(prefix, alike(found) if len(keys) == PAGE else window[:-1], key=len)


def entries(keys: Iterable[bytes], prefix: bytes, at: bytes, most: int) -> tuple[list[bytes], bytes]:
    """Return the entries of keys from ``at`` on, and the key at which the next one begins."""
    found: list[bytes] = []
    for key in keys:
        if key >= at and len(found) < most:
            name, separator, _ = key[len(prefix) :].partition(SEPARATOR)
            found.append(prefix + name + separator)
            at = prefix_end(found[-1]) if separator else key + b"\0"
    return found, at


def alike(found: list[bytes]) -> bytes:
    """Return how the last two entries begin, as the next one probably does; of a single one all but its end."""
    one, other = (found[-1][:-2], found[-1]) if len(found) == 1 else found[-2:]
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:same]


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
