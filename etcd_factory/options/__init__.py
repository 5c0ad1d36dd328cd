"""The options of a client and of a factory, converted and checked.

The options of a factory are loaded when they are first used: a program may have one client and no factory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .client import ClientOptions, ClientOptionsLike
from .groups import TLS, Auth, Keepalive, Retry
from .mappings import AuthDict, ClientOptionsDict, KeepaliveDict, Priority, RetryDict, TLSDict
from .secret import Secret

if TYPE_CHECKING:
    from .factory import DEFAULT, FactoryOptions, FactoryOptionsDict, FactoryOptionsLike, priority

__all__ = [
    "DEFAULT",
    "TLS",
    "Auth",
    "AuthDict",
    "ClientOptions",
    "ClientOptionsDict",
    "ClientOptionsLike",
    "FactoryOptions",
    "FactoryOptionsDict",
    "FactoryOptionsLike",
    "Keepalive",
    "KeepaliveDict",
    "Priority",
    "Retry",
    "RetryDict",
    "Secret",
    "TLSDict",
    "priority",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(".factory", __name__), name))
