"""A service registry on etcd: instances that keep themselves registered, and live views of who is there."""

from .instance import ServiceInstance
from .live import ServiceView
from .registration import Registration
from .registry import AsyncServiceRegistry, ServiceRegistry
from .seed import AsyncEtcdService, EtcdService

__all__ = [
    "AsyncEtcdService",
    "AsyncServiceRegistry",
    "EtcdService",
    "Registration",
    "ServiceInstance",
    "ServiceRegistry",
    "ServiceView",
]
