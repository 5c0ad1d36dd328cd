"""A service registry on etcd: instances that stay registered, and live views of the instances of a service."""

from .etcd_service import AsyncEtcdService, EtcdService
from .formats import Format
from .instance import ServiceInstance
from .outliers import OutlierDict
from .preference import SubsetDict
from .registration import Registration
from .registry import AsyncServiceRegistry, ServiceRegistry
from .view import ServiceView

__all__ = [
    "AsyncEtcdService",
    "AsyncServiceRegistry",
    "EtcdService",
    "Format",
    "OutlierDict",
    "Registration",
    "ServiceInstance",
    "ServiceRegistry",
    "ServiceView",
    "SubsetDict",
]
