"""A configuration center on etcd: typed values that are always current."""

from .center import AsyncConfigCenter, ConfigCenter, Version
from .fallback import Codec
from .live import Live
from .resolver import etcd_resolver

__all__ = ["AsyncConfigCenter", "Codec", "ConfigCenter", "Live", "Version", "etcd_resolver"]
