"""A service's view of its client: a namespace and a timeout of its own."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from etcd_factory.core.arguments import FOREVER
from etcd_factory.core.face import Face
from etcd_factory.core.op import Fields, Op, Ungranted
from etcd_factory.errors import EtcdError, LeaseNotFoundError, RequestTooLargeError
from etcd_factory.wire import requests
from etcd_factory.wire.requests import BUILD, CALLS

from .client import Client
from .pages import ITERATE, RangePages
from .range_stream import RangeStream

if TYPE_CHECKING:
    from etcd_factory.wire.messages import RangeResponse

    from .batching import Merging

T = TypeVar("T")


@frozen(eq=False)
class View:
    """The runner of a service's operations. Views of one client share its connections, and end it with the last one.

    What works in the background must therefore not hold a view, unless the user asked for what it does.
    """

    client: Client
    namespace: bytes
    timeout: float
    handle: object = None
    face: Face = field(init=False)
    caller: Client | Merging = field(init=False)  # looked up in each call, as hooks change the client's class

    def __attrs_post_init__(self) -> None:
        batching = self.client.batching
        object.__setattr__(self, "caller", self.client if batching is None else batching.merging(self.client))
        object.__setattr__(self, "timeout", min(self.timeout, FOREVER))
        object.__setattr__(self, "face", self.client.runtime.face)

    def __str__(self) -> str:
        return self.client.endpoint

    def within(self, timeout: float) -> View:
        """Return this view with calls of at most so many seconds."""
        return self if timeout == self.timeout else View(self.client, self.namespace, timeout, self.handle)

    async def execute(self, op: Op[T]) -> T:
        """Return the operation's result."""
        skip, request = len(self.namespace), None
        try:
            if op.paged:
                reply = await RangePages(self.send, op.fields, skip, rest=self.rest).collect()
            else:
                request = BUILD[op.kind](op.fields, self.namespace)
                reply = await self.caller.call(CALLS[op.kind], request, self.timeout)
            return op.read(reply, skip)
        except EtcdError as error:
            error.operation = error.operation or op.label
            if isinstance(error, LeaseNotFoundError):
                self.report_gone(op)
            if isinstance(error, RequestTooLargeError) and request is not None:
                error.message += f"; the request has {sizes(op, request)}"
            raise
        except Ungranted as ungranted:
            grant = ungranted.grant
        await grant()
        return await self.execute(op)

    def report_gone(self, op: Op[Any]) -> None:
        """Let those who keep an operation's leases alive know that etcd does not have one of them."""
        leases = set(leases_of(op))
        if len(leases) == 1:
            for keeper in list(self.client.lease_keepers):
                keeper.lost(*leases)

    async def send(self, fields: Fields) -> RangeResponse:
        """Return one page of a read."""
        return await self.client.call(CALLS["get"], BUILD["get"](fields, self.namespace), self.timeout)

    def rest(self, fields: Fields) -> RangeStream | None:
        """Return what is left of a read as one stream; None if the host in use has refused that."""
        if self.client.endpoint in self.client.pages_only:
            return None
        return RangeStream(self.client, requests.get(fields, self.namespace), self.timeout)

    def pages(self, fields: Fields) -> RangePages:
        """Return the pages of a read, to iterate over."""
        label = Op("get", fields, lambda page, _: page).label
        return RangePages(self.send, fields, len(self.namespace), ITERATE, rest=self.rest, label=label)


def leases_of(op: Op[Any]) -> Iterator[int]:
    """Yield the leases that an operation attaches keys to."""
    if lease := op.fields.get("lease"):
        yield index(lease)
    for branch in ("success", "failure"):
        for one in op.fields.get(branch, ()):
            yield from leases_of(one)


def sizes(op: Op[Any], request: Any) -> str:
    """Return how large a request is, as errors show it."""
    branches = len(op.fields.get("success", ())), len(op.fields.get("failure", ()))
    operations = f" and {max(branches)} operations" if op.kind == "txn" else ""
    return f"{request.ByteSize():,} bytes{operations}"
