"""The package's log on the standard error, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys

from .advice import advised
from .output import printable

LOG = logging.getLogger("etcd_factory")


class LogLines(logging.Handler):
    """Prints each warning as a line."""

    def __init__(self, *, is_json: bool) -> None:
        super().__init__(logging.WARNING)
        self._is_json = is_json

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        for one in record.args if isinstance(record.args, tuple) else ():
            advised(one)
        text = record.getMessage()
        facts = {"log": text, "level": record.levelname, "logger": record.name}
        print(json.dumps(facts, ensure_ascii=False) if self._is_json else printable(text), file=sys.stderr)


def print_log(*, is_json: bool) -> None:
    """Print the log from now until the process ends: work in the background may outlive a command."""
    stop_printing()
    LOG.addHandler(LogLines(is_json=is_json))


def stop_printing() -> None:
    """Print the log no longer."""
    for one in [handler for handler in LOG.handlers if isinstance(handler, LogLines)]:
        LOG.removeHandler(one)
