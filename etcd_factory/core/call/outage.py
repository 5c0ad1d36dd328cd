"""Logging of what fails for a while: once when it begins, once when it ends, each attempt at DEBUG."""

from __future__ import annotations

import logging
from collections.abc import Callable


class Outage:
    """Whether something works at the moment, and since when it does not. ``what`` names it: ``watches``."""

    def __init__(self, what: str, log: logging.Logger, now: Callable[[], float]) -> None:
        self._what, self._log, self._now = what, log, now
        self._since = 0.0
        self.ongoing = False

    def failed(self, error: BaseException | None) -> None:
        """Report that it does not work: the first time as a warning."""
        if not self.ongoing:
            self.ongoing, self._since = True, self._now()
            self._log.warning("%s are interrupted, retrying: %s", self._what, error)

    def ended(self) -> None:
        """Report that it works, if it did not."""
        if self.ongoing:
            self.ongoing = False
            self._log.info("%s work again after %.1f s", self._what, self._now() - self._since)
