"""What the modules of the package import, as far as the layers in ``setup.cfg`` do not say it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import etcd_factory.nest

FILES = sorted(Path(etcd_factory.nest.__file__).parent.glob("*.py"))
BELOW = {"blocks", "compat", "errors", "options.fields", "options.names", "options.resolve", "site"}
ETCD = {"__init__": {"registry"}, "etcd_module": {"factory", "options", "registry", "service"}}
FOREIGN = {"dishka": {"application", "contexts", "dishka_provider", "instances"}, "dotenv": {"config_sources"}}
WAITING = {"asyncio", "socket", "subprocess", "threading", "time"}
HANDED_ON = {  # to dishka, as the kinds of its locks; to the event loop, as handlers
    "contexts": {"asyncio", "threading"},
    "shutdown_signals": {"asyncio"},
}


def imported(path):
    """The full names of the modules that a file imports, those of its own package left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_the_etcd_module_depends_on_clients(path):
    own = {name.removeprefix("etcd_factory.") for name in imported(path) if name.startswith("etcd_factory")}
    assert own <= BELOW | ETCD.get(path.stem, set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_waits_or_reads_a_clock(path):
    assert WAITING.intersection(imported(path)) == HANDED_ON.get(path.stem, set())


@pytest.mark.parametrize("package", FOREIGN)
def test_a_foreign_package_is_imported_only_where_it_is_adapted(package):
    users = {path.stem for path in FILES if package in {name.partition(".")[0] for name in imported(path)}}
    assert users == FOREIGN[package]
