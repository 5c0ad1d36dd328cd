"""The example prints what seed 002 shows: two instances, then one."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "nest_modules.py"

TWO = ["done", "Hi~", "", "done", "HiUser~", "Hi~", "False"]
ONE = ["done", "Hi~", "Hi~", "done", "HiUser~", "HiUser~", "True"]


def test_it_prints_two_instances_and_then_one(capsys):
    runpy.run_path(str(EXAMPLE))["main"]()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert [line.partition(" ")[2].rpartition(":")[2].strip() for line in lines] == TWO + ONE
