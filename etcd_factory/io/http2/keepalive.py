"""When a connection is asked for a sign of life, and when it counts as lost."""

from __future__ import annotations

from enum import Enum
from math import inf

from etcd_factory.options import Keepalive

PATIENCE = 0.3  # seconds that the answer to a PING may take before calls use a new connection beside a silent one
DOUBT = 1.0  # seconds without a sign of life after which the streams of a doubted connection end
UNREAD = 0.001  # seconds without a response after which the end of the connection may be there, though nobody read it
INTERVAL = 5.0  # seconds between two PINGs at least: etcd disconnects clients that send them more often
SHORTEST = 0.1  # seconds that an answer may take at least


class Look(Enum):
    """What to do after a look at the clock."""

    NOTHING = "nothing"
    PING = "send a PING"
    END_STREAMS = "end the streams, which resume on another connection"


class Liveness:
    """What was heard on one connection, and when; times are of ``time.monotonic``.

    etcd disconnects clients that ping more often than every 5 s, or without a call under way.
    """

    __slots__ = ("_asked", "_doubted", "_idle", "_pinged", "_time", "_timeout", "heard", "trusted")

    def __init__(self, options: Keepalive, now: float) -> None:
        self._time, self._timeout = max(options.time, INTERVAL), max(options.timeout, SHORTEST)
        self._idle = options.time
        self._pinged: float | None = None
        self._asked = -inf  # when the last PING was sent
        self._doubted = inf  # from then on it is silent
        self.heard, self.trusted = now, now + options.time  # until then it may be used without a test

    def hear(self, now: float) -> None:
        """Something has arrived."""
        self.heard, self.trusted = now, now + self._idle
        self._pinged, self._doubted = None, inf

    def suspect(self, since: float, now: float) -> bool:
        """Doubt it if a call, that began at ``since``, heard nothing until its deadline.

        Then it is tested before its next use, and its streams end unless it gives a sign of life soon: send a PING.
        Not one that was tested just before: it works, and only the call took too long.
        """
        if self.heard > since or since < self._asked + INTERVAL:
            return False
        self.trusted, self._asked, self._doubted = -inf, now, min(self._doubted, now + DOUBT)
        return True

    def ask(self, now: float) -> None:
        """A PING is sent."""
        self._asked = now

    def distrust(self) -> None:
        """Use it for new calls no more."""
        self.trusted = -inf

    def due(self, *, busy: bool) -> float:
        """Return when to look again."""
        return min(self._doubted, self._due(busy=busy))

    def _due(self, *, busy: bool) -> float:
        if self._pinged is not None:
            return self._pinged + self._timeout
        return self.heard + self._time if busy else inf

    def check(self, now: float, *, busy: bool) -> Look:
        """Return what to do now. Raises ``TimeoutError`` if the last PING was not answered in time."""
        if now >= self._doubted:
            self._doubted = inf
            return Look.END_STREAMS
        if now < self._due(busy=busy):
            return Look.NOTHING
        if self._pinged is not None:
            raise TimeoutError(f"the server did not answer a PING within {self._timeout:g} s")
        self._pinged = self._asked = now
        return Look.PING
