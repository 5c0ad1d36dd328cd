"""The factory of an application: opened as it starts, or at its first use; a test may open it on its own servers."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeVar

from etcd_factory.io.runtime import forks
from etcd_factory.options import FactoryOptionsLike
from etcd_factory.options.secret import masked_options
from etcd_factory.service import ETCDService

from .etcd import AsyncETCDServiceFactory, ETCDServiceFactory
from .health import HealthReport

File = str | os.PathLike[str]
Given = FactoryOptionsLike | File | ETCDServiceFactory | None
AsyncGiven = FactoryOptionsLike | File | AsyncETCDServiceFactory | None

F = TypeVar("F", ETCDServiceFactory, AsyncETCDServiceFactory)

_overrides: list[FactoryOptionsLike | File] = []
_shared: weakref.WeakSet[SharedFactory] = weakref.WeakSet()


class SharedFactory:
    """One blocking factory for all threads of a process, made at its first use.

    ``config`` is a directory or file to load, by default ``config``, or the configuration itself, or a factory, which
    ``close`` does not close. It may be used before a fork and after: a child goes on with the factory that it has
    inherited, or makes its own; so does a process that gets it pickled. It is closed at the exit of the process too.
    """

    def __init__(self, config: Given = None) -> None:
        config = self._config = masked_options(config)
        self._factory: ETCDServiceFactory | None = None
        self._lock = threading.Lock()
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close)
        _shared.add(self)
        forks.register(self)

    @property
    def factory(self) -> ETCDServiceFactory:
        """The factory. Raises ``ConfigError`` listing every problem if it cannot be made."""
        with self._lock:
            if self._factory is None:
                self._factory = opened(self._stack, self._config)
            return self._factory

    def get(self, name: str | None = None) -> ETCDService:
        """Return the client of that name, or the default one; see ``ETCDServiceFactory.get``."""
        return self.factory.get(name)

    def close(self) -> None:
        """Close the factory; the next use opens it again. Idempotent."""
        with self._lock:
            self._factory = None
            self._stack.close()

    def __reduce__(self) -> tuple[type[SharedFactory], tuple[Given]]:
        return SharedFactory, (self._config,)

    def forget(self) -> object:
        """Replace the lock in a forked child: a thread of the parent may have held it."""
        self._lock = threading.Lock()
        return None


def opened(stack: ExitStack, config: Given) -> ETCDServiceFactory:
    """Return a factory, which the stack closes unless it was passed."""
    chosen = _overrides[-1] if _overrides else config
    if isinstance(chosen, ETCDServiceFactory):
        return chosen
    return stack.enter_context(made_of(ETCDServiceFactory, chosen))


def made_of(factory: type[F], config: Any) -> F:
    """Return a factory: from a directory or file, so that its errors name the files, or from a configuration."""
    if config is None:
        return factory.from_config()
    return factory.from_config(config) if is_file(config) else factory(config)


def is_file(config: object) -> bool:
    """Whether it is a directory or file to load; a URL is a configuration."""
    return "://" not in config if isinstance(config, str) else isinstance(config, os.PathLike)


@asynccontextmanager
async def running(config: AsyncGiven = None) -> AsyncGenerator[AsyncETCDServiceFactory, None]:
    """Yield the asyncio factory of an application, and close it at the end, unless it was passed.

    ``config`` is a directory or file to load, by default ``config``, or the configuration itself.
    """
    config = masked_options(config)
    chosen = _overrides[-1] if _overrides else config
    if isinstance(chosen, AsyncETCDServiceFactory):
        yield chosen
        return
    async with made_of(AsyncETCDServiceFactory, chosen) as factory:
        yield factory


@contextmanager
def override_config(config: FactoryOptionsLike | File) -> Generator[None, None, None]:
    """Open the factories of applications on this configuration until the block ends, whatever theirs is; for tests.

    That is each ``SharedFactory``, and what an application opens as it starts. Not for tests in parallel threads.
    """
    config = masked_options(config)
    close_all()
    _overrides.append(config)
    try:
        yield
    finally:
        _overrides.pop()
        close_all()


def close_all() -> None:
    """Close every shared factory; the next use of each opens it again."""
    for one in list(_shared):
        one.close()


def readiness(report: HealthReport) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of a readiness route: 503 if a client is not healthy, not counting low priority.

    The body has no error texts, which would tell everyone the addresses of the hosts.
    """
    ready = report.healthy()
    clients = {
        name: {"ok": health.ok, "priority": health.priority, "error": health.error and type(health.error).__name__}
        for name, health in report.items()
    }
    return (200 if ready else 503), {"ready": ready, "clients": clients}
