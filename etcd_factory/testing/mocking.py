"""Another object in the place of a client's connections, for a while."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from etcd_factory.core.face import Async
from etcd_factory.service import AsyncETCDService, ETCDService, port, view_of

from .fake import FakeEtcd

if TYPE_CHECKING:
    from etcd_factory.core.call.client import Client

T = TypeVar("T")


class Mock(Generic[T]):
    """What ``mock`` returns; ``target`` is what the client's calls go to."""

    def __init__(self, client: Client, target: T, transport: Any) -> None:
        self.target = target
        self._client, self._real = client, client.transport
        client.transport = transport

    def __repr__(self) -> str:
        return f"<Mock: {self.target!r}>"

    def unmock(self) -> None:
        """Let calls go to the client's own hosts again; idempotent."""
        self._client.transport = self._real

    def __enter__(self) -> T:
        return self.target

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unmock()


@overload
def mock(etcd: ETCDService | AsyncETCDService) -> Mock[FakeEtcd]: ...
@overload
def mock(etcd: ETCDService | AsyncETCDService, target: T) -> Mock[T]: ...
def mock(etcd: ETCDService | AsyncETCDService, target: Any = None) -> Mock[Any]:
    """Let all that a client does go to ``target`` in place of its hosts, until ``unmock()`` or the end of the block.

    >>> from etcd_factory import ETCDService
    >>> etcd = ETCDService()
    >>> with mock(etcd) as fake:
    ...     etcd.put("color").value("red").revision
    ...     fake.revision
    2
    2

    ``target`` is a ``FakeEtcd``, by default a new one, or an object with the methods of a transport: a
    ``ScriptedTransport``, or a ``unittest.mock.AsyncMock`` whose ``unary(host, method, request, timeout, metadata)`` is
    called with every call, and ``stream`` with every watch and lease stream. It is shared by all services that were
    made from the client by ``namespace`` and ``with_options``. Watches and renewals of leases that are under way stay
    where they are; those that begin inside the block go to ``target``.
    """
    service = AsyncETCDService if isinstance(etcd, AsyncETCDService) else ETCDService
    client = view_of(etcd, service, "mock()").client
    target = FakeEtcd() if target is None else target
    return Mock(client, target, transport_of(target, client))


def transport_of(target: Any, client: Client) -> Any:
    """Return the transport to a target, for the face of a client."""
    if isinstance(target, FakeEtcd):
        return target.atransport() if client.runtime.face is Async else target.transport()
    return port(target)
