from __future__ import annotations

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


def test_a_loss_ends_the_wait(capfd):
    assert wait_for_end(Held(gone=True), "it was lost") == 1
    assert capfd.readouterr().err == "it was lost\n"


def test_the_exit_code_is_the_programs():
    assert run_program(Held(), [sys.executable, "-c", "raise SystemExit(7)"], "lost") == 7


def test_a_program_that_a_signal_ended_has_the_code_of_a_shell():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_program(Held(), [sys.executable, "-c", code], "lost") == 137


def test_a_loss_ends_the_program(capfd):
    assert run_program(Held(gone=True), [sys.executable, "-c", "import time; time.sleep(600)"], "lost") == 1
    assert capfd.readouterr().err == "lost\n"


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        run_program(Held(), ["/nonexistent"], "lost")


def test_an_interrupt_ends_the_program_before_it_goes_on():
    class Child:
        def __init__(self):
            self.calls = []

        def wait(self, timeout=None):
            self.calls.append(("wait", timeout))
            if len(self.calls) == 1:
                raise KeyboardInterrupt

        def terminate(self):
            self.calls.append("terminate")

        def kill(self):
            self.calls.append("kill")

    child = Child()
    with pytest.raises(KeyboardInterrupt):
        awaited(child)
    assert child.calls == [("wait", None), "terminate", ("wait", 5.0), "kill", ("wait", None)]


def test_nothing_of_the_program_is_left(tmp_path):
    code = f"import os, pathlib; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))"
    assert run_program(Held(), [sys.executable, "-c", code], "lost") == 0
    assert not is_running(int(Path(tmp_path / "pid").read_text()))
