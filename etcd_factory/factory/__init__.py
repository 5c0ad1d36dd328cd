"""Factories: clients by name, from configuration and at run time.

That of an application is loaded when it is first used: it loads the clients, which another does with its first one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import AsyncServiceFactory, ServiceFactory
from .etcd import AsyncETCDServiceFactory, ETCDServiceFactory
from .health import HealthReport
from .reloaded import Reloaded

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(".shared", __name__), name))
