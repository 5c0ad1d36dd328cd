"""What a service sees of its client: a namespace, and options of its own for its calls."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from attrs import frozen

from etcd_factory.core.face import Async, Opening, Sync
from etcd_factory.core.op import Op, Ungranted
from etcd_factory.errors import EtcdError
from etcd_factory.wire.requests import BUILD, CALLS

from .client import Client
from .pages import WALK, Pages

T = TypeVar("T")


@frozen(eq=False)
class View:
    """The runner of a service's operations. Views of one client share its connections."""

    client: Client
    namespace: bytes
    timeout: float

    def __call__(self, op: Op[Any]) -> Any:
        """What the client's face gives for the operation: its result, or a coroutine of it."""
        return self.client.io.finish(self.execute(op))

    def finish(self, body: Coroutine[Any, Any, T]) -> Any:
        """A coroutine run as the client's face runs it."""
        return self.client.io.finish(body)

    def open(self, body: Coroutine[Any, Any, T]) -> Any:
        """What a coroutine opens; in asyncio to be awaited or entered."""
        return self.finish(body) if self.client.io.face is Sync else Opening(body)

    async def execute(self, op: Op[T]) -> T:
        """The operation's result."""
        skip = len(self.namespace)
        try:
            if op.paged:
                reply = await Pages(self.send, op.fields, skip).collect()
            else:
                request = BUILD[op.kind](op.fields, self.namespace)
                reply = await self.client.call(CALLS[op.kind], request, self.timeout)
        except EtcdError as error:
            error.operation = error.operation or op.label
            raise
        except Ungranted as wanted:
            grant = wanted.grant
        else:
            return op.read(reply, skip)
        await grant()
        return await self.execute(op)

    async def send(self, fields: Mapping[str, Any]) -> Any:
        """One page of a read."""
        return await self.client.call(CALLS["get"], BUILD["get"](fields, self.namespace), self.timeout)

    def pages(self, fields: Mapping[str, Any], face: type[Sync | Async]) -> Pages:
        """The pages of a read that is iterated over."""
        if face is not self.client.io.face:
            raise TypeError("iterate with 'async for'" if face is Sync else "iterate with 'for'")
        label = Op("get", fields, lambda page, _: page).label

        async def send(fields: Mapping[str, Any]) -> Any:
            try:
                return await self.send(fields)
            except EtcdError as error:
                error.operation = error.operation or label
                raise

        return Pages(send, fields, len(self.namespace), WALK)
