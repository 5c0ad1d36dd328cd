"""What the parts of the package may know: the graph no container, and none of them etcd but the module of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import etcd_factory.nest

FILES = sorted(Path(etcd_factory.nest.__file__).parent.glob("*.py"))
BELOW = {"errors", "options.fields", "options.names", "options.resolve"}
ETCD = {"__init__": {"registry"}, "etcd": {"factory", "options", "registry", "service"}}
FOREIGN = {"dishka": {"app", "provider"}, "dotenv": {"config"}}
WAITS = {"asyncio", "socket", "subprocess", "threading", "time"}


def imported(path):
    """The modules that a file imports, whole names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def siblings(path):
    """The parts of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_part_imports_only_what_it_may(path):
    names = set(imported(path))
    own = {name.removeprefix("etcd_factory.") for name in names if name.startswith("etcd_factory")}
    assert own <= BELOW | ETCD.get(path.stem, set())
    assert names.isdisjoint(WAITS)
    for package, places in FOREIGN.items():
        uses = any(name.partition(".")[0] == package for name in names)
        assert uses == (path.stem in places)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_part_imports_the_module_of_etcd_but_the_package_itself(path):
    assert ("etcd" in siblings(path)) == (path.stem == "__init__")
