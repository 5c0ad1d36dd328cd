"""One request to etcd: what is asked, and how its answer is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from attrs import define

T_co = TypeVar("T_co", covariant=True)

Text = str | bytes


@define(eq=False)  # made for each call: frozen ones take three times as long
class Op(Generic[T_co]):
    """An operation to hand to a transaction or a batch, made by ``ops``.

    ``fields`` are the request's, without the client's namespace. ``read`` gets the answer and the length of that
    namespace. A ``paged`` one may be answered in several messages.
    """

    kind: str
    fields: Mapping[str, Any]
    read: Callable[[Any, int], T_co]
    paged: bool = False

    @property
    def label(self) -> str:
        """What was asked, for messages; values are never shown."""
        return f"{self.kind} {self.fields['key']!r}" if "key" in self.fields else self.kind


class Ungranted(Exception):  # noqa: N818  # never seen by users
    """The request can't be built before a lease in it is granted, which ``grant`` does."""

    def __init__(self, grant: Callable[[], Awaitable[Any]]) -> None:
        super().__init__("a lease is not granted yet")
        self.grant = grant


def raw(value: Any, what: str = "a key") -> bytes:
    """A key as bytes; ``TypeError`` at once for what is none."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise TypeError(f"{what} is str or bytes, not {type(value).__name__}")


def stored(value: Any) -> bytes:
    """A value as bytes; numbers as decimal text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        plain = int(value) if isinstance(value, int) else float(value)  # an enum's own repr is no number
        return repr(plain).encode()
    if isinstance(value, (str, bytes)):
        return raw(value)
    raise TypeError(f"a value is str, bytes, int or float, not {type(value).__name__}; .json() stores other things")


def encoded(value: Any) -> bytes:
    """A value as JSON."""
    import json

    return json.dumps(value).encode()


def number(value: Any, what: str) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is an int, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{what} is not negative: {value}")
    return value
