"""One use of an instance, from which its view learns."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from etcd_factory.core.face import Face, Sync

from .balancers import Key
from .instance import ServiceInstance
from .picker import Picked, Picker


class Use:
    """Picks an instance when its block is entered, and learns how long the block took and whether it failed.

    Choosing does no I/O, so ``with`` serves both faces; in asyncio ``async with`` does too.
    """

    __slots__ = ("_begun", "_choose", "_face", "_key", "_picked", "_picker")

    def __init__(self, picker: Picker, face: Face, choose: Callable[[Key], Picked], key: Key) -> None:
        self._picker, self._face, self._choose, self._key = picker, face, choose, key

    def __enter__(self) -> ServiceInstance:
        self._picked = instance, balancer = self._choose(self._key)
        balancer.begin(instance)
        self._begun = self._picker.now()
        return instance

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        failed: bool | None = kind is not None
        if kind is not None and not issubclass(kind, Exception):  # a cancellation, an interrupt
            failed = None
        self._picker.end(self._picked, self._picker.now() - self._begun, failed)

    async def __aenter__(self) -> ServiceInstance:
        if self._face is Sync:
            raise TypeError("use() of a blocking client: enter it with 'with'")
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
