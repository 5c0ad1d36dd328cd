"""The part of a service that keeps ranges in memory; the module of mirrors is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.core.arguments import Text, count, to_bytes
from etcd_factory.core.bound import Bound, opener
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F

from .history import SIZE

if TYPE_CHECKING:
    from .mirror import Mirror


class Mirrors(Bound[F]):
    """The part of a service that keeps ranges in memory."""

    __slots__ = ()

    _run: View

    @opener
    async def mirror(self, prefix: Text = "", *, history: int = SIZE) -> Mirror[F]:
        """Return a mirror of a prefix, loaded and followed; the default is the whole namespace.

        ``history``: of how many revisions it keeps the changes, for ``at()`` and ``watch(start_revision=...)``.
        """
        from .mirror import Mirror

        mirror: Mirror[F] = Mirror(self._run, to_bytes(prefix, "a prefix"), count(history, "a history"))
        await mirror.load()
        return mirror
