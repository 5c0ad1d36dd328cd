"""Imports go downward only, and the core knows no transport."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINT = "from importlinter.cli import lint_imports_command as run; run()"


def lint(config):
    command = [sys.executable, "-c", LINT, "--config", str(config), "--no-cache"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_imports_go_downward_only():
    done = lint(ROOT / "setup.cfg")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_upward_would_be_seen(tmp_path):
    """The same contract with one room put below what it imports."""
    text = (ROOT / "setup.cfg").read_text().replace("    etcd_factory.core\n", "", 1)
    config = tmp_path / "setup.cfg"
    config.write_text(text.replace("    etcd_factory.errors\n", "    etcd_factory.errors\n    etcd_factory.core\n", 1))
    assert "BROKEN" in lint(config).stdout
