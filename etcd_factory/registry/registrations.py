"""What a client has registered, so that it is removed before the client's connections close."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from etcd_factory.core.background import Closing
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.errors import ClientClosedError, EtcdFactoryError

from .availability import Availability
from .checks import Check
from .health import HealthCheck
from .instance import log
from .reconciler import Reconciler
from .registration import Registration


class Registrations:
    """The registrations of a client, in asyncio of one event loop."""

    closing: ClassVar = Closing.REGISTRATIONS

    def __init__(self, client: Client) -> None:
        self._client, self._lock = client, client.runtime.lock()
        self._open: dict[Reconciler, Availability] = {}
        self._closed = False

    async def register(self, view: View, reconciler: Reconciler, check: Check | None = None) -> Registration[Any]:
        """Register an instance, and keep it registered until the client is closed; its status is up to the check."""
        availability = Availability(self._client.runtime, reconciler)
        try:
            with self._lock:
                if self._closed:
                    raise ClientClosedError
                self._open[reconciler] = availability
            await reconciler.begin()
            if check is not None:
                name = f"{reconciler.goal.service}/{reconciler.goal.id}"
                HealthCheck(self._client.runtime, name, check, availability).start()
            return Registration(view, reconciler, availability, partial(self.drop, reconciler))
        except (Exception, GeneratorExit):
            self.drop(reconciler)
            raise
        except BaseException:  # it may have begun, and nobody gets a handle to end it
            self.drop(reconciler)
            await reconciler.quit()
            raise

    def drop(self, reconciler: Reconciler) -> None:
        """Forget a registration that has ended or failed to begin."""
        with self._lock:
            availability = self._open.pop(reconciler, None)
        if availability is not None:
            availability.over.set()

    async def close(self) -> None:
        """Deregister all, concurrently."""
        with self._lock:
            self._closed, reconcilers = True, [*self._open]
        if reconcilers:
            await self._client.runtime.gather([self._leave(one) for one in reconcilers])

    async def _leave(self, reconciler: Reconciler) -> None:
        try:
            await reconciler.leave()
        except EtcdFactoryError as error:
            log.warning("%s could not be deregistered and expires by its ttl: %s", reconciler.goal.id, error)
        finally:
            self.drop(reconciler)  # not before: who waits for its drain would leave in our place, and not be waited for
