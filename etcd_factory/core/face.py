"""One body, three faces.

An operation is written once, as a coroutine over the ports. In asyncio its caller awaits it. In the blocking face the
ports block the thread and return, so the coroutine never suspends and one ``send`` runs it to its end. A third face,
``Unbound``, runs nothing: its builders give the operation itself, to be put into a transaction or a batch.

Which face an object has is its type parameter: ``Get[Sync]``, ``Get[Async]``, ``Get[Unbound]``. ``terminal`` and
``operation`` read it there and give a method the right type.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from .op import Op

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Sync:
    """The blocking face: a call gives its result."""


class Async:
    """The asyncio face: a call gives a coroutine of its result."""


class Unbound:
    """No client behind it: a call gives the operation."""


F = TypeVar("F", Sync, Async, Unbound)


def finish(body: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose ports never suspend; one that does is a defect of its port, and raises."""
    try:
        body.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    body.close()
    raise RuntimeError(f"{body!r} waited for an event loop in the blocking face")


class Runner(Protocol):
    """Takes an operation and gives what its face gives for it."""

    def __call__(self, op: Op[Any]) -> Any:
        """The result, a coroutine of it, or the operation."""

    def pages(self, fields: Mapping[str, Any], face: type[Sync | Async]) -> Any:
        """The pages of a read, for iterating in that face; ``TypeError`` if it is not this one's."""


class Unrun:
    """The runner of ``ops``."""

    def __call__(self, op: Op[T]) -> Op[T]:
        """The operation itself."""
        return op

    def pages(self, fields: Mapping[str, Any], face: type[Sync | Async]) -> Any:
        """Nothing is read here."""
        del fields, face
        raise TypeError("ops only describe operations; iterate over a client's get_all()")


unrun = Unrun()


class Bound(Generic[F]):
    """What has a face, by its runner: a ``Runner``, or the ports themselves."""

    __slots__ = ()

    _run: Any


class Named:
    """What the decorators share: at run time a method is a function like any other."""

    def __init__(self, body: Callable[..., Any], call: Callable[..., Any]) -> None:
        self._call = update_wrapper(call, body)

    def __set_name__(self, owner: type, name: str) -> None:
        setattr(owner, name, self._call)


class Method(Named, Generic[P, T_co]):
    """What ``terminal`` and ``operation`` are to type checkers: a method's type by the face of its object."""

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
        @overload
        def __get__(self, instance: Bound[Sync], owner: type) -> Callable[P, T_co]: ...
        @overload
        def __get__(self, instance: Bound[Async], owner: type) -> Callable[P, Coroutine[Any, Any, T_co]]: ...
        @overload
        def __get__(self, instance: Bound[Unbound], owner: type) -> Callable[P, Op[T_co]]: ...
        def __get__(self, instance: Any, owner: type) -> Any: ...


class Opening(Generic[T]):
    """Something to be opened: ``await`` it, or enter it with ``async with``."""

    def __init__(self, body: Coroutine[Any, Any, T]) -> None:
        self._body = body
        self._opened: Any = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._body.__await__()

    async def __aenter__(self) -> T:
        self._opened = await (await self._body).__aenter__()  # type: ignore[attr-defined]
        return self._opened  # type: ignore[no-any-return]

    async def __aexit__(self, *error: Any) -> None:
        await self._opened.__aexit__(*error)


class opener(Named, Generic[P, T_co]):  # noqa: N801
    """An operation that opens something: in asyncio it gives an ``Opening``."""

    def __init__(self, body: Callable[Concatenate[Any, P], Coroutine[Any, Any, T_co]]) -> None:
        def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
            return self._run.open(body(self, *args, **kwargs))

        super().__init__(body, call)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
        @overload
        def __get__(self, instance: Bound[Sync], owner: type) -> Callable[P, T_co]: ...
        @overload
        def __get__(self, instance: Bound[Async], owner: type) -> Callable[P, Opening[T_co]]: ...
        def __get__(self, instance: Any, owner: type) -> Any: ...


class terminal(Method[P, T_co]):  # noqa: N801
    """A builder's last call: its body gives an ``Op``, the face runs it."""

    def __init__(self, body: Callable[Concatenate[Any, P], Op[T_co]]) -> None:
        def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
            return self._run(body(self, *args, **kwargs))

        super().__init__(body, call)


class operation(Method[P, T_co]):  # noqa: N801
    """A method whose body is a coroutine over the ports; the runner's ``finish`` is the face's way to run it."""

    def __init__(self, body: Callable[Concatenate[Any, P], Coroutine[Any, Any, T_co]]) -> None:
        def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
            return self._run.finish(body(self, *args, **kwargs))

        super().__init__(body, call)
