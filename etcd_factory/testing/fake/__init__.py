"""An etcd in memory."""

from .etcd import FakeEtcd
from .transport import FakeTransport

__all__ = ["FakeEtcd", "FakeTransport"]
