from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.support.quick import TESTS, is_left_out, is_quick

START = "etcd_" + "server"  # in one piece it would make this module a slow one


def config(expression):
    return SimpleNamespace(option=SimpleNamespace(markexpr=expression))


def test_the_marker_is_registered_and_on_a_unit_test(request):
    assert any(line.startswith("quick:") for line in request.config.getini("markers"))
    assert request.node.get_closest_marker("quick")


@pytest.mark.parametrize("name", ["conformance/test_put.py", "faults/test_calls.py", "test_docs.py"])
def test_others_are_not_quick(name):
    assert not is_quick(TESTS / name)


def test_neither_is_one_that_starts_a_server():
    starting = [path for path in (TESTS / "unit").rglob("test_*.py") if START in path.read_text()]
    assert starting
    assert not any(map(is_quick, starting))


@pytest.mark.parametrize(("expression", "left_out"), [("quick", True), ("", False), ("not quick", False)])
def test_what_is_not_quick_is_collected_unless_only_that_is_to_run(expression, left_out):
    assert is_left_out(TESTS / "conformance" / "test_put.py", config(expression)) == left_out


def test_what_is_quick_is_always_collected():
    assert not is_left_out(TESTS / "test_tree.py", config("quick"))
