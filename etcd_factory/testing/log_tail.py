"""The last lines of a program's log, and the line that says that it is ready, read while it is written."""

from __future__ import annotations

import threading
from collections import deque
from typing import IO

KEPT_LINES = 200
SHOWN_LINES = 20


class LogTail:
    """Reads ``stream`` in a thread, so that the pipe never fills up; ``found`` once ``marker`` was in a line."""

    def __init__(self, stream: IO[str], marker: str) -> None:
        self.found = False
        self._stream, self._marker = stream, marker
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        # Set once there is nothing left to wait for: the marker was found, or the log has ended.
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._read, name="etcd log", daemon=True)
        self._thread.start()

    def wait_for_marker(self, timeout: float) -> bool:
        """Wait for the marker; false if the log ends without it or ``timeout`` seconds pass."""
        self._settled.wait(timeout)
        return self.found

    def join(self, timeout: float) -> None:
        """Wait until everything is read, after the program has ended."""
        self._thread.join(timeout)

    def text(self) -> str:
        """Return the last lines, without the usage text that etcd prints after an error in its flags."""
        lines = list(self._lines)
        end = lines.index("Usage:") if "Usage:" in lines else len(lines)
        return "\n".join(lines[:end][-SHOWN_LINES:])

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._add(line.rstrip())
        self._settled.set()

    def _add(self, line: str) -> None:
        self._lines.append(line)
        if self._marker in line:
            self.found = True
            self._settled.set()
