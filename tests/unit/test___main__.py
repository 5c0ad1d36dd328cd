from __future__ import annotations

import subprocess
import sys

from etcd_factory import __main__
from tests.support.command_line import environment


def test_the_package_is_a_program():
    command = [sys.executable, "-m", "etcd_factory", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    assert done.returncode == 0
    assert "etcd-factory [OPTIONS] COMMAND" in done.stdout
    assert "Exit codes:" in done.stdout


def test_it_is_the_entry_point():
    from etcd_factory.cli import main

    assert __main__.main is main
