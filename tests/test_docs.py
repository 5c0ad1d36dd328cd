"""The tables in docs: every row is whole, and every test that is named is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
TABLES = [path for path in DOCS if path.name != "README.md"]
NAMED = re.compile(r"`([^`]+\.py)::([^`]+)`")
LISTED = re.compile(rf"{NAMED.pattern}(<br>{NAMED.pattern})*")
UNTESTED = "not offered"  # then the cell before says why


def shown(path):
    return path.stem


def rows(text):
    """The cells of each row of all tables, heads left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    rules = [place for place, cells in enumerate(found) if set("".join(cells)) == {"-"}]
    return [cells for place, cells in enumerate(found) if place not in rules and place + 1 not in rules]


@cache
def defined(path):
    """The names of the tests in a file, none where there is no such file."""
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def missing(text):
    """The tests that are named and are not there."""
    return [f"{file}::{name}" for file, name in NAMED.findall(text) if name not in defined(ROOT / file)]


def incomplete(text):
    """The rows that lack a cell, or name neither a test nor a reason why there is none."""
    return [cells for cells in rows(text) if len(cells) != 3 or not all(cells) or not reasoned(*cells)]


def reasoned(member, ours, tests):
    return bool(LISTED.fullmatch(tests)) or (tests == UNTESTED and ours.startswith("None: "))


@pytest.mark.parametrize("path", TABLES, ids=shown)
def test_every_test_that_is_named_is_there(path):
    assert missing(path.read_text()) == []


@pytest.mark.parametrize("path", TABLES, ids=shown)
def test_every_row_is_whole_and_names_a_test_or_the_reason_why_there_is_none(path):
    assert rows(path.read_text())
    assert incomplete(path.read_text()) == []


@pytest.mark.parametrize("path", TABLES, ids=shown)
def test_no_member_has_two_rows_in_one_table(path):
    for table in path.read_text().split("\n## "):
        members = [cells[0] for cells in rows(table)]
        assert sorted(set(members)) == sorted(members)


def test_a_test_that_was_renamed_or_moved_would_be_seen():
    here = "`tests/test_docs.py::test_no_member_has_two_rows_in_one_table`"
    assert missing(here) == []
    assert missing(here.replace("two", "three")) == ["tests/test_docs.py::test_no_member_has_three_rows_in_one_table"]
    assert missing(here.replace("docs", "elsewhere")) == [here.replace("docs", "elsewhere").strip("`")]


HEAD = "| Node | ours | covered by |\n|---|---|---|\n"


@pytest.mark.parametrize(
    "row",
    [
        "| a | b | |",
        "| a | | `x.py::y` |",
        "| a | `x.py::y` |",
        "| a | b | c | `x.py::y` |",
        "| a | b | later |",
        "| a | b | `x.py::y`<br>later |",
        "| a | b | not offered |",
    ],
)
def test_a_row_that_is_not_whole_would_be_seen(row):
    assert len(incomplete(f"{HEAD}{row}\n")) == 1


def test_the_index_names_every_table():
    index = (ROOT / "docs" / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\S+)\)", index)) == [path.name for path in TABLES]
