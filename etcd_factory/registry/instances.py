"""A service's instances, followed by one watch for all views of it in a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.core.mirror.store import Change
from etcd_factory.model import KeyValue

from .instance import decoded
from .membership import Membership

Listener = Callable[[], None]


class ServiceInstances(Mirror[F]):
    """The mirror of a service's keys, read as instances; while etcd is away it stays as it was."""

    def __init__(self, view: View, namespace: bytes, service: str, roll: Membership) -> None:
        super().__init__(view, namespace + service.encode() + b"/")
        self.service, self._cut = service, len(namespace)
        self._roll, self._lock = roll, view.client.guard()
        self._listeners: list[Listener] = []
        self._timed, self._stop = False, self._io.signal()
        self._afresh = False
        self.instances = roll.shown

    def listen(self, listener: Listener) -> None:
        """Call it now and whenever the list has changed; it must not wait."""
        with self._lock:
            self._listeners.append(listener)
            listener()

    def ignore(self, listener: Listener) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners.remove(listener)

    def _told(self) -> bool:
        return True

    def _renew(self, reply: Any) -> None:
        self._afresh = True
        try:
            super()._renew(reply)
        finally:
            self._afresh = False

    def _changed(self, changes: list[Change]) -> None:
        with self._lock:
            for old, new in changes:
                self._note(old, new)
            self._settle(afresh=self._afresh)
        super()._changed(changes)

    def _note(self, old: KeyValue | None, new: KeyValue | None) -> None:
        instance = decoded(new, self._cut) if new else None
        if instance is not None:
            self._roll.put(instance)
        elif (kv := new or old) is not None:  # gone, or overwritten with what is none
            self._roll.drop(kv.key[len(self._prefix) :].decode(errors="replace"))

    def _settle(self, *, afresh: bool = False) -> None:
        again = self._roll.settle(self._io.now(), afresh=afresh)
        if self._roll.shown != self.instances:
            self.instances = self._roll.shown
            for listener in self._listeners.copy():
                listener()
        if again is not None and not self._timed:
            self._timed = True
            self._io.spawn(self._wait(again), "etcd_factory roster")

    async def _wait(self, until: float) -> None:
        """Look again when what is held back may have to be believed."""
        await self._stop.wait(max(0.0, until - self._io.now()))
        if not self._stop.is_set():
            with self._lock:
                self._timed = False
                self._settle()

    def _end(self, error: Exception | None) -> None:
        self._stop.set()
        super()._end(error)
