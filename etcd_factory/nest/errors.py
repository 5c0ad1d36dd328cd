"""Errors of modules, providers and applications: one tree below ``ModuleError``."""

from __future__ import annotations

import sys
from collections.abc import Generator, Hashable, Iterable, Sequence
from contextlib import contextmanager
from types import FunctionType, GenericAlias
from typing import Any

from attrs import frozen

from etcd_factory.errors import EtcdFactoryError

if sys.version_info < (3, 11):  # pragma: no cover
    from exceptiongroup import ExceptionGroup


CYCLE_ADVICE = (
    "move what they share into another provider, or, if all are classes, inject one of them by "
    "Inject(forward_ref(lambda: TheClass))"
)


class ModuleError(EtcdFactoryError):
    """Base class of all errors of modules, their providers and their applications."""


class DeclarationError(ModuleError, TypeError):
    """Invalid declaration of a module or a provider; the message says what to write instead."""


@frozen
class Missing:
    """One unresolved dependency: which consumer in which module needs it, and how to provide it."""

    consumer: str
    parameter: str
    token: Hashable
    module: str
    advice: str

    def __str__(self) -> str:
        # "can't resolve dependencies" is Nest's own text, which its users search for.
        return (
            f"can't resolve dependencies of {self.consumer} in {self.module}: parameter {self.parameter!r} needs "
            f"{display_name(self.token)}, which is not visible in {self.module}; {self.advice}"
        )


class UnresolvedError(ModuleError):
    """Dependencies that their modules cannot see; ``missing`` lists all of them."""

    def __init__(self, *missing: Missing) -> None:
        self.missing = missing
        super().__init__(*missing)

    def __str__(self) -> str:
        if len(self.missing) == 1:
            return str(self.missing[0])
        lines = [f"{len(self.missing)} unresolved dependencies:", *map(str, self.missing)]
        return "\n  ".join(lines)


class CycleError(ModuleError):
    """Circular dependency between providers; ``path`` lists them in order, the first one again at the end."""

    def __init__(self, path: Iterable[str], advice: str = CYCLE_ADVICE) -> None:
        self.path, self.advice = tuple(path), advice
        super().__init__(self.path, advice)

    def __str__(self) -> str:
        return f"circular dependency between providers: {' -> '.join(self.path)}; {self.advice}"


class ProviderNotFoundError(ModuleError, KeyError):
    """No provider or module matches, or several do and the choice is ambiguous."""

    def __str__(self) -> str:
        return str(self.args[0])


class ConfigKeyError(ModuleError, KeyError):
    """The configuration has no value for the key."""

    def __str__(self) -> str:
        return str(self.args[0])


class AsyncFactoryError(ModuleError):
    """A factory or a life-cycle hook is asynchronous where its result cannot be awaited."""


class ScopeError(ModuleError):
    """A provider of the scope ``transient`` or ``request`` where only the instance of the application is available."""


class ApplicationStateError(ModuleError, RuntimeError):
    """The application is not running, or is not where it can do this."""


class StopError(ModuleError, ExceptionGroup[Exception]):
    """Errors of the providers and hooks that failed to stop; all were stopped or tried. ``except*`` works."""

    def __new__(cls, errors: Sequence[Exception]) -> StopError:
        """Group the errors."""
        return super().__new__(cls, f"stopping failed: {'; '.join(map(repr, errors))}", list(errors))

    def __init__(self, errors: Sequence[Exception]) -> None: ...

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (list(self.exceptions),)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """Return a group of the errors that ``except*`` selected."""
        return StopError(excs)


@contextmanager
def declared_in(place: object) -> Generator[None, None, None]:
    """Prefix a ``DeclarationError`` with the module or provider that it concerns."""
    try:
        yield
    except DeclarationError as error:
        raise DeclarationError(f"{place}: {error}") from error


def display_name(value: object) -> str:
    """Return the name of a class or function for messages, else the value's ``repr``."""
    if isinstance(value, GenericAlias) or not isinstance(value, (type, FunctionType)):
        return repr(value)
    return value.__qualname__.rpartition("<locals>.")[-1]
