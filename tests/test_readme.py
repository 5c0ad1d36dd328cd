"""The README: it is short, and its commands are those that continuous integration runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.pages import blocks

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = blocks(README)


def test_the_first_block_is_within_30_lines():
    assert README[: README.index("```python")].count("\n") < 30 - BLOCKS[0][1].count("\n")


@pytest.mark.parametrize("command", [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()])
def test_continuous_integration_runs_the_same_commands(command):
    assert command in (ROOT / ".ci" / "run").read_text()


def test_all_blocks_are_of_known_kinds():
    assert {kind for kind, _ in BLOCKS} == {"python", "console", "sh"}


def test_it_is_short():
    assert README.count("\n") <= 130


@pytest.mark.parametrize("page", ["README.md", "SECURITY.md", "CONTRIBUTING.md"])
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", (ROOT / page).read_text())
    assert links and [link for link in links if not (ROOT / link).exists()] == []
