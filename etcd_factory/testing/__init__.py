"""Real etcd servers, an etcd in memory, fault injection and scripted replies for test suites.

Only ``container`` needs testcontainers, only ``plugin`` needs pytest. The scripted transport is loaded when it is
first used: the pytest plugin imports this package in every test run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .binary import find_binary, given_endpoints
from .cluster import EtcdCluster
from .errors import BinaryNotFoundError, ServerError
from .given_server import GivenServer
from .proxy import FaultProxy
from .server import EtcdServer
from .tls import ServerTLS

if TYPE_CHECKING:
    from . import replies
    from .fake import FakeEtcd
    from .mocking import mock
    from .script import Call, ScriptError
    from .scripted import ScriptedTransport
    from .scripted_stream import StreamScript

__all__ = [
    "BinaryNotFoundError",
    "Call",
    "EtcdCluster",
    "EtcdServer",
    "FakeEtcd",
    "FaultProxy",
    "GivenServer",
    "ScriptError",
    "ScriptedTransport",
    "ServerError",
    "ServerTLS",
    "StreamScript",
    "find_binary",
    "given_endpoints",
    "mock",
    "replies",
]

_MODULES = {
    "Call": "script",
    "FakeEtcd": "fake",
    "mock": "mocking",
    "ScriptError": "script",
    "ScriptedTransport": "scripted",
    "StreamScript": "scripted_stream",
}


def __getattr__(name: str) -> object:
    if name == "replies":
        return import_module(".replies", __name__)
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(f".{_MODULES[name]}", __name__), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
