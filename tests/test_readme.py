"""Every block of the README runs, in order, in one empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.\w+)\n")


def run(folder, *command, **environment):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write(folder, text):
    """Write a block to the file that its first line names, or to a default one; returns the path."""
    named = NAMED.match(text)
    path = folder / (named[1] if named else "block.py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_every_block_runs(tmp_path, etcd_server):
    for kind, text in BLOCKS:
        if kind not in ("python", "yaml"):
            continue
        path = write(tmp_path, text)
        if path.name.startswith("test_"):
            run(tmp_path, "-m", "pytest", "-q", path.name)
        elif kind == "python":
            run(tmp_path, "-W", "error", path.name, ETCD_ENDPOINT=etcd_server.endpoint)


def test_the_first_block_is_within_30_lines():
    assert README[: README.index("```python")].count("\n") < 30 - BLOCKS[0][1].count("\n")


@pytest.mark.parametrize("command", [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()])
def test_continuous_integration_runs_the_same_commands(command):
    assert command in (ROOT / ".ci" / "run").read_text()


def test_all_blocks_are_of_known_kinds():
    assert {kind for kind, _ in BLOCKS} == {"python", "yaml", "console", "text"}
