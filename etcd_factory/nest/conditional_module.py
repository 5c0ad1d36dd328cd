"""``ConditionalModule``: imports a module if the environment says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from .config_module import SOURCES
from .config_sources import EnvSources
from .errors import DeclarationError
from .module_options import Values
from .modules import DecidedLate, DynamicModule, ModuleLike, module
from .providers import Provider
from .tokens import Token

Condition: TypeAlias = str | Callable[[Values], object]

CONDITION = Token[Condition]("CONDITION")


@module()
class ConditionalModule(DecidedLate):
    """Imports and re-exports a module on a condition, which is evaluated when the application is constructed."""

    @staticmethod
    def register_when(imported: ModuleLike, condition: Condition) -> DynamicModule:
        """Import the module if the condition is true.

        ``condition`` is a function of the environment with the ``.env`` files of ``ConfigModule.for_root``, before
        ``validate``; or the name of a variable: as in Nest, anything but ``false`` is true, also if it is missing. The
        constructor of the application raises ``DeclarationError`` if it has no ``ConfigModule.for_root``.
        """
        provider = Provider(CONDITION, use_value=condition)
        return DynamicModule(ConditionalModule, imports=[imported], providers=[provider], exports=[imported])

    @classmethod
    def decide(cls, definition: DynamicModule, providers: Iterable[Provider]) -> DynamicModule:
        """Return the definition, or, if the condition is false, one that imports nothing."""
        condition: Any = next(one.use_value for one in definition.providers if isinstance(one, Provider))
        env = environment(providers)
        is_true = str(env.get(condition, "")).lower() != "false" if isinstance(condition, str) else condition(env)
        return definition if is_true else DynamicModule(cls)


def environment(providers: Iterable[Provider]) -> Values:
    """Return the values of all ``for_root`` in an application."""
    sources = [one.use_value for one in providers if isinstance(one.use_value, EnvSources) and one.token is SOURCES]
    if not sources:
        raise DeclarationError("a condition needs ConfigModule.for_root(...); import it anywhere in the application")
    values: Values = {}
    for one in sources:
        values = {**one.view(), **values}
    return values
