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
from etcd_factory.core.bound import Guarded, Scoped, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F, Sync, finish
from etcd_factory.core.handlers import call_handler, checked
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


class Live(Guarded, Scoped[F], Generic[F, T]):
    """A configuration that is always current, in ``value``.

    Each change is read and validated before it replaces the value: an invalid one is reported in ``error`` and logged,
    and the last good value stays. ``source`` is ``etcd``, or until etcd has answered ``fallback`` or ``default``. It
    can be a layer of ``load_config``. ``close()`` it, or use it as a context manager.

    In a forked child it begins again when it is read there first: in the blocking face before that returns, in asyncio
    in the background. If etcd is unreachable, or its values are invalid, the last good value stays, and ``error`` says
    why. From then on its handlers are called in the child too.
    """

    _run: View
    _value: T

    def __init__(self, view: View, plan: Plan[T], file: Path | None, codec: fallback.Codec | None = None) -> None:
        self._run, self._plan, self._runtime = view, plan, view.client.runtime
        self._file, self._codec = file, codec
        self._mirror: ConfigMirror[F] | None = None
        self._entries: Entries = {}
        self._handlers: list[Callable[[T, T], object]] = []
        self._signal, self._over = self._runtime.signal(), self._runtime.signal()
        self._error: EtcdFactoryError | None = None
        self._source: LiveSource = "etcd"
        self._revision = 0
        self._inherited = False
        view.client.background.register(self)

    @property
    def value(self) -> T:
        """The last good configuration."""
        if self._inherited:
            self._renew()
        return self._value

    @property
    def error(self) -> EtcdFactoryError | None:
        """Why what etcd has now is not the value, None if it is."""
        if self._inherited:
            self._renew()
        return self._error

    @property
    def source(self) -> LiveSource:
        """Where the value comes from."""
        if self._inherited:
            self._renew()
        return self._source

    @property
    def revision(self) -> int:
        """The revision of the store that the value was read at."""
        if self._inherited:
            self._renew()
        return self._revision

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
        self._mirror, mirror.emptied = mirror, not mirror  # where there were values before
        if self._over.is_set():  # closed meanwhile
            await self._close()

    async def _fall_back(self, error: EtcdFactoryError, default: T | NotGiven) -> None:
        """Begin with the fallback file or the default; raises the error if there is neither."""
        self._error = error
        if self._file is not None:
            try:
                load = partial(fallback.load, self._file, self._plan.prefix, self._codec)
                revision, entries = await self._runtime.aside(load)
                self._value, self._entries = await self._plan.build_aside(self._runtime, entries), entries
                self._source, self._revision = "fallback", revision
                log.warning("using the configuration in %s: %s", self._file, error)
                return
            except ConfigError as refused:
                log.error("%s", refused)
                error.__context__ = refused
        if isinstance(default, NotGiven):
            await self._close()
            raise error
        self._value, self._source = default, "default"
        log.warning("using the default configuration: %s", error)

    # --- following

    async def _follow(self, change: tuple[T, T] | None = None) -> None:
        failures = 0
        await self._notify(change)
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
            log.debug("could not read the configuration from etcd, retrying: %s", error)
            await self._over.wait(self._run.client.backoff(failures + 1))
            return failures + 1
        return 0

    async def _take(self) -> None:
        """Take over what etcd has now, if it is valid."""
        if self._mirror is None or self._mirror.ended:
            self._over.set()
            return
        try:
            await self._notify(await self._update())
        except Exception as error:  # nothing that etcd has may end this task
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Keep the value, and report the error once."""
        refused = as_reported(error)
        if str(refused) != str(self._error):
            log.error("keeping the configuration, the new one is invalid: %s", refused)
        self._error = refused

    async def _update(self, first: bool = False) -> tuple[T, T] | None:
        """Take over what etcd has now; returns the old value and the new one if they differ."""
        assert self._mirror is not None
        revision, entries = self._mirror.entries()
        if not first and entries == self._entries and self._source == "etcd":
            self._error = None
            return None
        if not entries and self._entries and (self._mirror.emptied or self._source == "fallback"):
            raise ConfigError(f"the store was emptied: there is nothing under {self._plan.prefix!r} any more")
        new = await self._plan.build_aside(self._runtime, entries)
        old = new if first else self._value
        self._value, self._entries = new, entries
        self._error, self._source, self._revision = None, "etcd", revision
        await self._write_fallback(revision, entries, first)
        return (old, new) if differ(new, old) else None

    async def _notify(self, change: tuple[T, T] | None) -> None:
        for handler in tuple(self._handlers) if change else ():
            await call_handler(self._runtime.face, log, "a change of the configuration", handler, *change or ())

    async def _write_fallback(self, revision: int, entries: Entries, first: bool) -> None:
        """Write the fallback file; a store that was emptied before the start does not overwrite it."""
        if self._file is None or (first and not entries and exists(self._file)):
            return
        try:
            write = partial(fallback.write, self._file, self._plan.prefix, revision, entries, self._codec)
            await self._runtime.aside(write)
        except (OSError, ValueError) as error:  # also a path that no file can have
            log.warning("the fallback file %s could not be written: %s", self._file, error)

    # --- in a forked child

    def forget(self) -> object:
        """Leave the mirror to the parent."""
        left, over = (self._signal, self._over, self._mirror), self._over.is_set()
        self._signal, self._over = self._runtime.signal(), self._runtime.signal()
        self._mirror, self._inherited = None, not over
        if over:
            self._over.set()
        return left

    def _renew(self) -> None:
        """Begin again at its first use: before this returns, in asyncio in the background."""
        if self._over.is_set():
            return
        if self._run.face is Sync:
            finish(self._run.client.single_flight.run(self, self._begin_again))
        elif self._run.client.background.runs_here:
            self._inherited = False
            self._runtime.spawn(self._follow(), "etcd_factory configuration")

    async def _begin_again(self) -> None:
        if not self._inherited:  # another thread has done it
            return
        change = None
        try:
            await self._load()
            change = await self._update() if self._mirror else None  # None: closed meanwhile
        except Exception as error:
            self._error = as_reported(error)
            log.warning("keeping the configuration of before the fork: %s", self._error)
        self._inherited = False
        self._runtime.spawn(self._follow(change), "etcd_factory configuration")

    # --- what the user does

    def on_change(self, handler: Callable[[T, T], object]) -> Self:
        """Call ``handler(old, new)`` at each change of the value from now on, one call after another; returns itself.

        Of changes that come faster than that only the last may be reported. What a handler raises is logged; in asyncio
        it may be ``async``.
        """
        if self._inherited:
            self._renew()
        self._handlers.append(checked(handler, self._run.face))
        return self

    def config_layers(self) -> tuple[Part, ...]:
        """Return what etcd has now, as layers of ``load_config``."""
        if self._inherited:
            self._renew()
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
        return f"<{type(self).__name__} {self._plan.prefix!r} from {self._source} at revision {self._revision}>"


def exists(path: Path) -> bool:
    """Whether there is a file; False for a path that no file can have."""
    return os.path.exists(path)


def differ(new: object, old: object) -> bool:
    """Whether a value has changed; also if its class cannot compare it."""
    try:
        return bool(new != old)
    except Exception:
        return True


def as_reported(error: Exception) -> EtcdFactoryError:
    """Return an error as it is reported; that of a user's class is not shown, as it may quote a secret."""
    if isinstance(error, EtcdFactoryError):
        return error
    reported = ConfigError(f"the configuration cannot be built: {type(error).__name__}")
    reported.__cause__ = error
    return reported
