"""A configuration that is always current: a value of the user's own class, read at the speed of an attribute."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from attrs import frozen
from typing_extensions import Self

from etcd_factory.config.loader import aread, assembled, read
from etcd_factory.config.sources import Part, Source
from etcd_factory.core.call.retry import backoff
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Bound, F, Sync, operation
from etcd_factory.core.handlers import call
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.core.mirror.store import Change
from etcd_factory.core.ports import IO
from etcd_factory.errors import ClientClosedError, ConfigError, EtcdError, EtcdFactoryError

from . import fallback
from .entries import Entries, parts
from .typed import typed

T = TypeVar("T")

log = logging.getLogger("etcd_factory.configcenter")


@frozen
class Plan:
    """What a configuration is made of: what stands in etcd, over what the sources say."""

    cls: Any
    prefix: str
    names: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    env: str | None = None

    def build(self, entries: Entries) -> Any:
        """The value; ``ConfigError`` has all that is wrong."""
        layers = Layers(tuple(parts(entries, self.names, self.prefix)))
        loaded = read(*self.sources, layers, env=self.env) if self.sources else assembled(layers.parts)
        return typed(self.cls, loaded.checked().tree, loaded.origin)

    async def made(self, io: IO, entries: Entries) -> Any:
        """The same, holding up no event loop; in asyncio a ``.py`` source may be ``async``."""
        if io.face is Sync or not self.sources:
            return await io.aside(partial(self.build, entries))
        loaded = await aread(*self.sources, Layers(tuple(parts(entries, self.names, self.prefix))), env=self.env)
        return typed(self.cls, loaded.checked().tree, loaded.origin)


@frozen
class Layers:
    """Layers as a source of a configuration."""

    parts: tuple[Part, ...]

    def config_layers(self) -> tuple[Part, ...]:
        """The layers."""
        return self.parts


class ConfigMirror(Mirror[F]):
    """The mirror of a configuration's keys, which says that something has changed, or that it is over."""

    def __init__(self, view: View, prefix: bytes, notice: Callable[[], None]) -> None:
        super().__init__(view, prefix)
        self._notice, self.deaf = notice, False
        self.emptied = False

    def _renew(self, reply: Any) -> None:
        self.emptied = not reply.kvs and len(self) > 0
        super()._renew(reply)

    def _end(self, error: Exception | None) -> None:
        super()._end(error)
        self.deaf = True
        self._notice()

    def _hear(self, events: tuple[Any, ...]) -> bool:
        self.emptied = False
        return super()._hear(events)

    def _changed(self, changes: list[Change]) -> None:
        super()._changed(changes)
        self._notice()

    def entries(self) -> tuple[int, Entries]:
        """The revision, and the values as text by their keys below the prefix."""
        revision, cut = self.revision, len(self._prefix)
        return revision, {text(key[cut:]): text(kv.value) for key, kv in self.copy().items()}


def text(data: bytes) -> str:
    """Text that may be looked at, whatever it is; what is no UTF-8 is no YAML either, and is told of so."""
    return data.decode(errors="backslashreplace")


