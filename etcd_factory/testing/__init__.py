"""Real etcd servers for test suites. Only ``container`` needs testcontainers, only ``plugin`` needs pytest."""

from __future__ import annotations

from .failures import BinaryNotFoundError, ServerError
from .finding import find_binary, given_endpoints
from .given import GivenServer
from .server import EtcdServer
from .tls import ServerTLS

__all__ = [
    "BinaryNotFoundError",
    "EtcdServer",
    "GivenServer",
    "ServerError",
    "ServerTLS",
    "find_binary",
    "given_endpoints",
]
