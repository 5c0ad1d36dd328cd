"""A service registry on etcd: instances that keep themselves registered, and live views of who is there."""

from .etcd_service import AsyncEtcdService, EtcdService
from .instance import ServiceInstance
from .registration import Registration
from .registry import AsyncServiceRegistry, ServiceRegistry
from .view import ServiceView

__all__ = [
    "AsyncEtcdService",
    "AsyncServiceRegistry",
    "EtcdService",
    "Registration",
    "ServiceInstance",
    "ServiceRegistry",
    "ServiceView",
]
