"""Real etcd servers, fault injection and scripted replies for test suites.

Only ``container`` needs testcontainers, only ``plugin`` needs pytest.
"""

from __future__ import annotations

from .binary import find_binary, given_endpoints
from .cluster import EtcdCluster
from .errors import BinaryNotFoundError, ServerError
from .given_server import GivenServer
from .proxy import FaultProxy
from .server import EtcdServer
from .tls import ServerTLS

__all__ = [
    "BinaryNotFoundError",
    "EtcdCluster",
    "EtcdServer",
    "FaultProxy",
    "GivenServer",
    "ServerError",
    "ServerTLS",
    "find_binary",
    "given_endpoints",
]
