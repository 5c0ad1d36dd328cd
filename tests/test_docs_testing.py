"""The tests in docs/testing.md pass, as a suite of a user's, with this repository's configuration and examples."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from etcd_factory.testing import plugin

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"^```python\n# (test_\w+\.py)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
INI = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


def test_every_test_in_the_document_passes(tmp_path, etcd_server):
    (tmp_path / "config").symlink_to(ROOT / "config")
    (tmp_path / "pytest.ini").write_text(INI)
    for name, text in BLOCKS:
        (tmp_path / name).write_text(text)
    environment = {"ETCD_FACTORY_TEST_ENDPOINTS": etcd_server.endpoint, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(re.findall('def test_', TEXT))} passed" in done.stdout


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
