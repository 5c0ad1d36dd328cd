from __future__ import annotations

import pytest

from etcd_factory.errors import Fault, choice, suggestion

WAYS = ("error", "return", "replace")


def test_a_value_that_is_allowed_is_returned():
    assert [choice(way, WAYS) for way in WAYS] == [*WAYS]


@pytest.mark.parametrize(
    ("value", "hint"),
    [("retrun", "; did you mean 'return'?"), ("", ""), (None, ""), (5, ""), ([], ""), ("ERROR", "")],
)
def test_any_other_value_is_an_error_that_lists_what_is_allowed(value, hint):
    with pytest.raises(ValueError, match="expected one of") as caught:
        choice(value, WAYS, "on_exists")
    assert str(caught.value) == f"on_exists: expected one of error, return, replace, got {value!r}{hint}"


def test_what_is_allowed_may_be_an_iterator_and_the_value_may_have_no_name():
    with pytest.raises(ValueError, match=r"^expected one of a, b, got 'c'$"):
        choice("c", iter(("a", "b")))


def test_a_suggestion_is_the_most_similar_known_name():
    assert suggestion("hots", ["timeout", "hosts"]) == "; did you mean 'hosts'?"
    assert suggestion("zzz", ["timeout", "hosts"]) == ""


def test_a_fault_is_shown_with_its_parts():
    assert str(Fault("a.yaml", "x.y", "wrong")) == "a.yaml: x.y: wrong"
    assert str(Fault("", "", "wrong")) == "wrong"
