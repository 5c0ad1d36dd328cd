"""Making a command from a function: the shared options, errors as exit codes, Ctrl-C."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import typer

from .advice import advised
from .exits import CLOSED_PIPE, INTERRUPTED, code_of
from .logs import print_log
from .output import fail
from .session import Session
from .settings import OPTIONS, Settings

Function = Callable[..., object]

PASSING = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(app: typer.Typer, name: str | None = None) -> Callable[[Function], Function]:
    """Add a function to an app as a command; its first parameter is the ``Session``.

    It also takes the shared options, returns the exit code (None for 0), and may raise errors of this package.
    """

    def add(function: Function) -> Function:
        app.command(name or function.__name__.rstrip("_").replace("_", "-"))(adapted(function))
        return function

    return add


def adapted(function: Function) -> Function:
    """Return the function as Typer calls it."""

    def run(context: typer.Context, **arguments: Any) -> None:
        shared = {name: arguments.pop(name) for name in OPTIONS}
        session = Session(settings_of(context).over(shared))
        raise typer.Exit(guarded(lambda: function(session, **arguments), session.settings))

    given = parameters(function)
    run.__doc__ = function.__doc__
    run.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in given}
    return run


def parameters(function: Function) -> list[inspect.Parameter]:
    """Return the parameters of a command: the context, its own ones without the session, the shared options."""
    hints = get_type_hints(function, include_extras=True)
    _, *own = inspect.signature(function).parameters.values()
    return [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own),
        *shared_parameters(),
    ]


def shared_parameters() -> list[inspect.Parameter]:
    """Return the parameters of the shared options."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
        for name, (option, default) in OPTIONS.items()
    ]


def settings_of(context: typer.Context) -> Settings:
    """Return the settings that were given before the name of the command."""
    found = context.find_root().obj
    return found if isinstance(found, Settings) else Settings()


def before(context: typer.Context, shared: Mapping[str, Any]) -> None:
    """Keep the shared options that stand before the name of the command."""
    context.find_root().obj = Settings().over(dict(shared))


def guarded(action: Callable[[], object], settings: Settings) -> int:
    """Return the exit code of a command; errors are printed, defects are raised."""
    print_log(is_json=settings.is_json)
    try:
        code = action()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # as with ``| head``; the interpreter would flush once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except Exception as error:
        found = code_of(error)
        if found is None:
            raise
        fail(str(advised(error)), type(error).__name__, found, is_json=settings.is_json)
        return found
    return code if isinstance(code, int) else 0
