"""Processes and ports as tests see them from outside."""

from __future__ import annotations

import os
import select
import socket
from contextlib import contextmanager


def is_running(pid):
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_exit(pid, timeout=10):
    """Whether the process ends in time; for one that is not our child, which ``waitpid`` cannot wait for."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(fd, "rb", buffering=0):
        return bool(select.select([fd], [], [], timeout)[0])


@contextmanager
def listening_on(endpoint):
    """Another program's listener on this endpoint."""
    host, port = endpoint.split(":")
    with socket.create_server((host, int(port))):
        yield


def free_port():
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
