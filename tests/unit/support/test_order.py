"""The order in which the modules of tests run."""

from __future__ import annotations

from types import SimpleNamespace

from tests.support.order import TESTS, spread


def of(module, count):
    return [SimpleNamespace(path=TESTS / module, name=f"{number}") for number in range(count)]


def shown(items):
    return [f"{item.path.relative_to(TESTS)} {item.name}" for item in items]


def test_modules_of_each_folder_are_spread_and_stay_whole():
    items = [
        *of("a/test_1.py", 2),
        *of("a/test_2.py", 2),
        *of("test_3.py", 1),
        *of("b/c/test_4.py", 1),
        *of("b/test_5.py", 3),
    ]
    order = ["a/test_1.py 0", "a/test_1.py 1", "test_3.py 0", "b/c/test_4.py 0", "b/test_5.py 0", "b/test_5.py 1"]
    assert shown(spread(items)) == [*order, "b/test_5.py 2", "a/test_2.py 0", "a/test_2.py 1"]


def test_the_order_of_one_folder_is_kept():
    items = [*of("unit/test_b.py", 2), *of("unit/x/test_a.py", 1)]
    assert spread(items) == items
