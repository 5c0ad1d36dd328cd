"""A client with hooks: it sends by a function that records each attempt.

``Client`` itself tests for no hooks: the first hook makes the object one of this class, and its last hook's end makes
it a ``Client`` again.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import ref

from etcd_factory.compat import Self
from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import Code, EtcdError
from etcd_factory.model.activity import Attempt, Call, Status
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .client import Client, Send
from .endpoints import Endpoints
from .hooks import Hook, Hooks, checked, report

if TYPE_CHECKING:
    from etcd_factory.wire.messages import AuthenticateRequest, AuthenticateResponse


class ObservedClient(Client):
    """Lets its hooks know of each call once it has ended."""

    async def call(self, method: Method[Q, R], request: Q, timeout: float, send: Send | None = None) -> R:
        """Return the response to one request; all attempts share ``timeout`` seconds."""
        with Record(self, method, request, send or self.transport.unary) as record:
            return await super().call(method, request, timeout, record.send)

    async def call_endpoint(
        self, method: Method[Q, R], request: Q, timeout: float, host: str = "", send: Send | None = None
    ) -> tuple[Any, str]:
        """Return the response and the host that gave it."""
        with Record(self, method, request, send or self.transport.unary) as record:
            return await super().call_endpoint(method, request, timeout, host, record.send)

    async def _authenticate(
        self, endpoints: Endpoints, request: AuthenticateRequest, timeout: float, send: Send | None = None
    ) -> AuthenticateResponse:
        with Record(self, methods.AUTHENTICATE, None, send or self.transport.unary) as record:
            return await super()._authenticate(endpoints, request, timeout, record.send)


class Record:
    """What happens to one call; ``send`` makes its attempts."""

    __slots__ = ("_attempts", "_client", "_method", "_now", "_request", "_send", "_start")

    def __init__(self, client: Client, method: Method[Any, Any], request: object, send: Send) -> None:
        self._client, self._method, self._request, self._send = client, method, request, send
        self._now = client.runtime.now
        self._attempts: list[Attempt] = []

    def __enter__(self) -> Self:
        self._start = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        method, attempts, duration = self._method, tuple(self._attempts), self._now() - self._start
        call = Call(method.service, method.name, attempts, duration, code_of(error), kind, self._request)
        report(self._client.hooks, call)

    async def send(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> Any:
        """Make one attempt."""
        start = self._now()
        try:
            reply = await self._send(host, method, request, timeout, metadata)
        except BaseException as error:
            self._ended(host, start, error)
            raise
        self._ended(host, start, None)
        return reply

    def _ended(self, host: str, start: float, error: BaseException | None) -> None:
        endpoint, duration, kind = host.partition("://")[2], self._now() - start, type(error) if error else None
        self._attempts.append(Attempt(endpoint, start - self._start, duration, code_of(error), kind))


def code_of(error: BaseException | None) -> Status:
    """Return the status of a call: what a caller's cancellation or interrupt ends is cancelled."""
    if error is None:
        return "OK"
    if isinstance(error, EtcdError):
        return error.code
    return Code.UNKNOWN if isinstance(error, Exception) else Code.CANCELLED


def observe(client: Client, hook: Hook) -> Callable[[], None]:
    """Let a hook know what a client does from now on; returns a function that ends that, and does not keep it alive."""
    given, one = checked(hook), ref(client)
    change(client, lambda hooks: (*hooks, given))

    def end() -> None:
        client = one()
        if client is not None:
            change(client, lambda hooks: tuple(hook for hook in hooks if hook is not given))

    return end


def change(client: Client, by: Callable[[Hooks], Hooks]) -> None:
    """Change the hooks of a client; calls that are under way may still have the old ones."""
    with client._lock:  # pyright: ignore[reportPrivateUsage]
        client.hooks = by(client.hooks)
        client.__class__ = ObservedClient if client.hooks else Client
