"""Values: frozen, comparable, picklable, and read as text, JSON and numbers."""

import json
import pickle

import attrs
import pytest

from etcd_factory import DeleteResponse, Health, KeyValue, PutResponse, RangeResponse, TxnResponse
from etcd_factory.model.values import as_json, as_number, as_text

KV = KeyValue(b"k", b"v", 3, 4, 2, 5)
VALUES = [
    KV,
    RangeResponse(7, (KV,), 1, True),
    PutResponse(7, KV),
    DeleteResponse(7, 1, (KV,)),
    TxnResponse(True, 7, (PutResponse(7),)),
    Health(True, "127.0.0.1:2379", "3.5.1", 1, 0.1),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_equal_after_pickling(value):
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_cannot_be_changed(value):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, attrs.fields(type(value))[0].name, None)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_with_other_contents_are_not_equal(value):
    first = attrs.fields(type(value))[0].name
    assert attrs.evolve(value, **{first: "other"}) != value


def test_a_key_value_has_its_key_and_value_as_text():
    kv = KeyValue("ключ".encode(), "значение".encode())
    assert (kv.key_text, kv.text) == ("ключ", "значение")


def test_a_key_value_has_its_value_decoded_from_json():
    assert KeyValue(b"k", b'{"a": [1, null]}').json() == {"a": [1, None]}


def test_a_value_that_is_not_text_is_an_error_that_names_its_key():
    with pytest.raises(UnicodeDecodeError, match="the value of b'k'"):
        _ = KeyValue(b"k", b"\xff").text


def test_a_key_that_is_not_text_is_an_error_that_names_it():
    with pytest.raises(UnicodeDecodeError, match=r"key b'\\xff'"):
        _ = KeyValue(b"\xff").key_text


def test_a_value_that_is_not_json_is_an_error_that_names_its_key():
    with pytest.raises(json.JSONDecodeError, match="the value of b'k' is not JSON"):
        KeyValue(b"k", b"{").json()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"12", 12),
        (b"-3", -3),
        (b"+4", 4),
        (b"1.5", 1.5),
        (b"1e3", 1000.0),
        (b"12345678901234567890", 12345678901234567890),
    ],
)
def test_a_number_is_an_int_if_it_reads_as_one_else_a_float(data, expected):
    found = as_number(data, "it")
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("data", [b"", b"x", b"1_000", b"1_0.5", b"0x10", b"1,5", b"\xff"])
def test_what_is_no_number_is_an_error_that_names_the_value(data):
    with pytest.raises(ValueError, match="it is not a number"):
        as_number(data, "it")


def test_text_is_decoded_as_utf_8():
    assert as_text("é".encode(), "it") == "é"


def test_json_that_is_not_text_is_a_unicode_error():
    with pytest.raises(UnicodeDecodeError, match="it is not UTF-8"):
        as_json(b"\xff", "it")
