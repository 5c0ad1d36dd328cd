"""What a client and a factory are made from."""

from __future__ import annotations

from .client import TLS, Auth, ClientOptions, Keepalive, Retry
from .factory import DEFAULT, FactoryOptions, priority

__all__ = ["DEFAULT", "TLS", "Auth", "ClientOptions", "FactoryOptions", "Keepalive", "Retry", "priority"]
