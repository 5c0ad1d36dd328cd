"""The check whether a history of calls is linearizable."""

from __future__ import annotations

import pytest

from tests.support.history import Step, is_linearizable

RIGHT = {
    "one after another": [Step("write", 0, 1, "a"), Step("read", 2, 3, "a")],
    "concurrent": [Step("write", 0, 3, "a"), Step("read", 1, 2, None), Step("read", 1, 4, "a")],
    "a swap": [Step("write", 0, 1, "a"), Step("swap", 2, 3, "b", "a"), Step("read", 4, 5, "b")],
    "a swap that did not match": [Step("swap", 0, 1, "b", "a", match=False), Step("read", 2, 3, None)],
    "an uncertain write that happened late": [
        Step("write", 0, 1, "a", certain=False),
        Step("read", 2, 3, None),
        Step("read", 4, 5, "a"),
    ],
    "an uncertain write that never happened": [Step("write", 0, 1, "a", certain=False), Step("read", 2, 3, None)],
    "an uncertain swap": [Step("swap", 0, 1, "a", None, certain=False), Step("read", 2, 3, "a")],
}
WRONG = {
    "a stale read": [Step("write", 0, 1, "a"), Step("read", 2, 3, None)],
    "a value that was never written": [Step("read", 0, 1, "a")],
    "a read before the write": [Step("read", 0, 1, "a"), Step("write", 2, 3, "a")],
    "a lost update": [Step("swap", 0, 2, "a", None), Step("swap", 1, 3, "b", None)],
    "a value that goes back": [
        Step("write", 0, 9, "a"),
        Step("read", 1, 2, "a"),
        Step("read", 3, 4, None),
    ],
    "an uncertain write that happened twice": [
        Step("write", 0, 1, "a", certain=False),
        Step("read", 2, 3, "a"),
        Step("write", 4, 5, "b"),
        Step("read", 6, 7, "a"),
    ],
    "a swap that should have matched": [Step("swap", 0, 1, "b", None, match=False)],
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_history_that_one_order_explains_is_linearizable(name):
    assert is_linearizable(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_a_history_that_no_order_explains_is_not_linearizable(name):
    assert not is_linearizable(WRONG[name])
