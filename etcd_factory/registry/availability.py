"""Whether an instance is to be used: as its owner wants it, and as its health check finds it."""

from __future__ import annotations

from etcd_factory.core.ports import Runtime

from .instance import DOWN, UP, Status
from .reconciler import Reconciler


class Availability:
    """The status of a registered instance: what its owner wants while it is healthy, else ``down``.

    ``over`` is set when it is deregistered.
    """

    def __init__(self, runtime: Runtime, reconciler: Reconciler) -> None:
        self._reconciler, self.over = reconciler, runtime.signal()
        self._wanted: Status = UP
        self._is_healthy = True

    @property
    def ended(self) -> bool:
        """Whether it is not registered any more, or another process has replaced it."""
        return self.over.is_set() or self._reconciler.ended

    async def want(self, status: Status) -> None:
        """Take the owner's word. Raises what etcd answers; the change is then retried in the background."""
        self._wanted = status
        await self._apply()

    async def found(self, *, is_healthy: bool) -> None:
        """Take the word of the health check."""
        self._is_healthy = is_healthy
        await self._apply()

    @property
    def _status(self) -> Status:
        return self._wanted if self._is_healthy else DOWN

    async def _apply(self) -> None:
        while True:
            await self._reconciler.update(status=self._status)
            if self._reconciler.goal.status == self._status:  # else the other one has changed it meanwhile
                return
