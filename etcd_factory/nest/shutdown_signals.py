"""Signals that stop an application: raised as an exception in the program, so that its ``with`` block is left.

A handler cannot stop the application itself: it runs between any two steps of the main thread, which may hold a lock
that stopping needs.
"""

from __future__ import annotations

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from signal import Signals
from typing import Any
from weakref import WeakSet

from etcd_factory.errors import suggestion

from .errors import ApplicationStateError, DeclarationError

# Nest's default has more, for which Python cannot run a handler, or which stand for errors of the process itself.
DEFAULT = tuple(name for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))


INSTALLED: WeakSet[ShutdownSignals] = WeakSet()


def forget_all() -> None:
    """Restore the handlers of before, in a forked child."""
    for one in [*INSTALLED]:
        one.forget()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=forget_all)


def as_signal(value: str | Signals) -> Signals:
    """Return a signal by its name; raises ``DeclarationError`` if there is none."""
    names = Signals.__members__
    if isinstance(value, Signals) or value in names:
        return value if isinstance(value, Signals) else names[value]
    raise DeclarationError(f"unknown signal {value!r}{suggestion(str(value), names)}; use a name like 'SIGTERM'")


class ShutdownSignals(ABC):
    """The signals of one application, from when they are enabled until it has stopped."""

    def __init__(self) -> None:
        self._enabled: tuple[Signals, ...] = ()
        self._previous: dict[Signals, Any] = {}
        self._received: Signals | None = None
        self._late: Signals | None = None  # received while the application was stopping without a signal
        self._is_stopping = False
        INSTALLED.add(self)

    @property
    def received(self) -> str | None:
        """The name of the signal that ended the application."""
        return None if self._received is None else self._received.name

    def enable(self, signals: Iterable[str | Signals] | None) -> None:
        """Set the signals to handle from ``install`` on; by default those that are not ignored, as by nohup."""
        default = (name for name in DEFAULT if signal.getsignal(as_signal(name)) is not signal.SIG_IGN)
        self._enabled = tuple(map(as_signal, default if signals is None else signals))

    def install(self) -> None:
        """Begin to handle them; raises ``ApplicationStateError`` if one cannot be, as outside of the main thread."""
        self._received = self._late = None
        self._is_stopping = False
        for one in self._enabled:
            previous = signal.getsignal(one)
            try:
                self._listen(one)
            except (OSError, RuntimeError, ValueError) as error:
                self.restore()
                raise ApplicationStateError(
                    f"cannot handle {one.name}: {error}; use enable_shutdown_hooks() in the main thread only, for an "
                    "AsyncApplication in its event loop"
                ) from error
            self._previous.setdefault(one, previous)

    def hold(self) -> None:
        """Begin to stop: further signals do not interrupt it."""
        self._is_stopping = True

    def restore(self) -> None:
        """Restore the handlers of before; a signal that came while stopping is sent again to them."""
        while self._previous:
            one, previous = self._previous.popitem()
            self._unlisten(one)
            if previous is not None:  # None: not installed from Python
                signal.signal(one, previous)
        self._enabled, self._is_stopping = (), False
        late, self._late = self._late, None
        if late is not None:
            signal.raise_signal(late)

    def forget(self) -> None:
        """In a forked child, restore the handlers of before: the application stays the parent's.

        Those of asyncio would even wake the loop of the parent.
        """
        for one, previous in self._previous.items():
            signal.signal(one, signal.SIG_DFL if previous is None else previous)
        self._enabled, self._previous = (), {}

    def on_signal(self, number: int, _: object = None) -> None:
        """Handle a signal: it ends the program; while the application is stopping it has no effect, as in Nest."""
        if not self._is_stopping:
            self._received = Signals(number)
            self._interrupt()
        elif self._received is None:
            self._late = Signals(number)

    @contextmanager
    def ending(self) -> Generator[None, None, None]:
        """Raise what ends the program in place of the cancellation that a signal caused."""
        try:
            yield
        except asyncio.CancelledError as error:
            self.end(error)
            raise

    def end(self, error: BaseException | None) -> None:
        """Raise what ends the program if ``error`` is the cancellation that a signal caused."""
        if isinstance(error, asyncio.CancelledError) and self._received is not None:
            raise self.exception() from None

    def exception(self) -> BaseException:
        """Return what ends the program: as Python does for SIGINT, with the exit code of a shell for others."""
        assert self._received is not None
        return KeyboardInterrupt() if self._received is Signals.SIGINT else SystemExit(128 + self._received)

    @abstractmethod
    def _listen(self, one: Signals) -> None: ...

    @abstractmethod
    def _unlisten(self, one: Signals) -> None: ...

    @abstractmethod
    def _interrupt(self) -> None: ...


class RaisedSignals(ShutdownSignals):
    """Signals of a blocking application: raised in the main thread."""

    def _listen(self, one: Signals) -> None:
        signal.signal(one, self.on_signal)

    def _unlisten(self, one: Signals) -> None:
        """Do nothing: the handler of before is set in its place."""

    def _interrupt(self) -> None:
        raise self.exception()


class CancellingSignals(ShutdownSignals):
    """Signals of an asyncio application: the task that enabled them, or started the application, is cancelled."""

    _loop: asyncio.AbstractEventLoop
    _task: asyncio.Task[Any] | None

    def install(self) -> None:
        """Begin to handle them in the running loop."""
        if self._enabled:
            with suppress(RuntimeError):  # no running loop: refused below
                self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        super().install()

    def _listen(self, one: Signals) -> None:
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(one, self.on_signal, one)
        except NotImplementedError:  # on Windows
            signal.signal(one, lambda number, _: loop.call_soon_threadsafe(self.on_signal, number) and None)

    def _unlisten(self, one: Signals) -> None:
        with suppress(NotImplementedError):
            self._loop.remove_signal_handler(one)

    def _interrupt(self) -> None:
        if self._task is None or self._task.done():  # nothing would stop the application: as without these handlers
            self._late, self._received = self._received, None
            self.restore()
        else:
            self._task.cancel()
