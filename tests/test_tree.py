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


@pytest.mark.parametrize("module", TESTED, ids=Path.as_posix)
def test_a_module_has_a_test_file_of_its_name(module):
    assert expected(module).is_file()


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_a_module_without_a_test_file(name):
    assert Path(name) in MODULES
    assert not expected(Path(name)).exists()


@pytest.mark.parametrize("folder", sorted({module.parent for module in TESTED}), ids=Path.as_posix)
def test_a_folder_of_tests_is_a_package(folder):
    """Files of the same name in several folders could not be imported otherwise."""
    assert (UNIT / folder / "__init__.py").is_file()


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_no_test_module_is_imported_by_another(path):
    """What several share is in ``tests/support``."""
    assert IMPORTED.findall(path.read_text()) == []


def test_an_import_of_a_test_module_would_be_found():
    assert IMPORTED.findall("from tests.unit.test_service import connect")
    assert IMPORTED.findall("    import tests.conftest")
    assert not IMPORTED.findall("from tests.support.faces import settle")
