from __future__ import annotations

import json

import pytest

from etcd_factory.console.values import Json, cut, decoded, encoded, fields
from etcd_factory.model import KeyValue


@pytest.mark.parametrize("data", [b"", b"a", b"\xff\xfe\0", bytes(range(256)), "ключ".encode()])
def test_any_bytes_come_back(data):
    assert decoded(encoded(data)) == data
    assert encoded(data).isascii()
    assert not {"+", "/"} & {*encoded(data)}


@pytest.mark.parametrize("text", ["a", " ", "AA=", "ä", None, 3, b"YQ==", ["YQ=="]])
def test_other_texts_are_errors(text):
    with pytest.raises(ValueError, match="base64"):
        decoded(text)


def test_a_value_is_cut_and_its_size_told():
    assert cut(b"abcdef", 3) == {"base64": encoded(b"abc"), "size": 6}
    assert cut(b"ab", 3) == {"base64": encoded(b"ab"), "size": 2}


def test_a_lease_is_hexadecimal_as_everywhere():
    kv = KeyValue(b"k", b"v", 2, 3, 4, 255)
    numbers = {"create_revision": 2, "mod_revision": 3, "version": 4}
    assert fields(kv, 9) == {"key": encoded(b"k"), "value": cut(b"v", 9), "lease": "ff", **numbers}
    assert fields(KeyValue(b"k"), 9)["lease"] is None


def test_an_answer_may_have_texts_that_utf_8_does_not_have():
    body = Json({"a": "\ud800<script>"}).body
    assert body.isascii()
    assert json.loads(body) == {"a": "\ud800<script>"}
