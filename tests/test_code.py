"""Rules for the code that no tool checks, read from its syntax."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from statistics import median

import pytest

import etcd_factory

PACKAGE = Path(etcd_factory.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
CORE = [path for path in MODULES if path.startswith("core/")]
GRPC = ("io/grpc/", "raw/")  # who knows a transport
LOCK = re.compile(r"lock|guard|change\b|condition", re.IGNORECASE)  # what is held, by its name
WAITING = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)
WORLD = {"asyncio", "grpc", "os", "pathlib", "shutil", "socket", "ssl", "subprocess", "tempfile", "threading", "time"}
ALLOWED = {("os", "PathLike"), ("pathlib", "Path")}  # as annotations: they do nothing
ACTS = {"open", "Path", "input", "print"}  # calls that reach the world


@cache
def tree_of(path):
    return ast.parse((PACKAGE / path).read_text())


def offenders(look, paths):
    """What ``look`` finds in the syntax of these modules, by path; those in which it finds nothing are left out."""
    return {path: faults for path in paths if (faults := look(tree_of(path)))}


# --- locks


def inside(nodes):
    """All nodes below these, without functions defined there: those run later."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield node
        yield from inside(ast.iter_child_nodes(node))


def awaited_under_lock(tree):
    """The lines that wait while a lock is held."""
    return [
        node.lineno
        for block in ast.walk(tree)
        if isinstance(block, ast.With) and any(LOCK.search(ast.unparse(item.context_expr)) for item in block.items)
        for node in inside(block.body)
        if isinstance(node, WAITING)
    ]


def test_nothing_waits_while_a_lock_is_held():
    """A lock serves threads and tasks alike: who waits while holding it blocks an event loop."""
    assert offenders(awaited_under_lock, MODULES) == {}


HOLDING = """
async def f(self):
    with self._lock:
        {}
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("await self.g()", True),
        ("x = [await self.g()]", True),
        ("async with self.g(): pass", True),
        ("async for x in self.g(): pass", True),
        ("if x: await self.g()", True),
        ("self.later = lambda: self.g()", False),
        ("self.g()", False),
    ],
)
def test_waiting_under_a_lock_would_be_found(body, found):
    assert bool(awaited_under_lock(ast.parse(HOLDING.format(body)))) is found
    assert awaited_under_lock(ast.parse(HOLDING.format(body).replace("_lock", "_file"))) == []


def test_there_are_locks_to_check():
    held = [block for path in MODULES for block in ast.walk(tree_of(path)) if isinstance(block, ast.With)]
    named = [block for block in held if LOCK.search(ast.unparse(block.items[0].context_expr))]
    assert len(named) > 20


# --- imports


def imports(tree):
    """What a module imports: pairs of a top-level package and a name, None for the module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((str(node.module).partition(".")[0], alias.name) for alias in node.names)


def calls(tree):
    """The names of the functions that a module calls."""
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_the_core_reaches_the_world_only_through_its_ports():
    assert offenders(lambda tree: {one for one in imports(tree) if one[0] in WORLD} - ALLOWED, CORE) == {}
    assert offenders(lambda tree: calls(tree) & ACTS, CORE) == {}


def test_only_the_transports_import_grpc():
    others = [path for path in MODULES if not path.startswith(GRPC)]
    assert offenders(lambda tree: [one for one in imports(tree) if one[0] == "grpc"], others) == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import time", ("time", None)),
        ("import os.path", ("os", None)),
        ("from os import fsync", ("os", "fsync")),
        ("def f():\n    from threading import Lock", ("threading", "Lock")),
        ("from . import time", None),
    ],
)
def test_an_import_of_the_world_would_be_found(line, found):
    assert [*imports(ast.parse(line))] == ([found] if found else [])


# --- sizes


def functions():
    """All functions of the package, with their number of lines."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{path.relative_to(PACKAGE)}: {node.name}", node.end_lineno - node.lineno + 1


def test_functions_are_short():
    lengths = dict(functions())
    assert [name for name, length in lengths.items() if length > 40] == []
    assert median(lengths.values()) <= 6


def test_files_are_short():
    lengths = {path.as_posix(): path.read_text().count("\n") for path in PACKAGE.rglob("*.py")}
    assert [name for name, length in lengths.items() if length > 400] == []


def test_the_core_has_few_rooms():
    rooms = [path for path in (PACKAGE / "core").iterdir() if not path.name.startswith("__")]
    assert len(rooms) <= 16
