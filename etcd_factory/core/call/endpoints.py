"""Which host is called next. Pure state: the clock is passed in."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 5.0  # seconds that a failed host is avoided at most: it is tried again, never banned


class Endpoints:
    """The hosts of a client: it stays with one while that answers, and avoids a failed one for a growing while.

    After that while a host is called again only if no other one has failed less often since its last answer: a retry
    may come later than the shortest while, and would meet the host that has just failed.

    Hosts to be ``discovered`` (SRV records, members) must be looked up first, and again when all of them have failed.
    """

    def __init__(self, urls: Sequence[str], first: float = 0.05, *, discovered: bool = False, start: int = 0) -> None:
        self._urls = tuple(urls)
        self._discovered, self.known = discovered, not discovered
        self._first = first
        self.current = self._urls[start]  # the host picked last
        self._failures: dict[str, int] = {}
        self._avoided_until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._urls)

    @property
    def urls(self) -> tuple[str, ...]:
        """All hosts."""
        return self._urls

    @property
    def failing(self) -> bool:
        """Whether any host has not answered since it failed, or they must be discovered first."""
        return bool(self._avoided_until) or not self.known

    def replace(self, urls: Sequence[str]) -> None:
        """Use these from now on; the current one stays if it is among them."""
        self._urls = tuple(dict.fromkeys(urls))
        self.current = self.current if self.current in self._urls else self._urls[0]
        for table in (self._failures, self._avoided_until):
            for url in set(table).difference(self._urls):
                table.pop(url, None)
        self.known = True

    def attempt_timeout(self, left: float, repeatable: bool, tried: int = 0) -> float:
        """Return the seconds for one attempt: a repeatable call leaves time for the hosts not tried yet."""
        return left / max(1, len(self._urls) - tried) if repeatable else left

    def pick(self, now: float) -> str:
        """Return the host to call: the current one, else the next that failed least, else the one avoided longest."""
        if not self._avoided_until:
            return self.current
        start = self._urls.index(self.current)
        ring = self._urls[start:] + self._urls[:start]
        self.current = min(ring, key=lambda url: self._rank(url, now))
        return self.current

    def _rank(self, url: str, now: float) -> tuple[float, int]:
        return max(0.0, self._avoided_until.get(url, 0.0) - now), self._failures.get(url, 0)

    def failed(self, url: str, now: float) -> None:
        """Avoid the host for a while that doubles with each failure."""
        if url not in self._urls:  # replaced meanwhile
            return
        failures = self._failures[url] = self._failures.get(url, 0) + 1
        self._avoided_until[url] = now + min(LONGEST, self._first * 2 ** min(failures - 1, 30))
        self.known = self.known and not (self._discovered and self.all_failed(now))

    def answered(self, url: str) -> None:
        """The host works: forget its failures."""
        self._failures.pop(url, None)
        self._avoided_until.pop(url, None)

    def all_failed(self, now: float) -> bool:
        """Whether every host is avoided at the moment."""
        return all(self._avoided_until.get(url, 0.0) > now for url in self._urls)
