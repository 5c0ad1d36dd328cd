from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from etcd_factory.options.interpolation import escape, escaped, keys_of, references, target, whole_reference


@pytest.mark.parametrize(
    ("text", "keys", "is_whole"),
    [
        ("${a.b}", [("a", "b")], True),
        ("${ a.b }", [("a", "b")], True),
        ("${a[0].b}", [("a", "0", "b")], True),
        ("${a.${b}.c}", [("a", "${b}", "c")], True),
        ("${.a}", [("x", "a")], True),
        ("${..a.b}", [("a", "b")], True),
        ("${....a}", [("a",)], True),
        ("x ${a} y ${b}", [("a",), ("b",)], False),
        ("${oc.select:a.b}", [("a", "b")], False),
        ("${oc.select: a.b, 3}", [("a", "b")], False),
        ("${oc.dict.keys:a}", [("a",)], False),
        (r"\\${a}", [("a",)], False),
        (r"\${a}", [], False),
        ("${oc.env:A}", [], False),
        ("${f:'a'}", [], False),
        ("$a", [], False),
        ("a.b", [], False),
    ],
)
def test_the_references_of_a_text(text, keys, is_whole):
    assert [target(found, ("x", "y")) for found in references(text)] == keys
    assert (whole_reference(text) is not None) == is_whole


def test_the_keys_of_a_path():
    assert keys_of("a.b[0][c].d-e") == ("a", "b", "0", "c", "d-e")
    assert keys_of("") == ()


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.sampled_from("a\\${}'\"b:,. \n?[]")) | st.text())
def test_an_escaped_text_is_read_as_it_was(text):
    assert text == "???" or OmegaConf.create({"x": escape(text)}).x == text


@pytest.mark.parametrize("text", ["a", "${b}", "${oc.env:HOME}", "a${", "\\${x}", "\\\\${x}"])
def test_escaped_values_are_read_as_they_are(text):
    found = OmegaConf.create(escaped({"a": text, "l": [text, {"b": text}], "n": 1}))
    assert OmegaConf.to_container(found, resolve=True) == {"a": text, "l": [text, {"b": text}], "n": 1}
