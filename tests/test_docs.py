"""The documents: tables of what is covered name existing tests in every row, and files that are named exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = (ROOT, ROOT / "etcd_factory", ROOT / "tests", ROOT / "tests" / "unit")
PAGES = {path.relative_to(ROOT / "docs").with_suffix("").as_posix(): path for path in (ROOT / "docs").rglob("*.md")}
DOCS = {name: path.read_text() for name, path in sorted(PAGES.items()) if name != "README"}
COVERED = ["defects", "go", "node"]  # documents whose rows name the tests that cover them
TEST = re.compile(r"`([^`]+\.py)::([^`]+)`")
TESTS = re.compile(rf"{TEST.pattern}(<br>{TEST.pattern})*")
FILE = re.compile(r"`([\w./]+/[\w.]+\.py)`")
UNTESTED = "not offered"  # then the cell before says why


def rows(text):
    """The cells of each row of all tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    rules = [place for place, cells in enumerate(found) if set("".join(cells)) == {"-"}]
    return [cells for place, cells in enumerate(found) if place not in rules and place + 1 not in rules]


@cache
def names_in(path):
    """The names of the tests in a file, none if it does not exist."""
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def missing_tests(text):
    """The tests that are named and do not exist."""
    return [f"{file}::{name}" for file, name in TEST.findall(text) if name not in names_in(ROOT / file)]


def missing_files(text):
    """The files that are named and do not exist."""
    return [name for name in FILE.findall(text) if not any((place / name).is_file() for place in PLACES)]


def incomplete(text):
    """The rows that lack a cell, or name neither a test nor a reason why there is none."""
    return [cells for cells in rows(text) if len(cells) != 3 or not all(cells) or not is_reasoned(*cells)]


def is_reasoned(member, ours, tests):
    return bool(TESTS.fullmatch(tests)) or (tests == UNTESTED and ours.startswith("None: "))


@pytest.mark.parametrize("name", DOCS)
def test_every_named_test_exists(name):
    assert missing_tests(DOCS[name]) == []


@pytest.mark.parametrize("name", DOCS)
def test_every_named_file_exists(name):
    assert missing_files(DOCS[name]) == []


@pytest.mark.parametrize("name", COVERED)
def test_every_row_is_complete_and_names_a_test_or_a_reason_why_there_is_none(name):
    assert rows(DOCS[name])
    assert incomplete(DOCS[name]) == []


@pytest.mark.parametrize("name", COVERED)
def test_no_member_has_two_rows_in_one_table(name):
    for table in DOCS[name].split("\n## "):
        members = [cells[0] for cells in rows(table)]
        assert sorted(set(members)) == sorted(members)


def test_a_renamed_or_moved_test_is_detected():
    here = "`tests/test_docs.py::test_no_member_has_two_rows_in_one_table`"
    assert missing_tests(here) == []
    assert missing_tests(here.replace("two", "three")) == [
        "tests/test_docs.py::test_no_member_has_three_rows_in_one_table"
    ]
    assert missing_tests(here.replace("docs", "elsewhere")) == [here.replace("docs", "elsewhere").strip("`")]


def test_a_renamed_or_moved_file_is_detected():
    assert missing_files("`core/call/retry.py` and `tests/test_docs.py`") == []
    assert missing_files("`core/call/retries.py`") == ["core/call/retries.py"]


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
def test_an_incomplete_row_is_detected(row):
    assert len(incomplete(f"{HEAD}{row}\n")) == 1


def test_the_index_names_every_document():
    index = (ROOT / "docs" / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\S+)\)", index)) == sorted(f"{name}.md" for name in DOCS)
