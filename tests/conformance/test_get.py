"""Reading one key."""

import json

import pytest

from etcd_factory import KeyValue, RangeResponse
from tests.support.faces import settle

TERMINALS = ["string", "bytes", "json", "number", "kv"]


async def put(client, value):
    return await settle(client.put("k").value(value))


@pytest.mark.parametrize(
    ("terminal", "expected"), [("string", "12"), ("bytes", b"12"), ("json", 12), ("number", 12), ("exists", True)]
)
async def test_a_terminal_decodes_the_value(client, terminal, expected):
    await put(client, "12")
    found = await settle(getattr(client.get("k"), terminal)())
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("terminal", TERMINALS)
async def test_a_missing_key_is_none(client, terminal):
    assert await settle(getattr(client.get("missing"), terminal)()) is None


async def test_a_missing_key_does_not_exist_and_its_response_is_empty(client):
    assert await settle(client.get("missing").exists()) is False
    assert (await settle(client.get("missing").exec())).kvs == ()


async def test_an_empty_value_is_not_missing(client):
    await put(client, "")
    assert await settle(client.get("k").string()) == ""
    assert await settle(client.get("k").bytes()) == b""
    assert await settle(client.get("k").exists()) is True


async def test_text_is_utf_8(client):
    await settle(client.put("ключ").value("значение"))
    assert await settle(client.get("ключ".encode()).bytes()) == "значение".encode()
    assert await settle(client.get("ключ").string()) == "значение"


async def test_json_returns_what_was_put_as_json(client):
    given = {"a": [1, 2.5, None, True], "ü": {"b": "c"}}
    await settle(client.put("k").json(given))
    assert await settle(client.get("k").json()) == given


@pytest.mark.parametrize(("text", "expected"), [("12", 12), ("-7", -7), ("1.5", 1.5), ("1e3", 1000.0)])
async def test_a_number_is_an_int_if_it_is_written_as_one_else_a_float(client, text, expected):
    await put(client, text)
    found = await settle(client.get("k").number())
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("text", ["", "x", "1_000", "0x10", "1,5"])
async def test_a_value_that_is_no_number_is_a_value_error_that_names_the_key(client, text):
    await put(client, text)
    with pytest.raises(ValueError, match="'k' is not a number"):
        await settle(client.get("k").number())


@pytest.mark.parametrize("terminal", ["string", "json"])
async def test_a_value_that_is_not_utf_8_is_a_unicode_error_that_names_the_key(client, terminal):
    await put(client, b"\xff\xfe")
    with pytest.raises(UnicodeDecodeError, match="'k'"):
        await settle(getattr(client.get("k"), terminal)())
    assert await settle(client.get("k").bytes()) == b"\xff\xfe"


async def test_a_value_that_is_not_json_is_a_value_error_that_names_the_key(client):
    await put(client, "{")
    with pytest.raises(ValueError, match="'k'") as caught:
        await settle(client.get("k").json())
    assert isinstance(caught.value, json.JSONDecodeError)


async def test_kv_has_revisions_version_and_lease(client, lease):
    first = await put(client, "one")
    second = await settle(client.put("k").lease(lease).value("two"))
    expected = KeyValue(b"k", b"two", first.revision, second.revision, 2, lease)
    assert await settle(client.get("k").kv()) == expected


async def test_exec_returns_the_whole_response(client):
    written = await put(client, "v")
    found = await settle(client.get("k").exec())
    assert isinstance(found, RangeResponse)
    assert found.revision >= written.revision
    assert ([kv.text for kv in found.kvs], found.count, found.more) == (["v"], 1, False)


async def test_an_old_revision_can_be_read(client):
    first = await put(client, "old")
    await put(client, "new")
    assert await settle(client.get("k").revision(first.revision).string()) == "old"
    assert await settle(client.get("k").revision(first.revision - 1).string()) is None


async def test_a_serializable_read_returns_the_value(client):
    await put(client, "v")
    assert await settle(client.get("k").serializable().string()) == "v"


async def test_a_serializable_read_is_requested_as_one(make, recorded):
    client = make(transport=recorded)
    await settle(client.get("k").serializable().string())
    await settle(client.get("k").string())
    assert [request.serializable for request in recorded.requests("Range")] == [True, False]


async def test_a_modifier_does_not_change_the_builder(client):
    first = await put(client, "old")
    await put(client, "new")
    plain = client.get("k")
    plain.revision(first.revision).serializable()
    assert await settle(plain.string()) == "new"


async def test_a_builder_can_be_used_twice(client):
    read = client.get("k")
    await put(client, "one")
    assert await settle(read.string()) == "one"
    await put(client, "two")
    assert await settle(read.string()) == "two"


@pytest.mark.parametrize("key", [None, 1, 1.5, True, ["k"], bytearray(b"k")], ids=repr)
def test_a_key_of_another_type_is_a_type_error_at_once(client, key):
    with pytest.raises(TypeError, match="a key must be str or bytes"):
        client.get(key)


@pytest.mark.parametrize("revision", ["1", 1.0, None, True], ids=repr)
def test_a_revision_of_another_type_is_a_type_error_at_once(client, revision):
    with pytest.raises(TypeError, match="a revision must be an int"):
        client.get("k").revision(revision)


def test_a_negative_revision_is_a_value_error_at_once(client):
    with pytest.raises(ValueError, match="must not be negative"):
        client.get("k").revision(-1)
