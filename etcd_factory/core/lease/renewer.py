"""Renews a client's leases in the background, on one stream that is reconnected wherever it breaks."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from etcd_factory import model
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.hooks import report
from etcd_factory.core.call.outage import Outage
from etcd_factory.core.ports import Mailbox, Task
from etcd_factory.errors import ClientClosedError, EtcdFactoryError, InvalidAuthTokenError, PermissionDeniedError
from etcd_factory.wire import messages, methods

from .schedule import Renewal, RenewalSchedule
from .stream import KeepAliveStream

if TYPE_CHECKING:
    from etcd_factory.wire.messages import LeaseKeepAliveResponse

log = logging.getLogger("etcd_factory.lease")

MAILBOX_SIZE = 1 << 30  # more than there ever is, since a lease waits for one response at a time
LATE = 0.1  # seconds; who wakes up later than this was held up
INFINITY = float("inf")
LONGEST_WAIT = 3600.0  # seconds; more than some clocks take is not waited for at once
LIVED = 1.0  # seconds after which a stream that breaks has worked
CLOSE_TIMEOUT = 5.0  # seconds that ending the stream may take
TICK = 0.1  # seconds: what is to be called within one is called together, at its end
LINGER = 1.0  # seconds without a lease after which it ends: most come one after another, each kept for a moment

Mail = Callable[[], object]


class Renewer:
    """Renews leases from the first one until there was none for a while.

    Whatever happens is mail: functions that run one after another in its own task, which alone touches its state. Mail
    that can wait until something else is due wakes nobody: most leases come and go without a renewal.
    """

    def __init__(self, client: Client, on_lost: Callable[[int], None]) -> None:
        self._client, self._runtime, self._on_lost = client, client.runtime, on_lost
        self._box: Mailbox[Mail] = self._runtime.mailbox(MAILBOX_SIZE)
        self._waiting: deque[Mail] = deque()
        self._calls: deque[tuple[float, Mail]] = deque()
        self._until: float | None = None  # no wake-up is needed before; None: it is awake
        self._added: dict[int, Renewal] = {}  # by mail that is not read yet
        self._added_due = 0.0  # when the last of them is due
        self._schedule = RenewalSchedule()
        self._outage = Outage("renewals of leases", log, self._runtime.now)
        self._stream: KeepAliveStream | None = None
        self._is_over = self._is_idle = False  # the client is closed; there was nothing to do for a while
        self._is_broken = False  # the stream, and no other one has worked since then
        self._task: Task | None = None
        self._failures, self._reconnect, self._opened = 0, 0.0, 0.0

    def add(self, lease: Renewal) -> None:
        """Renew this lease too."""
        due = lease.due
        self._added[lease.id], self._added_due = lease, due
        self._waiting.append(partial(self._schedule_added, lease.id))
        self._wake_before(due)

    def _schedule_added(self, lease: int) -> None:
        added = self._added.pop(lease, None)
        if added is not None:
            self._schedule.add(added, self._runtime.now())

    def drop(self, lease: int) -> None:
        """Stop renewing a lease; most are dropped before they were scheduled."""
        if self._added.pop(lease, None) is None:
            self._post(lambda: self._schedule.drop(lease))

    def renewed(self, lease: int, ttl: int, sent: float) -> None:
        """Take the result of a renewal that was made elsewhere."""
        self._post(lambda: self._judge(lease, self._schedule.renewed(lease, ttl, sent, self._runtime.now())))
        if ttl <= 0:
            self.wake()

    def call_later(self, seconds: float, action: Callable[[], object]) -> None:
        """Call ``action`` in this task after ``seconds``, the same for all calls, so that they come in order."""
        time = ceil((self._runtime.now() + seconds) / TICK) * TICK
        self._calls.append((time, action))
        self._wake_before(time)

    def _post(self, mail: Mail, due: float = INFINITY) -> None:
        self._waiting.append(mail)
        self._wake_before(due)

    def _wake_before(self, due: float) -> None:
        if self._until is None or due < self._until:
            self.wake()

    def wake(self) -> None:
        """Let it check at once whether something is due."""
        self._box.put(self._read_waiting)

    def _read_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft()()

    async def run(self, wanted: Callable[[bool], bool]) -> None:
        """Renew leases for as long as ``wanted``; it is told whether there was nothing to do for a while."""
        try:
            while wanted(self._is_idle) and not self._is_over:
                try:
                    await self._act(await self._read())
                except Exception:  # whatever a server answers, leases must be renewed
                    log.exception("renewing leases failed, and goes on")
                    await self._runtime.sleep(LATE)
        finally:
            await self._end()

    async def _read(self) -> float:
        """Wait until something is due, and read all mail; returns the time until which it has read all."""
        start = self._runtime.now()
        due = self._wait(start)
        wait = LINGER if due is None else due
        self._until = start + wait
        if self._waiting:
            wait = 0.0
        mail = await self._box.get(wait)
        self._until = None
        if self._runtime.now() > start + wait + LATE:
            # This process was held up, perhaps for longer than a ttl. Responses that came meanwhile are read before a
            # lease counts as expired.
            await self._runtime.sleep(LATE)
            mail = mail or await self._box.get(0)
        self._is_idle = due is None and mail is None and not self._waiting
        while mail:
            mail()
            mail = await self._box.get(0)
        now = self._runtime.now()
        self._read_waiting()  # after the mailbox, which lets others run: a lease dropped meanwhile is not asked for
        return now

    def _wait(self, now: float) -> float | None:
        """Return the seconds until something is due if no mail comes, None if nothing is."""
        times = [self._schedule.next(connected=self._stream is not None and not self._stream.is_closed)]
        if self._calls:
            times.append(self._calls[0][0])
        if self._stream is None and (due := self._schedule.due()) is not None:
            times.append(max(self._reconnect, due))
        known = [time for time in times if time is not None]
        if known and self._added_due > now:  # those that come after it, and are due later, wake nobody
            known.append(self._added_due)
        return min(max(0.0, min(known) - now), LONGEST_WAIT) if known else None

    async def _act(self, now: float) -> None:
        """Do what is due by now."""
        self._call(now)
        for lease in self._schedule.apart(now):
            self._client.background.spawn(partial(self._ask_apart, lease), "etcd_factory lease apart")
        for lease in self._schedule.expired(now):
            self._on_lost(lease)
        if self._stream is None:
            self._connect(now)
        elif self._schedule.is_unresponsive(now):
            log.info("%s does not answer in time; renewing leases on another host", self._stream.host)
            await self._stream.close()
            self._schedule.disconnected(now)
        elif not self._stream.is_closed:
            self._stream.send(self._schedule.request(now))

    async def _ask_apart(self, lease: int) -> None:
        """Renew in a call of its own a lease whose renewal was refused."""
        request, sent = messages.LeaseKeepAliveRequest(ID=lease), self._runtime.now()
        try:
            reply = await self._client.call(methods.LEASE_KEEP_ALIVE_ONCE, request, self._client.options.timeout)
        except EtcdFactoryError as error:
            log.info("lease %x could still not be renewed: %s", lease, error)
            self._post(lambda: self._schedule.refused(lease, self._runtime.now()), sent)
        else:
            self.renewed(lease, reply.TTL, sent)
            self._report_renewal(lease, reply.TTL, self._client.endpoint)

    def _call(self, now: float) -> None:
        while self._calls and self._calls[0][0] <= now:
            try:
                self._calls.popleft()[1]()
            except ClientClosedError:
                return
            except Exception:  # whatever is wrong there, leases must be renewed
                log.exception("what was to be done with a lease failed")

    def _connect(self, now: float) -> None:
        if now >= self._reconnect and (requested := self._schedule.request(now)):
            self._opened = now
            self._stream = KeepAliveStream(self._client, self._client.endpoints.pick(now), requested)
            running = self._stream.run(self._post_response, self._post_end)
            self._task = self._runtime.spawn(running, "etcd_factory lease stream")

    def _post_response(self, stream: KeepAliveStream, response: LeaseKeepAliveResponse) -> None:
        self._box.put(lambda: self._answered(stream, response))

    def _post_end(self, stream: KeepAliveStream, error: Exception | None) -> None:
        self._box.put(lambda: self._disconnected(stream, error))

    def _answered(self, stream: KeepAliveStream, response: LeaseKeepAliveResponse) -> None:
        if stream.is_closed:  # what was requested on it counts as not answered
            return
        if not stream.is_connected:
            self._works(stream)
        self._client.endpoints.answered(stream.host)
        self._outage.ended()
        self._report_renewal(response.ID, response.TTL, endpoint_of(stream))
        alive = self._schedule.answered(response.ID, response.TTL, self._runtime.now())
        self._judge(response.ID, alive)

    def _works(self, stream: KeepAliveStream) -> None:
        again, self._is_broken, stream.is_connected = self._is_broken, False, True
        report(self._client.hooks, model.activity.Connected("lease", endpoint_of(stream), again))

    def _report_renewal(self, lease: int, ttl: int, endpoint: str) -> None:
        if ttl > 0:
            report(self._client.hooks, model.activity.LeaseRenewed(lease, ttl, endpoint))

    def _judge(self, lease: int, alive: bool) -> None:
        if not alive:
            self._schedule.drop(lease)
            self._on_lost(lease)

    def _disconnected(self, stream: KeepAliveStream, error: Exception | None) -> None:
        now = self._runtime.now()
        self._stream = None
        if isinstance(error, ClientClosedError):
            self._is_over = True
            return
        if isinstance(error, PermissionDeniedError) and stream.refused is not None:
            log.warning("lease %x is not renewed, and expires by its ttl: %s", stream.refused, error)
            self._schedule.refused(stream.refused, now)
            self._schedule.disconnected(now)
            return
        self._schedule.disconnected(now)
        self._is_broken = True
        kind = type(error) if error else None
        report(self._client.hooks, model.activity.Disconnected("lease", endpoint_of(stream), kind))
        if not isinstance(error, InvalidAuthTokenError):
            self._client.endpoints.failed(stream.host, now)
        self._failures = 1 if stream.is_connected and now - self._opened >= LIVED else self._failures + 1
        wait = self._client.backoff(self._failures)
        self._reconnect = now + wait
        self._outage.failed(error)
        log.debug("the lease stream to %s broke, reconnecting in %.3f s: %s", stream.host, wait, error)

    async def _end(self) -> None:
        if self._stream is not None:
            await self._stream.close()
        if self._stream is not None and self._task is not None:
            await self._task.join(CLOSE_TIMEOUT)


def endpoint_of(stream: KeepAliveStream) -> str:
    """Return the host of a stream, without its scheme."""
    return stream.host.partition("://")[2]
