"""Holding something: until Ctrl-C, until it is lost, or as long as a program runs."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from .exits import NO

log = logging.getLogger("etcd_factory.cli")

GRACE = 5.0  # seconds that a program gets to end after SIGTERM
LOOK = 0.5  # seconds: Ctrl-C does not end a wait for an event on every system


class Held(Protocol):
    """A lease, a lock, a leadership."""

    def on(self, event: Any, handler: Callable[[Any], object]) -> object:
        """Call the handler when it is lost."""
        ...


def wait_for_end(held: Held, message: str) -> int:
    """Wait until it is lost, and return the exit code for that; Ctrl-C is raised."""
    lost = threading.Event()
    held.on("lost", lambda _: lost.set())
    while not lost.wait(LOOK):
        pass
    return report(message)


def wait_for_interrupt() -> None:
    """Wait for Ctrl-C, which is raised."""
    while True:
        time.sleep(LOOK)


def run_program(held: Held, program: Sequence[str], message: str) -> int:
    """Run a program, ended if what is held is lost, and return its exit code."""
    child = subprocess.Popen(program)  # noqa: S603  # it is the user's own
    lost = threading.Event()

    def end(_: object) -> None:
        lost.set()
        child.terminate()

    held.on("lost", end)
    code = awaited(child)
    return report(message) if lost.is_set() else code


def awaited(child: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a program, as a shell has it; whatever ends the wait ends the program."""
    try:
        code = child.wait()
    except BaseException as error:
        end(child, is_told=isinstance(error, KeyboardInterrupt))
        raise
    return code if code >= 0 else 128 - code


def end(child: subprocess.Popen[bytes], *, is_told: bool) -> None:
    """End a program: wait if it ``is_told`` already, as a terminal sends Ctrl-C to both; then SIGTERM, then kill it."""
    try:
        for _ in range(1 + is_told):
            if not is_told:
                child.terminate()
            is_told = False
            with suppress(subprocess.TimeoutExpired):
                child.wait(GRACE)
                return
    finally:
        child.kill()  # nothing, if it has ended
        child.wait()


def report(message: str) -> int:
    """Say that something was lost, and return the exit code for that."""
    log.warning("%s", message)
    return NO
