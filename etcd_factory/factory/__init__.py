"""Factories: clients by name, from configuration and at run time."""

from __future__ import annotations

from .base import AsyncServiceFactory, ServiceFactory
from .etcd import AsyncETCDServiceFactory, ETCDServiceFactory
from .health import HealthReport
from .reloaded import Reloaded
from .shared import SharedFactory

__all__ = [
    "AsyncETCDServiceFactory",
    "AsyncServiceFactory",
    "ETCDServiceFactory",
    "HealthReport",
    "Reloaded",
    "ServiceFactory",
    "SharedFactory",
]
