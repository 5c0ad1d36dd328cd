"""``AsyncOptions``: options of a module that are computed when the application starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable

from attrs import field, frozen

from .dependencies import Factory
from .errors import DeclarationError, display_name
from .modules import Import, as_imports
from .providers import Provider
from .tokens import as_token, is_class

SOURCES = ("use_factory", "use_class", "use_existing")


@frozen(repr=False)
class RawOptions:
    """The token of options that are not converted to the options class yet."""

    token: Hashable = field(converter=as_token)

    def __repr__(self) -> str:
        return f"the options {display_name(self.token)}"


@frozen(kw_only=True)
class AsyncOptions:
    """Where the options of a module come from; exactly one of three sources.

    ``use_factory``: a function, which may be ``async``; ``inject`` lists its tokens. ``use_class``: a class that is
    built in this module, and whose method returns the options. ``use_existing``: the same with the instance that one of
    ``imports`` exports. Raises ``DeclarationError``.
    """

    use_factory: Factory | None = None
    inject: Iterable[object] | None = None
    use_class: type[object] | None = None
    use_existing: object = None
    imports: tuple[Import, ...] = field(default=(), converter=as_imports)

    def __attrs_post_init__(self) -> None:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            problem = f"need exactly one of {', '.join(SOURCES)}; got {' and '.join(given) or 'none'}"
            raise DeclarationError(f"async options {problem}")

    def providers(self, token: object, method: str, read: Factory | None) -> tuple[Provider, ...]:
        """Return the providers that bind the options to ``token``, converted by ``read``."""
        if read is None:
            return self._bound_to(token, method)
        raw = RawOptions(token)
        return (*self._bound_to(raw, method), Provider(token, use_factory=read, inject=[raw]))

    def _bound_to(self, token: object, method: str) -> tuple[Provider, ...]:
        if self.use_factory is not None:
            return (Provider(token, use_factory=self.use_factory, inject=self.inject),)
        if self.use_class is None:
            return (options_of(self.use_existing, method, token),)
        return (Provider(self.use_class, use_class=self.use_class), options_of(self.use_class, method, token))


def options_of(factory: object, method: str, token: object) -> Provider:
    """Return the provider of the options that an object's method returns."""
    function = getattr(factory, method, None)
    if is_class(factory) and not callable(function):
        raise DeclarationError(f"{display_name(factory)} has no method {method!r} to return the options")
    call = call_async_method(method) if inspect.iscoroutinefunction(function) else call_method(method)
    return Provider(token, use_factory=call, inject=[factory])


def call_method(method: str) -> Callable[[object], object]:
    """Return a function that calls the method."""

    def call(factory: object) -> object:
        return getattr(factory, method)()

    return call


def call_async_method(method: str) -> Factory:
    """Return an async function that awaits the method."""

    async def call(factory: object) -> object:
        return await getattr(factory, method)()

    return call
