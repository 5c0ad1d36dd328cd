"""References in the values of ``.env`` files."""

from __future__ import annotations

import pytest

from etcd_factory.nest.expansion import Expansion


def expand(text, override=False, **written):
    return Expansion({**written, "X": text}, {"OUT": "outside", "BOTH": "outside", "X": "x"}, override).values()["X"]


@pytest.mark.anchor("nest-74")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A", "1"),
        ("${A}", "1"),
        ("a${A}b$A/c", "a1b1/c"),
        ("${NONE}", ""),
        ("$NONE.", "."),
        ("${NONE:-default}", "default"),
        ("${NONE-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${A:-default}", "1"),
        ("${NONE:-}", ""),
        ("${NONE:-${A}/$A}", "1/1"),
        ("${NONE:-${ALSO:-deep}}", "deep"),
        (r"\$A \${A}", "$A ${A}"),
        ("costs 5$ or $5", "costs 5$ or $5"),
        ("${A", "${A"),
        ("${}", "${}"),
        ("$OUT", "outside"),
        ("$CHAIN", "1-1"),
    ],
)
def test_references_are_replaced(text, expected):
    assert expand(text, A="1", EMPTY="", CHAIN="${A}-$A") == expected


@pytest.mark.anchor("nest-74")
@pytest.mark.parametrize(("override", "expected"), [(False, "outside"), (True, "file")])
def test_the_environment_takes_precedence_unless_it_is_overridden(override, expected):
    assert expand("$BOTH", override, BOTH="file") == expected


@pytest.mark.parametrize("override", [False, True])
def test_a_value_that_refers_to_itself_is_that_of_the_environment(override):
    assert expand("${X}:more", override) == "x:more"


def test_values_that_refer_to_each_other_end():
    assert Expansion({"A": "a$B", "B": "b$A"}, {}).values() == {"A": "ab", "B": "ba"}


def test_a_value_of_the_environment_is_not_expanded():
    assert Expansion({"A": "$OUT"}, {"OUT": "$B", "B": "1"}).values() == {"A": "$B"}
