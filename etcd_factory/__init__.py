"""etcd clients for Python from layered configuration, blocking and asyncio."""

from __future__ import annotations

from . import errors
from .config import aload_config, explain_config, load_config
from .core.txn import ops
from .errors import Code, ConfigError, EtcdError, EtcdFactoryError
from .factory import (
    AsyncETCDServiceFactory,
    AsyncServiceFactory,
    ETCDServiceFactory,
    HealthReport,
    ServiceFactory,
)
from .model import DeleteResponse, Health, KeyValue, PutResponse, RangeResponse, TxnResponse
from .options import TLS, Auth, ClientOptions, FactoryOptions, Keepalive, Retry
from .service import AsyncETCDService, ETCDService
from .wire.standin import install as _stand_in

__all__ = [
    "TLS",
    "AsyncETCDService",
    "AsyncETCDServiceFactory",
    "AsyncServiceFactory",
    "Auth",
    "ClientOptions",
    "Code",
    "ConfigError",
    "DeleteResponse",
    "ETCDService",
    "ETCDServiceFactory",
    "EtcdError",
    "EtcdFactoryError",
    "FactoryOptions",
    "Health",
    "HealthReport",
    "Keepalive",
    "KeyValue",
    "PutResponse",
    "RangeResponse",
    "Retry",
    "ServiceFactory",
    "TxnResponse",
    "aload_config",
    "errors",
    "explain_config",
    "load_config",
    "ops",
]

_stand_in()
