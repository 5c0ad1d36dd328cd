"""One run of a server program."""

import os
import sys
import threading

import pytest

from etcd_factory.testing import ServerError
from etcd_factory.testing.server_process import ServerProcess, guarded
from tests.support.processes import is_running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

BOUND = 30  # seconds that nothing here takes
SERVES = "print('ready', flush=True); import time; time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVES


@pytest.fixture
def run():
    """A function that runs Python code as the server; killed at the end."""
    started = []

    def start(code):
        started.append(ServerProcess([sys.executable, "-c", code], os.environ, "ready"))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_it_is_ready_once_its_log_says_so(run):
    process = run(SERVES)
    process.await_ready(BOUND)
    assert process.running
    assert process.log == "ready"


def test_an_early_end_is_reported_with_its_code_and_log(run):
    process = run("print('no disk'); exit(7)")
    with pytest.raises(ServerError, match=r"ended with code 7 before it was ready(?s:.*)no disk"):
        process.await_ready(BOUND)
    assert not process.running


def test_not_becoming_ready_is_reported(run):
    with pytest.raises(ServerError, match=r"was not ready within 0\.05 s"):
        run("import time; time.sleep(600)").await_ready(0.05)


@pytest.mark.parametrize("end", [ServerProcess.kill, lambda process: process.terminate(BOUND)])
def test_it_has_ended_when_the_call_returns(run, end):
    process = run(SERVES)
    process.await_ready(BOUND)
    end(process)
    end(process)
    assert not process.running
    assert not is_running(process.pid)


def test_a_program_that_ignores_sigterm_is_killed_after_the_grace(run):
    process = run(DEAF)
    process.await_ready(BOUND)
    process.terminate(0.05)
    assert not is_running(process.pid)


def test_a_paused_process_is_terminated_too(run):
    process = run(SERVES)
    process.await_ready(BOUND)
    process.pause()
    assert process.running
    process.terminate(BOUND)
    assert not process.running


@pytest.mark.skipif(sys.platform != "linux", reason="the signal of a dead parent is Linux's")
def test_only_the_main_thread_asks_for_the_signal_of_a_dead_parent():
    commands = []
    thread = threading.Thread(target=lambda: commands.append(guarded(["etcd"])))
    thread.start()
    thread.join()
    assert commands == [["etcd"]]
    assert guarded(["etcd"])[0] == sys.executable
