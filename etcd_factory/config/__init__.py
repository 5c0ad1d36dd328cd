"""Layered configuration: files, mappings and environment variables merge into one tree that records each origin."""

from __future__ import annotations

from etcd_factory.options.secret import is_secret

from .environment import current_env
from .explain import Explained, Explanation, explain_config
from .faults import AsyncConfigError, AsyncFault, error_for
from .loader import Filter, Loaded, aload_config, aread, load_config, read
from .script import Info
from .sources import Source

__all__ = [
    "AsyncConfigError",
    "AsyncFault",
    "Explained",
    "Explanation",
    "Filter",
    "Info",
    "Loaded",
    "Source",
    "aload_config",
    "aread",
    "current_env",
    "error_for",
    "explain_config",
    "is_secret",
    "load_config",
    "read",
]
