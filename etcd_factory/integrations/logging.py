"""Levels of ``logging`` that follow keys in etcd: ``put("logging/shop.orders").value("DEBUG")`` changes that logger.

Below the prefix a key is the name of a logger, ``root`` the root logger. Once a key is deleted its logger has the level
that it had before; a level that is unknown changes nothing, and is logged.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.model import KeyValue
from etcd_factory.service import AsyncETCDService, ETCDService

log = logging.getLogger("etcd_factory.logging")

PREFIX = "logging/"


class Levels:
    """Sets the levels of loggers to what a mirror has, and back."""

    def __init__(self, prefix: str, mirror: Mapping[bytes, KeyValue]) -> None:
        self._cut, self._mirror = len(prefix.encode()), mirror
        self._over = False
        self._before: dict[str, int] = {}
        self._lock = threading.Lock()

    def changed(self, old: KeyValue | None, new: KeyValue | None) -> None:
        """Follow a change; the mirror may be ahead of it already."""
        found = new or old
        if found is not None:
            self.follow(found.key)

    def follow(self, key: bytes) -> None:
        """Set the level of the logger that a key names to the one that is there now, or back."""
        name = key[self._cut :].decode(errors="replace")
        with self._lock:  # the last one that reads is the last one that sets
            if self._over:
                return
            try:
                found = self._mirror[key]  # that of a mirror, whose get() is another one
            except KeyError:
                self._reset(name)
            else:
                self._set(name, found.value.decode(errors="replace").strip())

    def reset(self) -> None:
        """Give each logger the level that it had before; what follows changes nothing."""
        with self._lock:
            self._over = True
            for name in list(self._before):
                self._reset(name)

    def _set(self, name: str, level: str) -> None:
        chosen = logging.getLogger(name)
        before = chosen.level
        try:
            chosen.setLevel(int(level) if level.isdecimal() else level.upper())
            self._before.setdefault(name, before)
            log.info("the level of %r is now %s", name, logging.getLevelName(chosen.level))
        except ValueError:
            log.warning("the logger %r keeps its level: %.40r is none; use DEBUG, INFO, WARNING, ...", name, level)

    def _reset(self, name: str) -> None:
        if name in self._before:
            logging.getLogger(name).setLevel(self._before.pop(name))
            log.info("the level of %r is what it was before", name)


@contextmanager
def following(prefix: str, mirror: Mirror[Any]) -> Generator[None, None, None]:
    """Let the levels follow a mirror until the block ends."""
    levels = Levels(prefix, mirror)
    mirror.on("change", levels.changed)
    for key in mirror:
        levels.follow(key)
    try:
        yield
    finally:
        levels.reset()


@contextmanager
def log_levels(etcd: ETCDService, prefix: str = PREFIX) -> Generator[None, None, None]:
    """Let the levels of loggers follow the keys below ``prefix`` until the block ends; they have theirs back then.

    The present ones are set as it begins. Raises ``EtcdError`` if etcd cannot be read then; later it may be away.
    """
    with etcd.mirror(prefix) as mirror, following(prefix, mirror):
        yield


@asynccontextmanager
async def alog_levels(etcd: AsyncETCDService, prefix: str = PREFIX) -> AsyncGenerator[None, None]:
    """Do the same as ``log_levels`` in asyncio."""
    async with etcd.mirror(prefix) as mirror:
        with following(prefix, mirror):
            yield
