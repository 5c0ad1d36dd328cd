"""Options that come about when the application starts: ``register_async``, ``for_root_async``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from attrs import field, frozen

from .errors import DeclarationError, shown
from .providers import Provider
from .tokens import is_class

WAYS = ("use_factory", "use_class", "use_existing")


@frozen
class AsGiven:
    """The token of options that are still to be turned into the options class."""

    token: Any


@frozen(kw_only=True)
class AsyncOptions:
    """Where a module's options come from, in exactly one way.

    ``use_factory``: a function, ``async`` or not, with what ``inject`` names. ``use_class``: a class that is built in
    this module and asked for the options. ``use_existing``: the same, but the instance that one of ``imports`` exports.
    """

    use_factory: Callable[..., Any] | None = None
    inject: Iterable[Any] | None = None
    use_class: type[Any] | None = None
    use_existing: Any = None
    imports: Iterable[Any] = field(default=(), converter=tuple)

    def __attrs_post_init__(self) -> None:
        given = [name for name in WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            problem = f"needs exactly one of {', '.join(WAYS)}; got {' and '.join(given) or 'none'}"
            raise DeclarationError(f"an async module {problem}")

    def providers(self, token: Any, method: str, read: Callable[[Any], Any] | None) -> tuple[Provider, ...]:
        """What binds the options to the token, turned into what ``read`` makes of them."""
        if read is None:
            return self._raw(token, method)
        given = AsGiven(token)
        return (*self._raw(given, method), Provider(token, use_factory=read, inject=[given]))

    def _raw(self, token: Any, method: str) -> tuple[Provider, ...]:
        if self.use_factory is not None:
            return (Provider(token, use_factory=self.use_factory, inject=self.inject),)
        if self.use_class is None:
            return (asked(token, self.use_existing, method),)
        return (Provider(self.use_class, use_class=self.use_class), asked(token, self.use_class, method))


def asked(token: Any, factory: Any, method: str) -> Provider:
    """Options that an object gives when its method is called."""
    if is_class(factory) and not callable(getattr(factory, method, None)):
        raise DeclarationError(f"{shown(factory)} has no method {method!r} that gives the options")
    is_async = inspect.iscoroutinefunction(getattr(factory, method, None))
    return Provider(token, use_factory=(awaiting if is_async else asking)(method), inject=[factory])


def asking(method: str) -> Callable[[Any], Any]:
    """A function that calls the method."""

    def ask(factory: Any) -> Any:
        return getattr(factory, method)()

    return ask


def awaiting(method: str) -> Callable[[Any], Any]:
    """A function that awaits the method."""

    async def ask(factory: Any) -> Any:
        return await getattr(factory, method)()

    return ask
