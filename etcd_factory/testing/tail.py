"""A program's log, read as it is written: the last lines, and the line that says that it is ready."""

from __future__ import annotations

import threading
from collections import deque
from typing import IO

KEPT = 200
SHOWN = 20


class Tail:
    """The log read from ``stream`` by a thread of its own, so that the pipe never fills up."""

    def __init__(self, stream: IO[str], marker: str) -> None:
        self.found = False
        self._stream, self._marker = stream, marker
        self._lines: deque[str] = deque(maxlen=KEPT)
        # Set once there is no more to wait for: the marker was seen, or the log has ended.
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._read, name="etcd log", daemon=True)
        self._thread.start()

    def await_marker(self, bound_s: float) -> bool:
        """Wait for the marker; false if the log ends without it or the bound passes."""
        self._told.wait(bound_s)
        return self.found

    def join(self, bound_s: float) -> None:
        """Wait until all is read, after the program has ended."""
        self._thread.join(bound_s)

    def text(self) -> str:
        """The last lines, without the help text that etcd puts after a fault in its flags."""
        lines = list(self._lines)
        end = lines.index("Usage:") if "Usage:" in lines else len(lines)
        return "\n".join(lines[:end][-SHOWN:])

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._take(line.rstrip())
        self._told.set()

    def _take(self, line: str) -> None:
        self._lines.append(line)
        if self._marker in line:
            self.found = True
            self._told.set()
