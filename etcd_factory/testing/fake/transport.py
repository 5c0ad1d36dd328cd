"""The transport port on a fake etcd: one for each client."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from etcd_factory.core.face import Face
from etcd_factory.errors import ClientClosedError, EtcdError
from etcd_factory.errors.status import no_response
from etcd_factory.wire.methods import Method

from .refusals import unimplemented
from .stream import FakeStream
from .waiting import Waiter, waiter, yield_to_others

if TYPE_CHECKING:
    from etcd_factory.core.ports import Metadata
    from etcd_factory.wire import messages as m

    from .etcd import FakeEtcd

Q = TypeVar("Q")
R = TypeVar("R")


class FakeTransport:
    """What carries one client's calls to a fake etcd, whatever its hosts are."""

    def __init__(self, etcd: FakeEtcd, face: Face) -> None:
        self._etcd, self._face = etcd, face
        self._streams: set[FakeStream[Any, Any]] = set()
        self._waiting: set[Waiter] = set()
        self._closed = False
        with etcd.lock:
            etcd.transports.add(self)

    def __repr__(self) -> str:
        return f"<FakeTransport of {self._etcd!r}>"

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Answer one call. Part of the transport port."""
        await yield_to_others(self._face)
        await self._until_resumed(host, timeout)
        name, token = f"{method.service}.{method.name}", token_of(metadata)
        copied = method.types[0].FromString(method.serialize(request))  # the caller may change its own

        def answer() -> R:
            reply: R = self._etcd.member.answer(name, copied, token)
            self._etcd.schedule()
            return reply

        return self._at(host, answer)

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> FakeStream[Q, R]:
        """Open a stream. Part of the transport port."""
        await yield_to_others(self._face)
        stream: FakeStream[Q, R] = FakeStream(self._etcd, self._face, self._streams.discard)
        opener = OPENERS.get(method.name, refuse)

        def begin() -> None:
            self._streams.add(stream)
            opener(self._etcd, stream, f"{method.service}.{method.name}", token_of(metadata))

        self._at(host, begin)
        if request is not None:
            stream.send(request)
        return stream

    def apart(self) -> FakeTransport:
        """Return one more to the same fake. Part of the transport port."""
        return FakeTransport(self._etcd, self._face)

    async def close(self) -> None:
        """End all calls and streams; later calls raise ``ClientClosedError``. Part of the transport port."""
        self._closed = True
        with self._etcd.lock:
            self._etcd.transports.discard(self)
        self.end_streams(ClientClosedError())
        self.wake()

    def forget(self) -> object:
        """Forget calls and streams in a forked child, which has a copy of the fake. Part of the transport port."""
        left, self._streams, self._waiting = (self._streams, self._waiting), set(), set()
        return left, self._etcd.forget()

    # --- for the fake

    def end_streams(self, error: EtcdError | ClientClosedError) -> None:
        """Break all streams."""
        for stream in tuple(self._streams):
            stream.end(copy(error))

    def wake(self) -> None:
        """Let all who wait look again: it was resumed, stopped or closed."""
        for stream in tuple(self._streams):
            stream.deliver()
        for one in tuple(self._waiting):
            one.wake()

    def _at(self, host: str, body: Callable[[], R]) -> R:
        """Return what ``body`` returns in the fake's lock; errors have the endpoint."""
        endpoint = host.partition("://")[2]
        try:
            with self._etcd.lock:
                if self._closed:
                    raise ClientClosedError
                self._etcd.require_running()
                return body()
        except EtcdError as error:
            error.endpoint = endpoint
            raise

    async def _until_resumed(self, host: str, timeout: float) -> None:
        while self._etcd.is_paused and not self._closed:
            one = waiter(self._face)
            self._waiting.add(one)
            try:
                if self._etcd.is_paused and not self._closed and not await one.wait(timeout):
                    endpoint = host.partition("://")[2]
                    raise no_response(timeout, endpoint)
            finally:
                self._waiting.discard(one)


Opener = Callable[["FakeEtcd", FakeStream[Any, Any], str, str], None]


def token_of(metadata: Metadata) -> str:
    """Return the token that a call has, an empty text for none."""
    return dict(metadata).get("token", "")


def open_watches(etcd: FakeEtcd, stream: FakeStream[Any, Any], _method: str, token: str) -> None:
    """Let a stream carry watches."""
    watches = etcd.member.watch(stream.push, token)

    def answer(request: m.WatchRequest) -> None:
        watches.receive(request)
        etcd.schedule()

    stream.answer, stream.cleanup = answer, partial(etcd.member.streams.discard, watches)


def open_keep_alive(etcd: FakeEtcd, stream: FakeStream[Any, Any], method: str, token: str) -> None:
    """Let a stream renew leases."""
    stream.answer = lambda request: stream.push(etcd.member.answer(method, request, token))


def refuse(_etcd: FakeEtcd, stream: FakeStream[Any, Any], method: str, _token: str) -> None:
    """Refuse a stream that the fake does not have."""
    stream.end(unimplemented(method))


OPENERS: dict[str, Opener] = {"Watch": open_watches, "LeaseKeepAlive": open_keep_alive}
