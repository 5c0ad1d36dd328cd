"""JSON to the byte as Go and JavaScript write it; the golden files have what they wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.registry.formats.writing import go_struct, js_object

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in json.dumps(value))  # halves of surrogate pairs are refused


@given(JSON)
def test_both_write_json(value):
    for writer in (go_struct, js_object):
        assert json.loads(writer({"value": value}), parse_int=float) == {"value": value}


def test_the_fields_of_a_struct_keep_their_order_and_maps_are_sorted():
    assert go_struct({"b": {"d": 1, "c": 2}, "a": [{"y": 1, "x": 2}]}) == b'{"b":{"c":2,"d":1},"a":[{"x":2,"y":1}]}'


def test_an_object_of_javascript_begins_with_its_indices():
    value = {"b": 1, "10": 1, "2": 1, "02": 1, "-1": 1, "4294967295": 1, "4294967294": 1, "\u0663": 1}
    assert [*json.loads(js_object(value))] == ["2", "10", "4294967294", "b", "02", "-1", "4294967295", "\u0663"]


def test_go_escapes_what_html_and_javascript_do_not_take():
    text = "<&>\u2028\u2029é\x7f\x01"
    assert go_struct({"a": text}) == '{"a":"\\u003c\\u0026\\u003e\\u2028\\u2029é\x7f\\u0001"}'.encode()
    assert js_object({"a": text}) == '{"a":"<&>\u2028\u2029é\x7f\\u0001"}'.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (1.0, "1"), (-2.50, "-2.5"), (1e20, "1" + "0" * 20), (1e21, "1e+21"), (1e-6, "0.000001")),
        *((1e-7, "1e-7"), (2**60, str(2**60)), (1.5e300, "1.5e+300"), (5e-324, "5e-324")),
    ],
)
def test_numbers(value, text):
    assert go_struct({"a": value}) == js_object({"a": value}) == f'{{"a":{text}}}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, b"x", {1.5: 1}, {None: 1}, "\ud800", {"\ud800": 1}])
def test_what_cannot_be_written_is_refused(value):
    for writer in (go_struct, js_object):
        with pytest.raises((TypeError, ValueError)):
            writer({"a": value})


def test_whole_numbers_are_keys_too():
    assert go_struct({"a": {10: 1, 9: 2}}) == b'{"a":{"10":1,"9":2}}'
