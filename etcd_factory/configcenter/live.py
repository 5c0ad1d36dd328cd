"""A configuration that is always current: a value of a user's class, read at the speed of an attribute."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Generic, Literal, TypeVar

from etcd_factory.compat import Self
from etcd_factory.config.sources import Part
from etcd_factory.core.bound import Scoped, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.notifier import call_handler
from etcd_factory.errors import ClientClosedError, ConfigError, EtcdError, EtcdFactoryError

from . import fallback
from .config_mirror import ConfigMirror
from .entries import Entries
from .plan import Plan

T = TypeVar("T")

LiveSource = Literal["etcd", "fallback", "default"]

log = logging.getLogger("etcd_factory.configcenter")


class NotGiven(Enum):
    """The type of ``NOT_GIVEN``: None is a default too."""

    NOT_GIVEN = "not given"


NOT_GIVEN = NotGiven.NOT_GIVEN


class Live(Scoped[F], Generic[F, T]):
    """A configuration that is always current, in ``value``.

    Each change is read and validated before it replaces the value: an invalid one is reported in ``error`` and logged,
    and the last good value stays. ``source`` is ``etcd``, or until etcd has answered ``fallback`` or ``default``. It
    can be a layer of ``load_config``. ``close()`` it, or use it as a context manager.
    """

    value: T
    _run: View

    def __init__(self, view: View, plan: Plan[T], file: Path | None) -> None:
        self._run, self._plan, self._file, self._runtime = view, plan, file, view.client.runtime
        self._mirror: ConfigMirror[F] | None = None
        self._entries: Entries = {}
        self._handlers: list[Callable[[T, T], object]] = []
        self._signal, self._over = self._runtime.signal(), self._runtime.signal()
        self.error: EtcdFactoryError | None = None
        self.source: LiveSource = "etcd"
        self.revision = 0

    async def begin(self, default: T | NotGiven) -> None:
        """Read the first value, and follow it from then on."""
        try:
            await self._load()
            await self._update(first=True)
        except (EtcdError, ConfigError) as error:
            await self._fall_back(error, default)
        except BaseException:  # cancelled
            await self._close()
            raise
        self._runtime.spawn(self._follow(), "etcd_factory configuration")

    async def _load(self) -> None:
        mirror: ConfigMirror[F] = ConfigMirror(self._run, self._plan.prefix.encode(), self._signal.set)
        await mirror.load()
        self._mirror = mirror
        if self._over.is_set():  # closed meanwhile
            await self._close()

    async def _fall_back(self, error: EtcdFactoryError, default: T | NotGiven) -> None:
        """Begin with the fallback file or the default; raises the error if there is neither."""
        self.error = error
        if self._file is not None:
            try:
                revision, entries = await self._runtime.aside(partial(fallback.load, self._file, self._plan.prefix))
                self.value, self._entries = await self._plan.build_aside(self._runtime, entries), entries
                self.source, self.revision = "fallback", revision
                log.warning("using the configuration in %s: %s", self._file, error)
                return
            except ConfigError as refused:
                log.error("%s", refused)
                error.__context__ = refused
        if isinstance(default, NotGiven):
            await self._close()
            raise error
        self.value, self.source = default, "default"
        log.warning("using the default configuration: %s", error)

    # --- following

    async def _follow(self) -> None:
        failures = 0
        while not self._over.is_set():
            if self._mirror is None:
                failures = await self._retry(failures)
                continue
            await self._signal.wait()
            self._signal.clear()
            await self._take()

    async def _retry(self, failures: int) -> int:
        """Try to read from etcd again; returns the failures so far."""
        try:
            await self._load()
            self._signal.set()
        except ClientClosedError:
            self._over.set()
        except Exception as error:  # nothing that etcd has may end this task
            log.info("could not read the configuration from etcd, retrying: %s", error)
            await self._over.wait(self._run.client.backoff(failures + 1))
            return failures + 1
        return 0

    async def _take(self) -> None:
        """Take over what etcd has now, if it is valid."""
        if self._mirror is None or self._mirror.ended:
            self._over.set()
            return
        try:
            await self._update()
        except EtcdFactoryError as error:
            self._refuse(error)
        except Exception as error:  # of the user's class: nothing that etcd has may end this task
            refused = ConfigError(f"the configuration cannot be built: {type(error).__name__}")
            refused.__cause__ = error  # its text may quote a secret
            self._refuse(refused)

    def _refuse(self, error: EtcdFactoryError) -> None:
        """Keep the value, and report the error once."""
        if str(error) != str(self.error):
            log.error("keeping the configuration, the new one is invalid: %s", error)
        self.error = error

    async def _update(self, first: bool = False) -> None:
        assert self._mirror is not None
        revision, entries = self._mirror.entries()
        if not first and entries == self._entries and self.source == "etcd":
            self.error = None
            return
        if not entries and self._entries and (self._mirror.emptied or self.source == "fallback"):
            raise ConfigError(f"the store was emptied: there is nothing under {self._plan.prefix!r} any more")
        new = await self._plan.build_aside(self._runtime, entries)
        old = new if first else self.value
        self.value, self._entries = new, entries
        self.error, self.source, self.revision = None, "etcd", revision
        await self._write_fallback(revision, entries, first)
        if differ(new, old):
            for handler in tuple(self._handlers):
                await call_handler(self._runtime, log, "a change of the configuration", handler, old, new)

    async def _write_fallback(self, revision: int, entries: Entries, first: bool) -> None:
        """Write the fallback file; a store that was emptied before the start does not overwrite it."""
        if self._file is None or (first and not entries and exists(self._file)):
            return
        try:
            await self._runtime.aside(partial(fallback.write, self._file, self._plan.prefix, revision, entries))
        except (OSError, ValueError) as error:  # also a path that no file can have
            log.warning("the fallback file %s could not be written: %s", self._file, error)

    # --- what the user does

    def on_change(self, handler: Callable[[T, T], object]) -> Self:
        """Call ``handler(old, new)`` at each change of the value from now on, one call after another; returns itself.

        Of changes that come faster than that only the last may be reported. What a handler raises is logged; in asyncio
        it may be ``async``.
        """
        self._handlers.append(handler)
        return self

    def config_layers(self) -> tuple[Part, ...]:
        """Return what etcd has now, as layers of ``load_config``."""
        return self._plan.layers(self._entries)

    @operation
    async def close(self) -> None:
        """Stop following; the last value stays. Idempotent."""
        await self._close()

    async def _close(self) -> None:
        self._over.set()
        self._signal.set()
        mirror, self._mirror = self._mirror, None
        if mirror is not None:
            await mirror.end()

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self._close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._plan.prefix!r} from {self.source} at revision {self.revision}>"


def exists(path: Path) -> bool:
    """Whether there is a file; False for a path that no file can have."""
    return os.path.exists(path)


def differ(new: object, old: object) -> bool:
    """Whether a value has changed; also if its class cannot compare it."""
    try:
        return bool(new != old)
    except Exception:
        return True