class Live(Bound[F], Generic[F, T]):
    """A configuration that is always current, in ``value``.

    Each change is read and checked before it takes the old one's place: what can't be used is told in ``error`` and
    logged, and the last good value stays. ``source`` is ``etcd``, or ``fallback`` or ``default`` until etcd has
    answered. It can be one more layer of ``load_config``. ``close()`` it, or use it as a context manager.
    """

    value: T

    def __init__(self, view: View, plan: Plan, file: Path | None) -> None:
        self._run, self._plan, self._file, self._io = view, plan, file, view.client.io
        self._ear: ConfigMirror[F] | None = None
        self._entries: Entries = {}
        self._handlers: list[Callable[[T, T], Any]] = []
        self._signal, self._over = self._io.signal(), self._io.signal()
        self.error: EtcdFactoryError | None = None
        self.source, self.revision = "etcd", 0

    async def begin(self, default: Any, given: bool) -> None:
        """The first value, and following from then on."""
        try:
            await self._load()
            await self._renew(first=True)
        except (EtcdError, ConfigError) as error:
            await self._spare(error, default, given)
        except BaseException:  # cancelled
            await self._close()
            raise
        self._io.spawn(self._follow(), "etcd_factory configuration")

    async def _load(self) -> None:
        ear: ConfigMirror[F] = ConfigMirror(self._run, self._plan.prefix.encode(), self._signal.set)
        await ear.load()
        self._ear = ear
        if self._over.is_set():  # closed meanwhile
            await self._close()

    async def _spare(self, error: EtcdFactoryError, default: Any, given: bool) -> None:
        """What takes the place of etcd's word at the start."""
        self.error = error
        if self._file is not None:
            try:
                revision, entries = await self._io.aside(partial(fallback.load, self._file, self._plan.prefix))
                self.value, self._entries = await self._plan.made(self._io, entries), entries
                self.source, self.revision = "fallback", revision
                log.warning("the configuration is read from %s: %s", self._file, error)
                return
            except ConfigError as refused:
                log.error("%s", refused)
                error.__context__ = refused
        if not given:
            await self._close()
            raise error
        self.value, self.source = default, "default"
        log.warning("the configuration is the default: %s", error)

    # --- following

    async def _follow(self) -> None:
        failures = 0
        while not self._over.is_set():
            if self._ear is None:
                failures = await self._retry(failures)
                continue
            await self._signal.wait()
            self._signal.clear()
            await self._take()

    async def _retry(self, failures: int) -> int:
        """Look whether etcd is back; the failures so far."""
        client = self._run.client
        try:
            await self._load()
            self._signal.set()
        except ClientClosedError:
            self._over.set()
        except EtcdFactoryError as error:
            log.info("the configuration could not be read from etcd, and is tried again: %s", error)
            await self._over.wait(backoff(client.options.retry, failures + 1, client.chance()))
            return failures + 1
        return 0

    async def _take(self) -> None:
        """Take over what etcd says now, if it can be used."""
        if self._ear is None or self._ear.deaf:
            self._over.set()
            return
        try:
            await self._renew()
        except ConfigError as error:
            if str(error) != str(self.error):
                log.error("the configuration stays as it was, the new one can't be used: %s", error)
            self.error = error

    async def _renew(self, first: bool = False) -> None:
        assert self._ear is not None
        revision, entries = self._ear.entries()
        if not first and entries == self._entries and self.source == "etcd":
            self.error = None
            return
        if not entries and self._entries and (self._ear.emptied or self.source == "fallback"):
            raise ConfigError(f"the store was emptied: there is nothing below {self._plan.prefix!r} any more")
        new = await self._plan.made(self._io, entries)
        old = new if first else self.value
        self.value, self._entries = new, entries
        self.error, self.source, self.revision = None, "etcd", revision
        await self._keep(revision, entries, first)
        if new != old:
            for handler in tuple(self._handlers):
                await call(self._io, log, "a change of the configuration", handler, old, new)

    async def _keep(self, revision: int, entries: Entries, first: bool) -> None:
        """Write the fall-back file; a store that was emptied before the start takes nothing away."""
        if self._file is None or (first and not entries and self._file.exists()):
            return
        try:
            await self._io.aside(partial(fallback.write, self._file, self._plan.prefix, revision, entries))
        except OSError as error:
            log.warning("the fall-back file %s could not be written: %s", self._file, error)

    # --- what the user does

    def on_change(self, handler: Callable[[T, T], Any]) -> Self:
        """Call ``handler(old, new)`` at each change of the value from now on, one call after another; gives it itself.

        Of changes that come faster than that only the last one may be told. What a handler raises is logged; in asyncio
        it may be ``async``.
        """
        self._handlers.append(handler)
        return self

    def config_layers(self) -> tuple[Part, ...]:
        """What stands in etcd now, as layers of ``load_config``."""
        return tuple(parts(self._entries, self._plan.names, self._plan.prefix))

    @operation
    async def close(self) -> None:
        """Follow no more; the last value stays. Twice is fine."""
        await self._close()

    async def _close(self) -> None:
        self._over.set()
        self._signal.set()
        ear, self._ear = self._ear, None
        if ear is not None:
            await ear.leave()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._plan.prefix!r} from {self.source} at revision {self.revision}>"

    def __enter__(self: Live[Sync, T]) -> Live[Sync, T]:
        return self

    def __exit__(self: Live[Sync, T], *error: object) -> None:
        self.close()

    async def __aenter__(self: Live[Async, T]) -> Live[Async, T]:
        return self

    async def __aexit__(self: Live[Async, T], *error: object) -> None:
        await self._close()
