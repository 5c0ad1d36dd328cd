"""Renews a client's leases in the background, on one stream that is opened again wherever it breaks."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.retry import backoff
from etcd_factory.errors import InvalidAuthTokenError

from .schedule import Renewal, Renewals
from .stream import KeepAliveStream

log = logging.getLogger("etcd_factory.lease")

ROOM = 1 << 30  # for mail: more than there ever is, since a lease waits for one answer at a time
LATE = 0.1  # seconds; who wakes up later than this has been held up
INFINITY = float("inf")
BOUND = 5.0  # seconds that ending the stream may take

Mail = Callable[[], Any]


class Renewer:
    """Renews leases from the first one on until none is wanted any more.

    All that happens is mail: functions that run one after another in its own task, which alone touches its state. Mail
    that can wait until something else is to be done wakes nobody: most leases come and go without a renewal.
    """

    def __init__(self, client: Client, gone: Callable[[int], None]) -> None:
        self._client, self._io, self._gone = client, client.io, gone
        self._box = self._io.mailbox(ROOM)
        self._waiting: deque[Mail] = deque()
        self._until: float | None = None  # nobody has to wake it before; None: it is awake, or waits without end
        self._renewals = Renewals()
        self._line: KeepAliveStream | None = None
        self._task: Any = None
        self._failures, self._reopen = 0, 0.0

    def add(self, lease: Renewal) -> None:
        """Renew this one too."""
        self._leave(lambda: self._renewals.add(lease, self._io.now()), lease.due)

    def drop(self, lease: int) -> None:
        """Renew this one no more."""
        self._leave(lambda: self._renewals.drop(lease))

    def learn(self, lease: int, ttl: int, sent: float) -> None:
        """Somebody else has renewed this one, or tried to."""
        self._leave(lambda: self._judge(lease, self._renewals.renewed(lease, ttl, sent, self._io.now())))
        if ttl <= 0:
            self.wake()

    def _leave(self, mail: Mail, due: float = INFINITY) -> None:
        self._waiting.append(mail)
        if self._until is None or due < self._until:
            self.wake()

    def wake(self) -> None:
        """Let it look at once whether there is something to do."""
        self._box.put(self._open_mail)

    def _open_mail(self) -> None:
        while self._waiting:
            self._waiting.popleft()()

    async def run(self, wanted: Callable[[], bool]) -> None:
        """Renew what there is for as long as ``wanted``."""
        try:
            while wanted():
                await self._read()
                await self._act(self._io.now())
        finally:
            await self._end()

    async def _read(self) -> None:
        """Wait until there is something to do, and read all mail."""
        start = self._io.now()
        wait = self._wait(start)
        self._until = None if wait is None else start + wait
        if self._waiting:
            wait = 0.0
        mail: Mail | None = await self._box.get(wait)
        self._until = None
        if wait is not None and self._io.now() > start + wait + LATE:
            # This process was held up, perhaps for longer than a ttl. Answers that came meanwhile are read before a
            # lease is taken for lost.
            await self._io.sleep(LATE)
            mail = mail or await self._box.get(0)
        self._open_mail()
        while mail:
            mail()
            mail = await self._box.get(0)

    def _wait(self, now: float) -> float | None:
        """Seconds until something is to be done if no mail comes."""
        times = [self._renewals.next(asking=self._line is not None and not self._line.is_over)]
        if self._line is None and (due := self._renewals.due()) is not None:
            times.append(max(self._reopen, due))
        known = [time for time in times if time is not None]
        return max(0.0, min(known) - now) if known else None

    async def _act(self, now: float) -> None:
        """Do what is to be done by now."""
        for lease in self._renewals.lost(now):
            self._gone(lease)
        if self._line is None:
            self._open(now)
        elif self._renewals.deaf(now):
            log.info("%s does not answer in time; leases are renewed elsewhere", self._line.host)
            await self._line.hang_up()
            self._renewals.broke(now)
        elif not self._line.is_over:
            await self._line.push(self._renewals.ask(now))

    def _open(self, now: float) -> None:
        if now >= self._reopen and (asked := self._renewals.ask(now)):
            self._line = KeepAliveStream(self._client, self._client.hosts.pick(now), asked)
            self._task = self._io.spawn(self._line.run(self._hear, self._broke), "etcd_factory lease stream")

    def _hear(self, line: KeepAliveStream, answer: Any) -> None:
        self._box.put(lambda: self._heard(line, answer))

    def _broke(self, line: KeepAliveStream, error: Exception | None) -> None:
        self._box.put(lambda: self._broken(line, error))

    def _heard(self, line: KeepAliveStream, answer: Any) -> None:
        if line.is_over:  # what was asked on it counts as not answered
            return
        line.is_open, self._failures = True, 0
        self._client.hosts.answered(line.host)
        self._judge(answer.ID, self._renewals.answered(answer.ID, answer.TTL, self._io.now()))

    def _judge(self, lease: int, is_alive: bool) -> None:
        if not is_alive:
            self._renewals.drop(lease)
            self._gone(lease)

    def _broken(self, line: KeepAliveStream, error: Exception | None) -> None:
        now = self._io.now()
        self._line = None
        self._renewals.broke(now)
        if not isinstance(error, InvalidAuthTokenError):
            self._client.hosts.failed(line.host, now)
        self._failures += 1
        self._reopen = now + backoff(self._client.options.retry, self._failures, self._client.chance())
        log.info("the lease stream to %s broke, next in %.3f s: %s", line.host, self._reopen - now, error)

    async def _end(self) -> None:
        if self._line is not None:
            await self._line.hang_up()
            await self._task.join(BOUND)
