"""Free TCP ports on the loopback address."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Sequence
from itertools import islice
from weakref import WeakValueDictionary

HOST = "127.0.0.1"

# Below the range that systems assign to outgoing connections (Linux: 32768 up, others: 49152 up): a client that keeps
# retrying a stopped server's port could otherwise be assigned that very port, connect to itself and occupy it.
RANGE = range(15000, 32768)
DRAWN = 500  # as many as some other use of the machine leaves a few of; to draw all takes 20 ms

_held: WeakValueDictionary[int, object] = WeakValueDictionary()  # whose a port is, also while nothing listens there


def free_ports(count: int, holder: object = None) -> tuple[int, ...]:
    """Return ``count`` different ports that nothing listens on now; other workers of pytest-xdist get others.

    Nobody else in this process gets them as long as a ``holder`` lives: a server that is down comes back on its port.
    Raises ``OSError`` if there are not as many.
    """
    ports = share()
    candidates = random.SystemRandom().sample(ports, min(DRAWN, len(ports)))
    free = (port for port in candidates if port not in _held and is_free(port))
    found = tuple(islice(free, count))
    if len(found) < count:
        found_of = f"{len(found)} of {len(candidates)} ports from {RANGE.start} on"
        raise OSError(f"{count} free ports are needed, and only {found_of} are free")
    if holder is not None:
        _held.update(dict.fromkeys(found, holder))
    return found


def share() -> Sequence[int]:
    """Return the ports of this worker of pytest-xdist: a server that a test stopped finds its port free again."""
    name, count = os.environ.get("PYTEST_XDIST_WORKER", ""), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "")
    number = name.removeprefix("gw")
    return RANGE[int(number) % int(count) :: int(count)] if number.isdecimal() and count.isdecimal() else RANGE


def is_free(port: int) -> bool:
    """Whether a server could listen on the port, as Go's servers do: with SO_REUSEADDR."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
