"""Free TCP ports on the loopback address."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"

# Below the range that systems take ports of outgoing connections from (Linux: 32768 up, others: 49152 up): a client
# that keeps trying a stopped server's port would else be given that very port, connect to itself and hold it.
RANGE = range(15000, 32768)


def free_ports(count: int) -> tuple[int, ...]:
    """So many different ports that can be listened on now."""
    candidates = random.SystemRandom().sample(RANGE, len(RANGE))
    free = (port for port in candidates if is_free(port))
    return tuple(next(free) for _ in range(count))


def is_free(port: int) -> bool:
    """Whether a server could listen there, asked as Go's servers do: with SO_REUSEADDR."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
