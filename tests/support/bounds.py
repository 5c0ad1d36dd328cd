"""A bound on the processor's time of a block: a hang fails the test, and a busy machine does not."""

from __future__ import annotations

import signal
from contextlib import contextmanager


@contextmanager
def cpu_seconds(most):
    """Fail if the block takes more seconds of the processor; for the main thread, as signals are."""

    def fail(*_):
        raise AssertionError(f"took more than {most} s of the processor")

    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, most)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
