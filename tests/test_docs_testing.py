"""docs/testing.md has only tests, and describes every fixture."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from etcd_factory.testing import plugin

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"^```python\n# (test_\w+\.py)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_all_blocks_are_tests():
    assert len(BLOCKS) == TEXT.count("```python")


FIXTURES = [
    node.name
    for node in ast.walk(ast.parse(Path(plugin.__file__).read_text()))
    if isinstance(node, ast.FunctionDef)
    and any("pytest.fixture" in ast.unparse(one) and "name=" not in ast.unparse(one) for one in node.decorator_list)
]


def test_fixtures_are_found():
    assert {"etcd", "etcd_config", "etcd_clients", "etcd_override", "etcd_cluster"} <= {*FIXTURES}


@pytest.mark.parametrize("page", ["README.md", "docs/testing.md"])
@pytest.mark.parametrize("name", FIXTURES)
def test_every_fixture_is_described(name, page):
    assert f"`{name}`" in (ROOT / page).read_text()
