"""What goes wrong with modules: one tree below ``ModuleError``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from types import FunctionType, GenericAlias
from typing import Any

from attrs import frozen

from etcd_factory.errors import EtcdFactoryError

if sys.version_info < (3, 11):  # pragma: no cover
    from exceptiongroup import ExceptionGroup


class ModuleError(EtcdFactoryError):
    """Everything that is wrong with modules, their providers and an application made of them."""


class DeclarationError(ModuleError, TypeError):
    """A module or a provider that is written wrongly; the text says what to write."""


@frozen
class Missing:
    """One dependency that a module does not see: who needs it, where, and what to do."""

    consumer: str
    parameter: str
    token: Any
    module: str
    advice: str

    def __str__(self) -> str:
        return (
            f"{self.consumer} in {self.module} can't resolve dependencies: {self.parameter!r} is "
            f"{shown(self.token)}, which {self.module} does not see; {self.advice}"
        )


class UnresolvedError(ModuleError):
    """Dependencies that no module gives to the one that needs them; ``missing`` has all of them."""

    def __init__(self, *missing: Missing) -> None:
        self.missing = missing
        super().__init__(*missing)

    def __str__(self) -> str:
        if len(self.missing) == 1:
            return str(self.missing[0])
        lines = [f"{len(self.missing)} dependencies can't be resolved:", *map(str, self.missing)]
        return "\n  ".join(lines)


class CycleError(ModuleError):
    """Providers that need one another; ``path`` has them in order, the first one again at the end."""

    def __init__(self, path: Iterable[str]) -> None:
        self.path = tuple(path)
        super().__init__(self.path)

    def __str__(self) -> str:
        return (
            f"providers need one another: {' -> '.join(self.path)}; "
            "move what they share into a provider of its own, or hand one of them over after both are made"
        )


class ProviderNotFoundError(ModuleError, KeyError):
    """No provider has that token, or it can't be told which one is meant."""

    def __str__(self) -> str:
        return str(self.args[0])


class ConfigKeyError(ModuleError, KeyError):
    """The configuration has no value of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


class AsyncFactoryError(ModuleError):
    """Something has to be awaited where nothing is awaited."""


class ApplicationStateError(ModuleError, RuntimeError):
    """The application is not running."""


class StopError(ModuleError, ExceptionGroup[Exception]):
    """Some providers could not be stopped; all were tried. ``except*`` works."""

    def __new__(cls, errors: Sequence[Exception]) -> StopError:
        """A group of the errors."""
        return super().__new__(cls, f"stopping failed: {'; '.join(map(repr, errors))}", list(errors))

    def __init__(self, errors: Sequence[Exception]) -> None: ...

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self.exceptions),)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """The part of the group that ``except*`` caught."""
        return StopError(excs)


def shown(value: object) -> str:
    """How a class, a function or a token is called in messages: by its name where it has one, else as in code."""
    if isinstance(value, GenericAlias) or not isinstance(value, (type, FunctionType)):
        return repr(value)
    return value.__qualname__.rpartition("<locals>.")[-1]
