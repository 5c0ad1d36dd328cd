"""One request to etcd: its fields, and how its response is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from attrs import define

T_co = TypeVar("T_co", covariant=True)

Fields = Mapping[str, Any]  # of a request message, without the client's namespace


@define(eq=False, repr=False)  # made for each call: frozen ones take three times as long
class Op(Generic[T_co]):
    """An operation to put into a transaction or a batch, made by ``ops``.

    ``fields`` are those of the request, without the client's namespace. ``read`` turns the response into the result;
    its second argument is the length of that namespace. The response to a ``paged`` one may come in several messages.
    ``name`` is how messages show it, if its kind and key do not say it.
    """

    kind: str
    fields: Fields
    read: Callable[[Any, int], T_co]
    paged: bool = False
    name: str = ""

    def __repr__(self) -> str:
        return f"<Op {self.label}>"

    @property
    def label(self) -> str:
        """The operation as messages show it; never its value."""
        return self.name or (f"{self.kind} {self.fields['key']!r}" if "key" in self.fields else self.kind)


class Pages(Protocol):
    """The pages of one read, fetched one after another."""

    @property
    def skip(self) -> int:
        """The length of the namespace in their keys."""
        ...

    async def next(self) -> Any:
        """Return the next page's message, None after the last one."""

    async def close(self) -> None:
        """End it before its last page; idempotent."""


class Ungranted(Exception):  # noqa: N818  # never seen by users
    """A request cannot be built before a lease in it is granted, which ``grant`` does."""

    def __init__(self, grant: Callable[[], Awaitable[object]]) -> None:
        super().__init__("a lease is not granted yet")
        self.grant = grant


def message(reply: Any, skip: int) -> Any:
    """Read a response as etcd's own message."""
    del skip
    return reply
