from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from etcd_factory.cli.holding import awaited, run_program, wait_for_end
from tests.support.processes import is_running


class Held:
    """Something that is lost at once if it is ``gone``, else when ``lose`` is called."""

    def __init__(self, *, gone=False):
        self.gone, self.lose = gone, None

    def on(self, event, handler):
        assert event == "lost"
        self.lose = handler
        if self.gone:
            handler(self)


def test_a_loss_ends_the_wait(caplog):
    assert wait_for_end(Held(gone=True), "it was lost") == 1
    assert caplog.messages == ["it was lost"]


def test_the_exit_code_is_the_programs():
    assert run_program(Held(), [sys.executable, "-c", "raise SystemExit(7)"], "lost") == 7


def test_a_program_that_a_signal_ended_has_the_code_of_a_shell():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_program(Held(), [sys.executable, "-c", code], "lost") == 137


def test_a_loss_ends_the_program(caplog):
    assert run_program(Held(gone=True), [sys.executable, "-c", "import time; time.sleep(600)"], "lost") == 1
    assert caplog.messages == ["lost"]


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        run_program(Held(), ["/nonexistent"], "lost")


class Child:
    """A program whose first wait is ended by an error, and which ends after so many more waits."""

    def __init__(self, error, waits):
        self.error, self.waits, self.calls = error, waits, []

    def wait(self, timeout=None):
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.calls.append("wait")
        self.waits -= 1
        if self.waits > 0 and timeout is not None:
            raise subprocess.TimeoutExpired("x", timeout)

    def terminate(self):
        self.calls.append("terminate")

    def kill(self):
        self.calls.append("kill")


LAST = ["kill", "wait"]  # nothing, once it has ended


@pytest.mark.parametrize(
    ("error", "waits", "calls"),
    [
        (KeyboardInterrupt(), 1, ["wait", *LAST]),
        (KeyboardInterrupt(), 2, ["wait", "terminate", "wait", *LAST]),
        (KeyboardInterrupt(), 9, ["wait", "terminate", "wait", *LAST]),
        (SystemExit(143), 1, ["terminate", "wait", *LAST]),
        (SystemExit(143), 9, ["terminate", "wait", *LAST]),
    ],
)
def test_what_ends_the_wait_ends_the_program(error, waits, calls):
    child = Child(error, waits)
    with pytest.raises(type(error)):
        awaited(child)
    assert child.calls == calls


def test_nothing_of_the_program_is_left(tmp_path):
    code = f"import os, pathlib; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))"
    assert run_program(Held(), [sys.executable, "-c", code], "lost") == 0
    assert not is_running(int(Path(tmp_path / "pid").read_text()))
