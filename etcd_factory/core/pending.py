"""Builders: what does nothing before a terminal is called on it, and the errors of those that are misused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar
from warnings import warn_explicit

from etcd_factory import site
from etcd_factory.site import Site, caller

from .bound import Method
from .face import Async, Sync, Unbound

B = TypeVar("B")

VERBS = {Sync: "call {}", Async: "await {}", Unbound: "call {}, and pass its result to then(), else_() or batch()"}
OPEN = "enter {} with 'async with'"  # what a builder opens in asyncio


class Traced:
    """A builder that knows where it was made, and warns when it is dropped without use.

    Only in tests and in Python's development mode: each attribute that is looked up takes a step more.
    """

    __slots__ = ("_site",)

    _site: Site | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Note the line of the caller."""
        new: Any = super().__new__
        made = new(cls) if new is object.__new__ else new(cls, *args, **kwargs)
        object.__setattr__(made, "_site", caller())
        return made

    def __getattribute__(self, name: str) -> Any:
        if name[0] != "_":  # a modifier, which makes the builder to end, or a terminal
            object.__setattr__(self, "_site", None)
        return object.__getattribute__(self, name)

    def __del__(self, warn: Any = warn_explicit, is_exiting: Any = sys.is_finalizing) -> None:
        made_at = getattr(self, "_site", None)
        if made_at is not None and not is_exiting():
            warn(f"{self!r} was dropped, and did nothing: {advice(self)}", RuntimeWarning, *made_at)


if TYPE_CHECKING or not site.NOTES_BUILDERS:  # noqa: SIM108  # type checkers understand this
    Base = object
else:
    Base = Traced


class Pending(Base):
    """A builder. What can only be a mistake, as to await it or to test it, is an error that names what to call.

    To compare one is such a mistake if the other side may be a result. With anything else, as a mock's ``ANY``, it is
    compared by identity.
    """

    __slots__ = ()

    _terminals: ClassVar[tuple[str, ...]] = ()  # those that are no ``Method``

    if not TYPE_CHECKING:  # type checkers report these mistakes by themselves

        def __await__(self) -> NoReturn:
            raise misused(self, "awaited")

        def __iter__(self) -> NoReturn:
            raise misused(self, "iterated over")

        __aiter__ = __iter__

        def __bool__(self) -> NoReturn:
            raise misused(self, "used as a condition")

        def __eq__(self, other: object) -> bool:
            if self is not other and isinstance(other, RESULTS):
                raise misused(self, "compared")
            return NotImplemented

        __hash__ = object.__hash__

        def __enter__(self, *_: object) -> NoReturn:
            raise misused(self, "entered")

        __aenter__ = __exit__ = __aexit__ = __enter__  # Python looks for all before it calls the first


RESULTS = (str, bytes, int, float, list, tuple, dict, type(None), Pending)  # what terminals return; a bool is an int


def held(builder: B) -> B:
    """Return a builder that another one ends, and that is therefore not warned of."""
    if isinstance(builder, Traced):
        object.__setattr__(builder, "_site", None)
    return builder


def terminals(cls: type[Pending]) -> tuple[str, ...]:
    """Return the names of the terminals of a builder's class."""
    members = [found for base in reversed(cls.__mro__) for found in vars(base).items()]
    names = [name for name, member in members if isinstance(member, Method)]
    return tuple(dict.fromkeys(names)) or cls._terminals  # pyright: ignore[reportPrivateUsage]


def advice(builder: Any, how: str = "") -> str:
    """Return how to end a builder."""
    names = terminals(builder.__class__)
    calls = ", ".join(f"{name}()" for name in names)
    face = getattr(builder, "face", None) or Sync
    verb = OPEN if (face, how, names) == (Async, "entered", ("create",)) else VERBS[face]
    advice = verb.format(calls if len(names) == 1 else f"one of its terminals {calls}")
    return f"{advice}; for asyncio there is AsyncETCDService" if (face, how) == (Sync, "awaited") else advice


def misused(builder: Any, how: str) -> TypeError:
    """Return the error for a builder that was used as if it were a result."""
    return TypeError(f"{builder!r} cannot be {how}: {advice(builder, how)}")
