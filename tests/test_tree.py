"""The unit tests mirror the package: each module has a test file of its name at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import etcd_factory

PACKAGE = Path(etcd_factory.__file__).parent
UNIT = Path(__file__).parent / "unit"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
EXCEPTIONS = {
    "testing/container.py": "it does nothing without a container engine: tests/container, with one",
}


def expected(module):
    """Where the tests of a module are."""
    return UNIT / module.with_name(f"test_{module.name}")


@pytest.mark.parametrize("module", MODULES, ids=Path.as_posix)
def test_a_module_has_a_test_file_of_its_name(module):
    if module.as_posix() in EXCEPTIONS:
        assert not expected(module).exists(), "it has one by now: take it out of the exceptions"
        return
    assert expected(module).is_file()


def test_every_exception_is_a_module():
    assert set(EXCEPTIONS) - {module.as_posix() for module in MODULES} == set()


@pytest.mark.parametrize("folder", sorted({module.parent for module in MODULES}), ids=Path.as_posix)
def test_a_folder_of_tests_is_a_package_of_its_own(folder):
    """Files of the same name in several folders could not be imported otherwise."""
    if all((folder / module.name).as_posix() in EXCEPTIONS for module in MODULES if module.parent == folder):
        return
    assert (UNIT / folder / "__init__.py").is_file()
