"""JSON objects as Go reads them."""

from __future__ import annotations

import pytest

from etcd_factory.registry.formats.reading import (
    checked_texts,
    go_object,
    json_object,
    text,
    text_list,
    texts,
    whole,
)


@pytest.mark.parametrize(
    "value", [b"[]", b"5", b"null", b'"x"', b"{", b"", b"\xff", b'{"a": NaN}', b"[" * 40 + b"]" * 40]
)
def test_what_is_no_object_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"JSON|Expecting|decode|nested"):
        json_object(value)


def test_go_ignores_the_case_of_names_and_takes_the_last_one():
    assert go_object(b'{"ADDR": 1, "addr": 2, "other": null, "Op": 0}') == {"addr": 2, "op": 0}


def test_a_null_is_as_if_it_were_not_there():
    found = go_object(b'{"a": null}')
    assert (text(found, "a"), whole(found, "a"), texts(found, "a"), text_list(found, "a")) == ("", 0, {}, [])


def test_a_null_in_a_map_of_texts_is_an_empty_text():
    assert texts({"a": {"b": None, "c": "x"}}, "a") == {"b": "", "c": "x"}


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((text, 5), (text, []), (whole, "5"), (whole, 1.0), (whole, True), (texts, []), (texts, {"b": 5})),
        *((text_list, "x"), (text_list, [1]), (text_list, {})),
    ],
)
def test_a_field_of_another_type_is_a_value_error(read, value):
    with pytest.raises(ValueError, match=r"its a .*(is|are|must be|is not)"):
        read({"a": value}, "a")


def test_the_key_that_is_no_text_is_named():
    with pytest.raises(ValueError, match=r"^the metadata of user must be texts only, which 'n' is not$"):
        checked_texts({"zone": "x", "n": 5}, "the metadata of user")
