"""The part of a service that watches; the modules of watches are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.core.bound import Bound, usage
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F

if TYPE_CHECKING:
    from .builder import Watch


class Watches(Bound[F]):
    """The part of a service that watches."""

    __slots__ = ()

    _run: View

    @usage("watch().key('k').create(), or prefix(), range() or all() in place of key()")
    def watch(self) -> Watch[F]:
        """Watch keys: ``watch().prefix("p").create()``; without a modifier every key of the namespace."""
        from .builder import Watch

        return Watch(self._run)
