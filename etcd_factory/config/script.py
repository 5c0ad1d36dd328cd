"""Configuration written in Python: plain names, or a function ``config(info, merged)``."""

from __future__ import annotations

import inspect
import os
import symtable
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from etcd_factory.errors import ConfigError, Fault

from .faults import AsyncFault

if TYPE_CHECKING:
    from collections.abc import Generator

CODE = (BuiltinFunctionType, FunctionType, ModuleType, type)
ASYNC = "config() is async; only the asyncio face can load it (aload_config / AsyncETCDServiceFactory)"


@frozen
class Info:
    """What a ``config`` function is told: the project's name and directory (where the config directory is), the env."""

    name: str
    base_dir: Path
    env: str


async def run(path: Path, text: str, env: str, merged: dict[str, Any], *, wait: bool) -> Any:
    """What the file configures. Suspends only if ``wait`` allows it and the file's function is async."""
    names, function = executed(path, text)
    if function is None:
        return names
    if names:
        raise ConfigError(Fault(str(path), "", f"has both config() and plain names: {', '.join(names)}"))
    with blamed(path):
        answer = function(info(path, env), merged)
    if not inspect.isawaitable(answer):
        return answer
    if not wait:
        dismiss(answer)
        raise ConfigError(AsyncFault(str(path), "", ASYNC))
    with blamed(path):
        return await answer


def executed(path: Path, text: str) -> tuple[dict[str, Any], Any]:
    """The plain names that the file assigns, and its function ``config``, if it has one."""
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": os.path.abspath(path)}
    with blamed(path):
        table = symtable.symtable(text, str(path), "exec")
        # To run the file is what it is for.
        exec(compile(text, str(path), "exec", dont_inherit=True), namespace)  # noqa: S102
    # What is imported is not configured: ``from os import environ`` would put the whole environment in.
    assigned = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    function = namespace.get("config") if callable(namespace.get("config")) else None
    return {
        name: value
        for name, value in namespace.items()
        if name in assigned and not name.startswith("_") and not isinstance(value, CODE) and value is not function
    }, function


def info(path: Path, env: str) -> Info:
    """The facts about the project that holds ``path``."""
    base = Path(os.path.abspath(path)).parent.parent
    return Info(base.name, base, env)


def dismiss(answer: Any) -> None:
    """Drop a coroutine without the warning that nobody awaited it."""
    if inspect.iscoroutine(answer):
        answer.close()


@contextmanager
def blamed(path: Path) -> Generator[None, None, None]:
    """Turn what the file raises into a fault that names its line."""
    try:
        yield
    except (Exception, SystemExit) as error:
        text = error.msg if isinstance(error, SyntaxError) else error
        message = f"{line(error, str(path))}{type(error).__name__}: {text}"
        raise ConfigError(Fault(str(path), "", message)) from None


def line(error: BaseException, file: str) -> str:
    """``line 3: ``, the deepest one in the file that the error came through, if it did."""
    lines = [number for frame, number in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(error.lineno or 1)
    return f"line {lines[-1]}: " if lines else ""
