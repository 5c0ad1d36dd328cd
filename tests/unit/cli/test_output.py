from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from rich.text import Text

from etcd_factory.cli.output import Output, console, fail, plain, printable, quiet, shown
from etcd_factory.model import KeyValue
from etcd_factory.options.secret import Secret, SecretText


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text", "text"),
        (b"\xff", {"base64": "/w=="}),
        (Path("a/b"), "a/b"),
        (("a", 1), ["a", 1]),
        ({1: b"x"}, {"1": "x"}),
        (Text("styled", style="red"), "styled"),
        (SecretText("hunter2"), "***"),
        (Secret("hunter2"), "***"),
        (ValueError("why"), "why"),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_values_as_json(value, expected):
    assert plain(value) == expected


def test_an_object_of_attrs_is_its_fields():
    assert plain(KeyValue(b"k", b"v", 1, 2, 3, 4))["value"] == "v"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (True, "true"), ([1, "a"], "1, a"), (b"\xff\x1b", "\\xff\\x1b"), ("a\tb", "a\\tb"), (2.5, "2.5")],
)
def test_values_as_text(value, expected):
    assert shown(value) == expected


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x9b31m", "\x07", "\r", "\u202e"])
def test_what_would_change_the_terminal_is_escaped(text):
    assert printable(text).isascii()
    assert printable(text).isprintable()
    assert printable("ä日\n") == "ä日\n"


def test_markup_in_a_key_is_text(capfd):
    Output().table(["key"], [{"key": "[red]x[/red]"}])
    Output().value(None, "[bold]y")
    assert capfd.readouterr().out.split() == ["KEY", "[red]x[/red]", "[bold]y"]


def test_a_pipe_gets_no_colors_and_no_cut_lines(capfd):
    Output().table(["key"], [{"key": "x" * 500}])
    out = capfd.readouterr().out
    assert "x" * 500 in out
    assert "\x1b" not in out
    assert not console().is_terminal


def test_json_has_one_document_a_line(capfd):
    out = Output(is_json=True)
    out.value({"a": b"1"}, "not shown")
    out.table(["a"], [{"a": 1, "b": 2}])
    assert [json.loads(line) for line in capfd.readouterr().out.splitlines()] == [{"a": "1"}, [{"a": 1, "b": 2}]]


def test_an_error_goes_to_the_standard_error(capfd):
    fail("it \x1b failed", "SomeError", 4, is_json=False)
    fail("it failed", "SomeError", 4, is_json=True)
    out, err = capfd.readouterr()
    text, as_json = err.splitlines()
    assert (out, text) == ("", "error: it \\x1b failed")
    assert json.loads(as_json) == {"error": "it failed", "kind": "SomeError", "exit_code": 4}


def test_quiet_keeps_warnings_back_and_restores_the_level():
    log = logging.getLogger("etcd_factory")
    before = log.level
    with quiet():
        assert not logging.getLogger("etcd_factory.call").isEnabledFor(logging.ERROR)
    assert log.level == before
