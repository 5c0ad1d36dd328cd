"""The codes of ``@pytest.mark.anchor`` and their legend in ``anchors.md``."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"^(?:- |\| )?`?([a-z]\w*(?:-\w+)*)`?(?: - | \| )", re.M)


def legend():
    return ROW.findall((TESTS / "anchors.md").read_text())


def codes(tree):
    """The codes of all markers in a module."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    return {ast.literal_eval(one) for call in calls if call.func.attr == "anchor" for one in call.args}


def test_every_code_is_in_the_legend_once():
    used = {code for path in TESTS.rglob("test_*.py") for code in codes(ast.parse(path.read_text()))}
    rows = legend()
    assert used - {*rows} == set()
    assert sorted(rows) == sorted({*rows})


def test_a_code_without_a_row_would_be_found():
    assert codes(ast.parse("@pytest.mark.anchor('nowhere-1')\ndef test(): ...")) - {*legend()} == {"nowhere-1"}
