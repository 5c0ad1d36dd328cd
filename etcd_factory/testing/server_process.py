"""One run of a server program, which must not outlive the tests that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from .errors import ServerError
from .log_tail import LogTail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# How long reading what a process wrote before its end may take.
LOG_S = 5.0

# On Linux the kernel kills the server when we die, even by SIGKILL: PR_SET_PDEATHSIG (1), SIGKILL (9). Set by a small
# interpreter that then becomes the server, as code between fork and exec (preexec_fn) is unsafe with threads.
GUARD = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
os.getppid() == int(sys.argv[1]) or os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServerProcess:
    """A running program; ``marker`` is in its log once it is ready."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], marker: str) -> None:
        self._popen = subprocess.Popen(  # noqa: S603
            guarded(command),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert self._popen.stdout is not None
        self._tail = LogTail(self._popen.stdout, marker)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended; a paused process counts as running."""
        return self._popen.poll() is None

    @property
    def log(self) -> str:
        """The last lines of its log."""
        return self._tail.text()

    def await_ready(self, timeout: float) -> None:
        """Wait for the marker in the log; ``ServerError`` if the process ends first or ``timeout`` seconds pass."""
        if self._tail.wait_for_marker(timeout):
            return
        raise ServerError(f"the server {self._failure(timeout)}", self.log)

    def terminate(self, grace: float) -> None:
        """Send SIGTERM; kill it if it still runs after ``grace`` seconds."""
        if not self.running:
            return
        self._popen.terminate()
        self.resume()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace)
        self.kill()

    def kill(self) -> None:
        """Kill it at once; does nothing if it has ended."""
        self._popen.kill()
        self._popen.wait()
        self._tail.join(LOG_S)

    def pause(self) -> None:
        """Stop it with SIGSTOP; returns when it has stopped."""
        self._popen.send_signal(signal.SIGSTOP)
        if sys.platform == "linux":
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Continue it after a pause."""
        self._popen.send_signal(signal.SIGCONT)

    def _failure(self, timeout: float) -> str:
        # The log ends a moment before the process does.
        with suppress(subprocess.TimeoutExpired):
            return f"ended with code {self._popen.wait(1)} before it was ready"
        return f"was not ready within {timeout:g} s"


def guarded(command: Sequence[str]) -> list[str]:
    """Return the command, wrapped so that it ends with this process if the platform can do that."""
    # The signal comes when the *thread* that started the server ends, so only the main thread may ask for it.
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return list(command)
    return [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), *command]
