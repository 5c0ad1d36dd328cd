"""Scripts with a blocking client, each run in an interpreter of its own, that fork or end in some way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .grpc_versions import GRPC, is_before
from .views import view_behind

BOUND = 60  # seconds that no script takes

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_grpc_in_child = pytest.mark.skipif(
    is_before("1.80"),
    reason=f"before grpcio 1.80 gRPC does not connect in a forked child (tcp handshaker shutdown); this is {GRPC}",
)

PRELUDE = """
import os, sys, threading, time, traceback
from etcd_factory import ETCDService

def run_in_child(body):
    child = os.fork()
    if not child:
        code = 1
        try:
            body()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, f"the child ended with {code}"

def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.01)

def raises(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")

host, namespace, *rest = sys.argv[1:]
options = {"hosts": [host], "namespace": namespace}
"""
"""What every script begins with: ``options`` of a client, and ``run_in_child(body)`` that calls ``body`` in a fork.

``until(condition)`` waits in bounded time, ``raises(call)`` returns the error, ``rest`` has further arguments.
"""


def run_script(script, server, namespace, *rest):
    """Run a script to its end, which must not fail; returns its finished process."""
    command = [sys.executable, "-c", PRELUDE + script, server.endpoint, namespace, *map(str, rest)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0, done.stderr
    return done


class Taken:
    """A lock that a thread of the parent held at the fork: whoever waits for it in the child waits for ever."""

    def __enter__(self):
        raise AssertionError("a child waits for a lock that only a thread of its parent could release")

    def __exit__(self, *error):
        pass


async def touched(id):  # noqa: A002
    """Fail in place of ``WatchStream.remove``."""
    raise AssertionError(f"a child ends the watch {id} of its parent")


def forget(client, **held):
    """Let a client do what it does in a forked child; other threads of its parent held the locks ``_lock=[owner]``."""
    for name, owners in held.items():
        for owner in owners:
            setattr(owner, name, Taken())
    view_behind(client).client.forget()
