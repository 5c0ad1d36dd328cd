"""The formats of registrations: this package's, those of other systems, and the base class for one's own.

``ServiceRegistry(etcd, format="kratos", read=["go_zero"])`` takes their names, or objects like
``Kratos(scheme="http")``.
"""

from .base import Format
from .etcd_factory import EtcdFactory
from .go_zero import GoZero
from .kitex import Kitex
from .kratos import Kratos
from .midway import Midway
from .naming import Naming
from .table import FormatLike, format_of

__all__ = ["EtcdFactory", "Format", "FormatLike", "GoZero", "Kitex", "Kratos", "Midway", "Naming", "format_of"]
