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
from .tail import Tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# How long what a process wrote before its end may take to be read.
LOG_S = 5.0

# On Linux the kernel ends the server with us, however hard we are killed: PR_SET_PDEATHSIG (1), SIGKILL (9). Set by
# a small interpreter that then becomes the server, as code between fork and exec (preexec_fn) is unsafe with threads.
GUARD = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
os.getppid() == int(sys.argv[1]) or os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Process:
    """A running program; ``marker`` is what its log says when it is ready."""

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
        self._tail = Tail(self._popen.stdout, marker)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended; a paused one runs too."""
        return self._popen.poll() is None

    @property
    def log(self) -> str:
        """The last lines of its log."""
        return self._tail.text()

    def await_ready(self, bound_s: float) -> None:
        """Wait for the marker in the log; ``ServerError`` if it ends first or the bound passes."""
        if self._tail.await_marker(bound_s):
            return
        raise ServerError(f"the server {self._fate(bound_s)}", self.log)

    def end(self, grace_s: float) -> None:
        """Ask it to end, and kill it when the grace has passed."""
        if not self.running:
            return
        self._popen.terminate()
        self.resume()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """End it at once; nothing if it has ended."""
        self._popen.kill()
        self._popen.wait()
        self._tail.join(LOG_S)

    def pause(self) -> None:
        """Stop it, and return when it stands still."""
        self._popen.send_signal(signal.SIGSTOP)
        if sys.platform == "linux":
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._popen.send_signal(signal.SIGCONT)

    def _fate(self, bound_s: float) -> str:
        # The log's end comes a moment before the process's.
        with suppress(subprocess.TimeoutExpired):
            return f"ended with code {self._popen.wait(1)} before it was ready"
        return f"was not ready within {bound_s:g} s"


def guarded(command: Sequence[str]) -> list[str]:
    """The command, made to end with this process where that can be had."""
    # The signal comes when the *thread* that started the server ends, so only the main thread may ask for it.
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return list(command)
    return [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), *command]
