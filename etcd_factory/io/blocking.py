"""The ports on threads: each blocks its thread and returns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

import grpc

from etcd_factory.core.face import Sync, finish
from etcd_factory.core.ports import Metadata
from etcd_factory.errors import ClientClosedError, DeadlineExceededError
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from . import lifetime
from .channels import arguments, target, translate
from .tls import credentials

T = TypeVar("T")


class Promise:
    """A value that one thread sets and others wait for."""

    def __init__(self) -> None:
        self._future: Future[Any] = Future()

    def set(self, value: Any) -> None:
        """Give the value to all who wait."""
        self._future.set_result(value)

    async def wait(self, timeout: float | None = None) -> Any:
        """The value, when it is there."""
        try:
            return self._future.result(timeout)
        except Late:
            raise DeadlineExceededError("another caller did not finish in time") from None


class Waits:
    """The ports that need no connection."""

    face = Sync
    now = staticmethod(time.monotonic)
    finish = staticmethod(finish)
    promise = Promise

    async def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        time.sleep(seconds)  # noqa: ASYNC251

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """What ``body`` gives; it runs in a thread of its own, and is left behind there if it takes longer."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(body())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="etcd_factory bounded", daemon=True).start()
        try:
            return future.result(seconds)
        except Late:
            if future.done():
                raise
            raise TimeoutError(f"not done within {seconds} s") from None

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of all, each in a thread."""
        from concurrent.futures import ThreadPoolExecutor  # with queue and its kin, for this alone

        tasks = list(bodies)
        with ThreadPoolExecutor(max(1, len(tasks)), "etcd_factory gather") as pool:
            return [task.result() for task in [pool.submit(finish, body) for body in tasks]]


class BlockingIO(Waits):
    """One channel to each host that has been asked, made when it is first asked."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._guard = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._calls: dict[tuple[str, Method], Callable[..., Any]] = {}
        self._closed = False
        lifetime.watch(self)

    async def unary(self, host: str, method: Method, request: Any, timeout: float, metadata: Metadata) -> Any:
        """One call to one host."""
        call = self._calls.get((host, method)) or self._prepare(host, method)
        try:
            return call(request, timeout, metadata)
        except grpc.RpcError as error:
            if self._closed:
                raise ClientClosedError from error
            raise translate(error, host) from error
        except ValueError as error:  # gRPC's word for a channel that was closed meanwhile
            if self._closed:
                raise ClientClosedError from error
            raise

    def _prepare(self, host: str, method: Method) -> Callable[..., Any]:
        with self._guard:
            if self._closed:
                raise ClientClosedError
            if host not in self._channels:
                self._channels[host] = self._open(host)
            request, reply = method.types
            call: Callable[..., Any] = self._channels[host].unary_unary(
                method.path, request.SerializeToString, reply.FromString
            )
            self._calls[host, method] = call
            return call

    def _open(self, host: str) -> grpc.Channel:
        settings = arguments(self._options)
        if self._options.secure:
            return grpc.secure_channel(target(host), credentials(self._options.tls), settings)
        return grpc.insecure_channel(target(host), settings)

    async def close(self) -> None:
        """End all calls and connections."""
        with self._guard:
            self._closed = True
            self._calls = {}
            channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()

    def __del__(self) -> None:
        lifetime.forgotten(self._options.hosts, self._channels)

    def forget(self) -> Any:
        """Drop all connections without touching them."""
        left = self._channels, self._calls
        self._guard, self._channels, self._calls = threading.Lock(), {}, {}
        return left
