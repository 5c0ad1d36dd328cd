"""etcd clients for Python from layered configuration, blocking and asyncio.

A name is loaded at its first use, so that a program pays only for what it uses: ``import etcd_factory`` alone loads
neither grpc nor OmegaConf. It makes ``import etcd3`` work beside any protobuf.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors
from .errors import Code, ConfigError, EtcdError, EtcdFactoryError
from .wire.etcd3_import import install as _install_etcd3

if TYPE_CHECKING:
    from .config import aload_config, explain_config, load_config
    from .config.json_schema import config_schema
    from .core.kv.txn import ops
    from .factory import (
        AsyncETCDServiceFactory,
        AsyncServiceFactory,
        ETCDServiceFactory,
        HealthReport,
        Reloaded,
        ServiceFactory,
    )
    from .model import (
        CasResponse,
        DeleteResponse,
        Event,
        Health,
        KeyValue,
        LeaseInfo,
        PutResponse,
        RangeResponse,
        TxnResponse,
    )
    from .model.activity import (
        Activity,
        Attempt,
        Call,
        Callback,
        Connected,
        Delivered,
        Disconnected,
        LeaseLost,
        LeaseRenewed,
        Watching,
    )
    from .model.cluster import Alarm, AuthStatus, HashKV, Member, Permission, Snapshot, Status
    from .options import (
        TLS,
        Auth,
        ClientOptions,
        ClientOptionsDict,
        FactoryOptions,
        FactoryOptionsDict,
        Keepalive,
        Retry,
    )
    from .service import AsyncETCDService, ETCDService

__all__ = [
    "TLS",
    "Activity",
    "Alarm",
    "AsyncETCDService",
    "AsyncETCDServiceFactory",
    "AsyncServiceFactory",
    "Attempt",
    "Auth",
    "AuthStatus",
    "Call",
    "Callback",
    "CasResponse",
    "ClientOptions",
    "ClientOptionsDict",
    "Code",
    "ConfigError",
    "Connected",
    "DeleteResponse",
    "Delivered",
    "Disconnected",
    "ETCDService",
    "ETCDServiceFactory",
    "EtcdError",
    "EtcdFactoryError",
    "Event",
    "FactoryOptions",
    "FactoryOptionsDict",
    "HashKV",
    "Health",
    "HealthReport",
    "Keepalive",
    "KeyValue",
    "LeaseInfo",
    "LeaseLost",
    "LeaseRenewed",
    "Member",
    "Permission",
    "PutResponse",
    "RangeResponse",
    "Reloaded",
    "Retry",
    "ServiceFactory",
    "Snapshot",
    "Status",
    "TxnResponse",
    "Watching",
    "aload_config",
    "config_schema",
    "errors",
    "explain_config",
    "load_config",
    "ops",
]

_HOMES = {
    "model.activity": (
        "Activity",
        "Attempt",
        "Call",
        "Callback",
        "Connected",
        "Delivered",
        "Disconnected",
        "LeaseLost",
        "LeaseRenewed",
        "Watching",
    ),
    "model.cluster": ("Alarm", "AuthStatus", "HashKV", "Member", "Permission", "Snapshot", "Status"),
    "config": ("aload_config", "explain_config", "load_config"),
    "config.json_schema": ("config_schema",),
    "core.kv.txn": ("ops",),
    "factory": (
        "AsyncETCDServiceFactory",
        "AsyncServiceFactory",
        "ETCDServiceFactory",
        "HealthReport",
        "Reloaded",
        "ServiceFactory",
    ),
    "model": (
        "CasResponse",
        "DeleteResponse",
        "Event",
        "Health",
        "KeyValue",
        "LeaseInfo",
        "PutResponse",
        "RangeResponse",
        "TxnResponse",
    ),
    "options": (
        "TLS",
        "Auth",
        "ClientOptions",
        "ClientOptionsDict",
        "FactoryOptions",
        "FactoryOptionsDict",
        "Keepalive",
        "Retry",
    ),
    "service": ("AsyncETCDService", "ETCDService"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(f".{_HOME[name]}", __name__), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_install_etcd3()
