"""Running a configuration file written in Python: plain names, or a function ``config(info, merged)``."""

from __future__ import annotations

import ast
import inspect
import os
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from etcd_factory.errors import ConfigError, Fault

from .faults import AsyncFault

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)  # what has names of its own
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)  # all but those bound by ``:=``
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
CODE = (BuiltinFunctionType, FunctionType, ModuleType, type)
ASYNC = "config() is async; only the asyncio face can load it (aload_config / AsyncETCDServiceFactory)"
UNSHOWN = "its text may quote a secret and is not shown; run the file with python to see it"


@frozen
class Info:
    """The first argument of a ``config`` function: the environment, and the project's name and directory.

    ``base_dir`` is the directory that contains the configuration directory.
    """

    name: str
    base_dir: Path
    env: str


async def run(path: Path, text: str, env: str, merged: object, *, wait: bool) -> object:
    """Return the values of the file. Suspends only if its function is async and ``wait`` is set."""
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


def executed(path: Path, text: str) -> tuple[dict[str, object], Any]:
    """Return the plain names that the file assigns, and its function ``config``, if it has one."""
    namespace: dict[str, object] = {"__name__": path.stem, "__file__": os.path.abspath(path)}
    with blamed(path):
        exec(compile(text, str(path), "exec", dont_inherit=True), namespace)  # noqa: S102  # a file of this type is code
        names = {*assigned(ast.parse(text, str(path)))}
    # imported names are not values: ``from os import environ`` would add the whole environment
    function = namespace.get("config") if callable(namespace.get("config")) else None
    return {
        name: value
        for name, value in namespace.items()
        if name in names and not name.startswith("_") and not isinstance(value, CODE) and value is not function
    }, function


def assigned(module: ast.Module) -> Iterator[str]:
    """Return the names that a module binds otherwise than by imports, as ``symtable`` says, which PyPy lacks."""
    nodes: list[ast.AST] = [module]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, NAMED):
            yield node.name or ""
        elif isinstance(node, ast.MatchMapping):
            yield node.rest or ""
        if isinstance(node, COMPREHENSIONS):
            nodes += (inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        elif not isinstance(node, SCOPES):
            nodes += ast.iter_child_nodes(node)


def info(path: Path, env: str) -> Info:
    """Return the ``Info`` for a file of the project."""
    base = Path(os.path.abspath(path)).parent.parent
    return Info(base.name, base, env)


def dismiss(answer: object) -> None:
    """Close a coroutine, to avoid the warning that it was never awaited."""
    if inspect.iscoroutine(answer):
        answer.close()


@contextmanager
def blamed(path: Path) -> Generator[None, None, None]:
    """Turn an exception of the file into a fault that names the line."""
    try:
        yield
    except (Exception, SystemExit) as error:
        kind, known = type(error).__name__, reason(error)
        at = line(error, str(path))
        message = f"{at}{kind}: {known or (UNSHOWN if at else error)}"
        raise ConfigError(Fault(str(path), "", message)) from None


def reason(error: BaseException) -> str:
    """Return what an exception says, if it cannot quote a value of the file, which may be a secret."""
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, SyntaxError):
        return error.msg
    if isinstance(error, OSError):
        return error.strerror or ""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    if isinstance(error, KeyError) and frames[-1].f_code is type(os.environ).__getitem__.__code__:
        return f"the environment variable {error.args[0]} is not set"
    return str(error) if isinstance(error, (ImportError, ArithmeticError)) else ""


def line(error: BaseException, file: str) -> str:
    """Return ``line 3: `` for the deepest line of the file in the traceback, empty if there is none."""
    lines = [number for frame, number in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(error.lineno or 1)
    return f"line {lines[-1]}: " if lines else ""
