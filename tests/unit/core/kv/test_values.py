"""Reading the value of one key."""

from __future__ import annotations

import pytest

from etcd_factory import KeyValue
from etcd_factory.testing import replies
from tests.support.faces import settle

TERMINALS = ["string", "bytes", "json", "number", "kv"]


@pytest.mark.parametrize(
    ("terminal", "value", "expected"),
    [
        ("string", "é", "é"),
        ("bytes", b"\xff", b"\xff"),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("number", "7", 7),
        ("number", "7.0", 7.0),
        ("kv", "v", KeyValue(b"k", b"v", 1, 1, 1)),
    ],
)
async def test_a_value_is_read_as_its_terminal_says(connect, terminal, value, expected):
    client, _ = connect([replies.get({"ns/k": value})], namespace="ns/")
    found = await settle(getattr(client.get("k"), terminal)())
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("terminal", TERMINALS)
async def test_a_missing_key_is_none(connect, terminal):
    client, _ = connect([replies.get()])
    assert await settle(getattr(client.get("k"), terminal)()) is None


@pytest.mark.parametrize(
    ("terminal", "error"), [("string", UnicodeDecodeError), ("json", ValueError), ("number", ValueError)]
)
async def test_a_value_that_cannot_be_read_is_an_error_that_names_its_key(connect, terminal, error):
    client, _ = connect([replies.get({"k": b"\xff"})])
    with pytest.raises(error, match="the value of b'k'"):
        await settle(getattr(client.get("k"), terminal)())


@pytest.mark.parametrize(("found", "expected"), [(replies.get({"k": ""}), True), (replies.get(), False)])
async def test_whether_a_key_exists_is_asked_without_its_value(connect, found, expected):
    client, transport = connect([found])
    assert await settle(client.get("k").exists()) is expected
    assert transport.calls[0].request.count_only


async def test_an_empty_value_is_not_a_missing_one(connect):
    client, _ = connect({"Range": replies.get({"k": ""})})
    assert await settle(client.get("k").string()) == ""
    assert await settle(client.get("k").bytes()) == b""
