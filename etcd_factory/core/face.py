"""One body, three faces.

An operation is written once, as a coroutine over the ports. The asyncio face awaits it. In the blocking face the ports
block the thread and never suspend, so one ``send`` runs the coroutine to its end. The third face, ``Unbound``, runs
nothing: its builders return the operation itself, to be put into a transaction or a batch.

Type checkers read the face of an object from its type parameter: ``Get[Sync]``, ``Get[Async]``, ``Get[Unbound]``. At
run time each face has a subclass of its own, made here at its first use, with plain functions or coroutine functions as
methods: so ``inspect.iscoroutinefunction``, ``inspect.signature`` and ``create_autospec`` see what a caller gets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, ParamSpec, Protocol, TypeVar, cast

from etcd_factory.coroutine import finish

if TYPE_CHECKING:
    from .op import Op, Pages

__all__ = [
    "Async",
    "Completed",
    "Entered",
    "F",
    "Face",
    "Opening",
    "Runner",
    "Sync",
    "Unbound",
    "finish",
    "settle",
]

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Sync:
    """The blocking face: a call returns its result."""


class Async:
    """The asyncio face: a call returns a coroutine of its result."""


class Unbound:
    """The face of ``ops``: a call returns the operation."""


F = TypeVar("F", Sync, Async, Unbound)
Face = type[Sync] | type[Async] | type[Unbound]


class Entered:
    """What is used at once, entered or not: in asyncio to await it, as with other clients, is an error that says so."""

    __slots__ = ()

    face: ClassVar[Face | None]
    _awaited: ClassVar[str]  # a method that can be awaited instead

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.face is Async:  # in the blocking face it stays what nobody takes for something to await
            cls.__await__ = not_awaited  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def not_awaited(made: Entered) -> NoReturn:
    """Raise the ``TypeError`` for what is awaited in vain."""
    method = made._awaited  # pyright: ignore[reportPrivateUsage]
    raise TypeError(f"{made!r} cannot be awaited: enter it with 'async with', or await its methods, as {method}")


async def settle(given: Awaitable[T] | T) -> T:
    """Return what a user's function returned, awaited if it has to be."""
    if isawaitable(given) and not isinstance(given, Entered):
        return await cast("Awaitable[T]", given)
    return given  # pyright: ignore[reportReturnType]


class Runner(Protocol):
    """Runs the operations of an object that has a face."""

    @property
    def face(self) -> Face:
        """Which face."""
        ...

    def execute(self, op: Op[T]) -> Coroutine[Any, Any, T]:
        """Return the operation's result."""
        ...

    def pages(self, fields: Mapping[str, Any]) -> Pages:
        """Return the pages of a read, to iterate over."""
        ...


class Opening(Coroutine[Any, Any, T]):
    """Something to be opened: ``await`` it, enter it with ``async with``, or run it in a task, as any coroutine."""

    def __init__(self, body: Coroutine[Any, Any, T]) -> None:
        self._body = body
        self._opened: Any = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._body.__await__()

    def send(self, value: Any) -> Any:
        """Run it to where it waits next."""
        return self._body.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error where it waits."""
        return self._body.throw(*error)

    def close(self) -> None:
        """End it where it waits."""
        self._body.close()

    async def __aenter__(self) -> T:
        self._opened = await self._body
        entered: T = await self._opened.__aenter__()
        return entered

    async def __aexit__(self, *error: object) -> None:
        await self._opened.__aexit__(*error)

    if not TYPE_CHECKING:  # type checkers report it by themselves

        def __enter__(self, *_: object) -> NoReturn:
            self._body.close()
            raise TypeError(f"{self._body.__name__}() of an asyncio client: enter it with 'async with'")

        __exit__ = __enter__  # Python looks for both before it calls the first

        def __getattr__(self, name: str) -> NoReturn:
            problem = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name[0] == "_":
                raise AttributeError(problem)
            opened = f"{self._body.__name__}() is not awaited yet: await it, or enter it with 'async with'"
            raise AttributeError(f"{problem}; {opened}")


class Completed:
    """What needs no waiting, and may still be awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()
