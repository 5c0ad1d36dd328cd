"""The unit tests mirror the package: each module has a test file of its name at its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import etcd_factory

PACKAGE = Path(etcd_factory.__file__).parent
TESTS = Path(__file__).parent
UNIT = TESTS / "unit"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
IMPORTED = re.compile(r"^\s*(?:from|import) +tests[\w.]*\.(?:test_\w+|conftest)\b", re.MULTILINE)
EXCEPTIONS = {
    "testing/container.py": "it does nothing without a container engine: tests/container, with one",
}


def expected(module):
    """Where the tests of a module are."""
    return UNIT / module.with_name(f"test_{module.name}")


TESTED = [module for module in MODULES if module.as_posix() not in EXCEPTIONS]


def test_a_module_has_a_test_file_of_its_name():
    assert [module for module in TESTED if not expected(module).is_file()] == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_a_module_without_a_test_file(name):
    assert Path(name) in MODULES
    assert not expected(Path(name)).exists()


def test_a_folder_of_tests_is_a_package():
    """Files of the same name in several folders could not be imported otherwise."""
    folders = {module.parent for module in TESTED}
    assert [folder for folder in folders if not (UNIT / folder / "__init__.py").is_file()] == []


def test_no_test_module_is_imported_by_another():
    """What several share is in ``tests/support``."""
    imported = {path: IMPORTED.findall(path.read_text()) for path in TESTS.rglob("*.py")}
    assert {path: lines for path, lines in imported.items() if lines} == {}


def test_an_import_of_a_test_module_would_be_found():
    assert IMPORTED.findall("from tests.unit.test_service import connect")
    assert IMPORTED.findall("    import tests.conftest")
    assert not IMPORTED.findall("from tests.support.faces import settle")
