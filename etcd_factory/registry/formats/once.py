"""Warnings of what others have written: the same one is logged once, however often it is read."""

from __future__ import annotations

from etcd_factory.registry.instance import log

MOST = 10_000  # warnings that are remembered; then all are forgotten, and may be logged again


class Once:
    """Logs each warning once."""

    def __init__(self) -> None:
        self._logged: set[int] = set()

    def warn(self, text: str, *args: object) -> None:
        """Log a warning, unless it was logged before."""
        message = text % args
        if hash(message) in self._logged:
            return
        if len(self._logged) >= MOST:
            self._logged.clear()
        self._logged.add(hash(message))
        log.warning("%s", message)
