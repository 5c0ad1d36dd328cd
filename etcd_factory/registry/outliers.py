"""Which instances failed too often, and for how long they are left out. Pure state: the clock is handed in.

The rules and their defaults are Envoy's (outlier detection by consecutive errors).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import Any, TypedDict

from attrs import define, field, frozen

from etcd_factory.errors import choice
from etcd_factory.options.fields import is_mapping

from .instance import LONGEST, is_number, is_whole

MOST = 300.0  # seconds, unless ``base`` is longer (Envoy's max_ejection_time)


class OutlierDict(TypedDict, total=False):
    """``outlier``: when instances are ejected from a view; what is missing is as in Envoy.

    ``failures``: how many in a row (5). ``base``: for how many seconds (30), times the number of ejections, at most 300
    or ``base``. ``interval``: after each so many seconds (10) in use again one ejection is forgotten. ``share``: of the
    instances, that are ejected at most (0.1), but at least one.
    """

    failures: int
    interval: float
    base: float
    share: float


@frozen
class Outlier:
    """The rules of ``OutlierDict``."""

    failures: int = 5
    interval: float = 10.0
    base: float = 30.0
    share: float = 0.1

    def seconds(self, times: int) -> float:
        """Return how long the instance is left out at that many ejections."""
        return min(self.base * times, max(self.base, MOST))


Check = tuple[Callable[[object], bool], str]

CHECKS: dict[str, Check] = {
    "failures": (lambda value: is_whole(value) and value != 0, "a whole number, at least 1"),
    "interval": (lambda value: is_number(value, LONGEST) and value != 0, "a number of seconds above 0"),
    "base": (lambda value: is_number(value, LONGEST) and value != 0, "a number of seconds above 0"),
    "share": (lambda value: is_number(value, 1), "a number from 0 to 1"),
}


def outlier_of(given: OutlierDict | Mapping[str, Any]) -> Outlier:
    """Return rules from a mapping; ``TypeError`` or ``ValueError`` if one is invalid."""
    if not is_mapping(given):
        raise TypeError(f"outlier must be a mapping with any of {', '.join(CHECKS)}, not {type(given).__name__}")
    found: dict[str, Any] = {**given}
    for name, value in found.items():
        is_valid, expected = CHECKS[choice(name, CHECKS, "outlier")]
        if not is_valid(value):
            raise ValueError(f"outlier: {name} must be {expected}, not {value!r}")
    return Outlier(**found)


@define(eq=False)
class Record:
    """What is known of an instance: its last failures in a row, its ejections, and until when the last one lasts."""

    failures: int = 0
    ejections: int = 0
    until: float = 0.0


@define(eq=False)
class Outliers:
    """The instances that are ejected, by id, and the failures of the others."""

    rules: Outlier
    ejected: frozenset[str] = frozenset()
    due: float = inf  # when the next one is brought back
    _records: dict[str, Record] = field(factory=dict[str, Record], init=False)

    def report(self, id: str, failed: bool, total: int, now: float) -> float | None:  # noqa: A002
        """Count the end of a use; returns for how many seconds the instance is ejected, if it is now.

        ``total``: how many instances there are, ejected ones too.
        """
        if not failed:
            if id in self._records and id not in self.ejected:
                self._records[id].failures = 0
            return None
        record = self._records.setdefault(id, Record())
        if id in self.ejected:  # it began before
            return None
        record.failures += 1
        if record.failures < self.rules.failures or len(self.ejected) >= max(1, int(self.rules.share * total)):
            return None
        return self._eject(id, record, now)

    def _eject(self, id: str, record: Record, now: float) -> float:  # noqa: A002
        forgotten = int((now - record.until) / self.rules.interval)
        record.failures, record.ejections = 0, max(0, record.ejections - forgotten) + 1
        seconds = self.rules.seconds(record.ejections)
        record.until = now + seconds
        self._set({*self.ejected, id})
        return seconds

    def settle(self, now: float) -> frozenset[str]:
        """Bring back whose time is over; returns their ids."""
        over = frozenset(id for id in self.ejected if self._records[id].until <= now)  # noqa: A001
        self._set(self.ejected - over)
        return over

    def keep(self, ids: Collection[str]) -> None:
        """Forget all others."""
        self._records = {id: record for id, record in self._records.items() if id in ids}  # noqa: A001
        self._set(self.ejected.intersection(ids))

    def _set(self, ejected: Collection[str]) -> None:
        self.ejected = frozenset(ejected)
        self.due = min((self._records[id].until for id in ejected), default=inf)  # noqa: A001
