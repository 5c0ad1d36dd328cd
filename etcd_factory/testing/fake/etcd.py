"""An etcd in memory, for tests of code on a client."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from math import inf
from typing import Any
from weakref import WeakSet

from etcd_factory.compat import Self
from etcd_factory.core.face import Async, Sync
from etcd_factory.errors import ConnectionFailedError
from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import ClientOptionsLike, FactoryOptionsLike
from etcd_factory.service import AsyncETCDService, ETCDService

from . import factories, routes
from .clock import Alarm, Clock
from .member import Member
from .transport import FakeTransport

ENDPOINT = "127.0.0.1:2379"


class FakeEtcd:
    """An etcd in memory for any number of clients of both faces: no server, and no time that passes by itself.

    >>> etcd = FakeEtcd()
    >>> with etcd.client() as client:
    ...     lease = client.lease(10)
    ...     client.put("color").lease(lease).value("red").revision
    ...     etcd.advance(10)
    ...     client.get("color").string()
    2

    Revisions, ranges, transactions, leases, watches, compaction, users and errors are those of etcd 3.5. Leases expire
    when ``advance`` moves the clock past their ttl, renewed or not meanwhile; with ``real_time`` they also expire as
    time passes. ``endpoint`` is its address, as members and ``hosts`` have it; ``quota`` is the bytes that its database
    may have, 0 for no limit; ``progress_interval`` is how many seconds a watch that asks for progress is sent nothing
    before it gets a report, above 0 (else ``ValueError``).

    It has no snapshots and no downgrades (``UNIMPLEMENTED``), and is a cluster of one: members that are added never
    start.
    """

    def __init__(
        self,
        *,
        real_time: bool = False,
        endpoint: str = ENDPOINT,
        quota: int = 0,
        progress_interval: float = 600,
    ) -> None:
        if progress_interval <= 0:
            raise ValueError(f"progress_interval: expected more than 0 seconds, got {progress_interval}")
        self.endpoint, self._interval = endpoint, progress_interval
        self.lock = threading.RLock()
        self.transports: WeakSet[FakeTransport] = WeakSet()
        self.is_paused, self._is_stopped = False, False
        self._clock = Clock(runs=real_time)
        self._alarm = Alarm(self._clock, lambda: self.lock, self._due, self._act)
        self.member = Member(self._clock.now, f"http://{endpoint}", quota)

    def __repr__(self) -> str:
        state = "stopped" if self._is_stopped else f"revision {self.revision}"
        return f"<FakeEtcd at {self.endpoint}, {'paused' if self.is_paused else state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The one endpoint, as the ``hosts`` of a client."""
        return (self.endpoint,)

    @property
    def revision(self) -> int:
        """The current revision of the store."""
        return self.member.store.revision

    # --- clients

    def client(self, options: ClientOptionsLike | None = None, **changes: Any) -> ETCDService:
        """Return a new blocking client on this fake: ``etcd.client(namespace="app/")``."""
        return ETCDService(self._options(options, changes), transport=self.transport())

    def aclient(self, options: ClientOptionsLike | None = None, **changes: Any) -> AsyncETCDService:
        """Return a new asyncio client on this fake."""
        return AsyncETCDService(self._options(options, changes), transport=self.atransport())

    def factory(self, config: FactoryOptionsLike | None = None) -> ETCDServiceFactory:
        """Return a blocking factory whose clients are all on this fake, whatever their hosts are.

        For ``from_config`` use it inside ``with etcd.installed():``.
        """
        return factories.blocking(self)(config)

    def afactory(self, config: FactoryOptionsLike | None = None) -> AsyncETCDServiceFactory:
        """Return an asyncio factory whose clients are all on this fake, whatever their hosts are."""
        return factories.asynchronous(self)(config)

    def transport(self) -> FakeTransport:
        """Return the ``transport`` of one blocking client: ``ETCDService(options, transport=etcd.transport())``."""
        return FakeTransport(self, Sync)

    def atransport(self) -> FakeTransport:
        """Return the ``transport`` of one asyncio client."""
        return FakeTransport(self, Async)

    @contextmanager
    def installed(self, *hosts: str) -> Generator[Self]:
        """Let every client that is made inside the block use this fake: those of factories and modules too.

        With ``hosts`` only calls to these go to it: ``"127.0.0.1:2379"``, or ``"http://127.0.0.1:2379"`` for calls
        without TLS.
        """
        with routes.added(self, hosts):
            yield self

    def _options(self, options: ClientOptionsLike | None, changes: dict[str, Any]) -> ClientOptionsLike | None:
        if options is not None and changes:
            raise TypeError("pass options or keyword arguments, not both")
        chosen: Any = {"hosts": [self.endpoint], **changes}
        return chosen if options is None else options

    # --- time

    def now(self) -> float:
        """Return the time of its clock, in seconds."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Move its clock: leases whose ttl is over expire, in order, and watches see it before this returns."""
        with self.lock:
            end = self._clock.after(seconds)
            while (due := self._due()) <= end:
                self._clock.reach(due)
                self._act()
            self._clock.reach(end)
        self.schedule()

    def schedule(self) -> None:
        """Look again at what happens next: a call may have changed it."""
        self._alarm.set()

    def _due(self) -> float:
        """Return when something happens by itself."""
        if self._is_stopped or self.is_paused:
            return inf
        return min(self.member.leases.next(), self.member.next_report(self._interval))

    def _act(self) -> None:
        self.member.expire()
        self.member.report(self._interval)

    # --- failures

    def stop(self) -> None:
        """Refuse connections and break those there are, as a server that was shut down; its data remains."""
        with self.lock:
            self._is_stopped, self.is_paused = True, False
            for transport in tuple(self.transports):
                transport.end_streams(ConnectionFailedError("the connection broke: the FakeEtcd was stopped"))
        self._wake()
        self.schedule()

    def start(self) -> Self:
        """Serve again after ``stop()``: as after a restart all leases begin again, and no token is known."""
        with self.lock:
            if self._is_stopped:
                self._is_stopped = False
                self.member.restart()
        self.schedule()
        return self

    def pause(self) -> None:
        """Answer nothing until ``resume()``; calls run into their deadlines."""
        self.is_paused = True
        self.schedule()

    def resume(self) -> None:
        """Answer again after ``pause()``, also what was asked meanwhile and is still waiting."""
        self.is_paused = False
        self._wake()
        self.schedule()

    def require_running(self) -> None:
        """Raise the error of a refused connection if it is stopped."""
        if self._is_stopped:
            error = ConnectionFailedError("connection refused: the FakeEtcd is stopped, start() it")
            error.sent, error.__cause__ = False, ConnectionRefusedError()
            raise error

    def forget(self) -> object:
        """Replace the locks in a forked child, which other threads may hold; the child has a copy of all data."""
        forgotten, self.lock = self.lock, threading.RLock()
        self._alarm.forget()
        return forgotten

    def _wake(self) -> None:
        with self.lock:
            for transport in tuple(self.transports):
                transport.wake()
