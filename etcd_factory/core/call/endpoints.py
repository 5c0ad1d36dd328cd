"""Which host is asked next. Pure state: the clock is handed in."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 5.0  # seconds a dead host is passed over at most: it is tried again, never banned


class Endpoints:
    """The hosts of a client: one is stayed with while it answers; a dead one is passed over for a growing while.

    Those that are ``found`` rather than written down have to be looked up first, and again when all have failed.
    """

    def __init__(self, urls: Sequence[str], first: float = 0.05, *, found: bool = False) -> None:
        self._urls = tuple(urls)
        self._found, self.known = found, not found
        self._first = first
        self._current = self._urls[0]
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._urls)

    @property
    def current(self) -> str:
        """The one that was picked last."""
        return self._current

    @property
    def urls(self) -> tuple[str, ...]:
        """All of them."""
        return self._urls

    @property
    def failing(self) -> bool:
        """Whether any of them has not answered since it failed, or they have to be looked up first."""
        return bool(self._until) or not self.known

    def replace(self, urls: Sequence[str]) -> None:
        """Ask these from now on; the current one is stayed with if it is among them."""
        self._urls = tuple(dict.fromkeys(urls))
        self._current = self._current if self._current in self._urls else self._urls[0]
        for table in (self._failures, self._until):
            for url in set(table).difference(self._urls):
                table.pop(url, None)
        self.known = True

    def share(self, left: float, repeatable: bool, tried: int = 0) -> float:
        """Seconds that one attempt may take: a call that may be repeated leaves time for the hosts not tried yet."""
        return left / max(1, len(self._urls) - tried) if repeatable else left

    def pick(self, now: float) -> str:
        """The host to ask: the current one, else the next one that is not passed over, else the one out longest."""
        if not self._until:
            return self._current
        start = self._urls.index(self._current)
        ring = self._urls[start:] + self._urls[:start]
        self._current = min(ring, key=lambda url: max(0.0, self._until.get(url, 0.0) - now))
        return self._current

    def failed(self, url: str, now: float) -> None:
        """Pass the host over for a while that doubles each time."""
        if url not in self._urls:  # replaced meanwhile
            return
        failures = self._failures[url] = self._failures.get(url, 0) + 1
        self._until[url] = now + min(LONGEST, self._first * 2 ** min(failures - 1, 30))
        self.known = self.known and not (self._found and self.all_failed(now))

    def answered(self, url: str) -> None:
        """The host is well."""
        self._failures.pop(url, None)
        self._until.pop(url, None)

    def all_failed(self, now: float) -> bool:
        """Whether no host is left that is not passed over."""
        return all(self._until.get(url, 0.0) > now for url in self._urls)
