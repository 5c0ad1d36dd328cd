"""Builders of reads and writes: the requests that they make, the results, and what is refused at once."""

from __future__ import annotations

import pytest

from etcd_factory import KeyValue, ops
from etcd_factory.core.call.pages import FIRST
from etcd_factory.testing import replies
from tests.support.faces import settle

LARGE = {f"k{number:05}": "v" for number in range(FIRST)}


def fields(op):
    """The fields of a request without those that only say which key."""
    return {name: value for name, value in op.fields.items() if name not in ("key", "range_end")}


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (ops.get("k").revision(3).op(), {"revision": 3}),
        (ops.get("k").serializable().op(), {"serializable": True}),
        (ops.get_all().limit(2).op(), {"limit": 2}),
        (ops.get_all().sort("mod", "descend").op(), {"sort_target": "MOD", "sort_order": "DESCEND"}),
        (ops.get_all().sort("value").op(), {"sort_target": "VALUE", "sort_order": "ASCEND"}),
        (ops.get_all().min_mod_revision(1).max_mod_revision(2).op(), {"min_mod_revision": 1, "max_mod_revision": 2}),
        (
            ops.get_all().min_create_revision(1).max_create_revision(2).op(),
            {"min_create_revision": 1, "max_create_revision": 2},
        ),
        (ops.get_all().keys(), {"keys_only": True}),
        (ops.get_all().key_bytes(), {"keys_only": True}),
        (ops.get_all().count(), {"count_only": True}),
        (ops.put("k").previous().value("v"), {"prev_kv": True, "value": b"v"}),
        (ops.put("k").ignore_lease().value("v"), {"ignore_lease": True, "value": b"v"}),
        (ops.put("k").lease(7).json([1]), {"lease": 7, "value": b"[1]"}),
        (ops.put("k").touch(), {"ignore_value": True}),
        (ops.delete().previous().key("k"), {"prev_kv": True}),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else part.kind,
)
def test_a_modifier_or_terminal_sets_its_field(op, expected):
    assert fields(op) == expected


@pytest.mark.parametrize(
    ("op", "keys"),
    [
        (ops.get("k").op(), (b"k", None)),
        (ops.get_all().op(), (b"", b"\0")),
        (ops.get_all().prefix("p").op(), (b"p", b"q")),
        (ops.get_all().range("a", "c").op(), (b"a", b"c")),
        (ops.get_all().prefix("p").all().op(), (b"", b"\0")),
        (ops.delete().key("k"), (b"k", b"")),
        (ops.delete().prefix("p"), (b"p", b"q")),
        (ops.delete().range("a", "\0"), (b"a", b"\0")),
        (ops.delete().all(), (b"", b"\0")),
    ],
)
def test_the_keys_of_a_request(op, keys):
    assert (op.fields["key"], op.fields.get("range_end")) == keys


def test_a_modifier_returns_a_new_builder():
    read = ops.get_all()
    limited = read.limit(2)
    assert limited is not read
    assert (fields(read.op()), fields(limited.op())) == ({}, {"limit": 2})


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.get_all().sort("sise"), ValueError, "sort target: expected one of .*, got 'sise'"),
        (lambda: ops.get_all().sort("key", "up"), ValueError, "sort order: expected one of .*, got 'up'"),
        (lambda: ops.get_all().limit(-1), ValueError, "a limit must not be negative"),
        (lambda: ops.get("k").revision("3"), TypeError, "a revision must be an int"),
        (lambda: ops.put(1), TypeError, "a key must be str or bytes"),
        (lambda: ops.put("k").value(None), TypeError, r"\.json\(\) stores other types"),
        (lambda: ops.put("k").lease("7"), TypeError, "a lease id must be an int"),
        (lambda: ops.put("k").lease(None), TypeError, "a lease id must be an int"),
        (lambda: ops.get_all().prefix(None), TypeError, "a prefix must be str or bytes"),
        (lambda: ops.get_all().range("a", ""), ValueError, "a range needs an end"),
    ],
)
def test_a_wrong_argument_is_an_error_at_once(call, error, text):
    with pytest.raises(error, match=text):
        call()


class Lease:
    """What has the id of a lease, as the leases of other packages do."""

    def __init__(self, id):  # noqa: A002
        self.id = id


def test_a_put_takes_the_id_of_a_lease_or_anything_that_has_one():
    assert fields(ops.put("k").lease(Lease(7)).value("v"))["lease"] == 7


def test_a_put_refuses_what_has_no_id_yet_and_cannot_be_granted():
    with pytest.raises(TypeError, match="a lease id must be an int"):
        ops.put("k").lease(Lease(None))


# --- results

KV = KeyValue(b"k", b"v", 2, 3, 1, 7)


async def test_the_terminals_of_a_range(connect):
    client, _ = connect({"Range": replies.get({"a": "1", "b": "2.5"}, revision=4)})
    read = client.get_all()
    assert await settle(read.keys()) == ["a", "b"]
    assert await settle(read.key_bytes()) == [b"a", b"b"]
    assert await settle(read.strings()) == {"a": "1", "b": "2.5"}
    assert await settle(read.bytes()) == {b"a": b"1", b"b": b"2.5"}
    assert await settle(read.json()) == {"a": 1, "b": 2.5}
    assert await settle(read.numbers()) == {"a": 1, "b": 2.5}
    assert await settle(read.count()) == 2
    assert [(kv.key, kv.mod_revision) for kv in await settle(read.kvs())] == [(b"a", 4), (b"b", 4)]
    assert (await settle(read.exec())).revision == 4


async def test_a_value_that_cannot_be_read_is_an_error_that_names_its_key(connect):
    client, _ = connect({"Range": replies.get({b"a": b"1", b"k\xff": b"\xff"})})
    with pytest.raises(UnicodeDecodeError, match=r"key b'k\\xff'"):
        await settle(client.get_all().keys())
    client, _ = connect({"Range": replies.get({"a": "1", "b": b"\xff"})})
    with pytest.raises(UnicodeDecodeError, match="the value of b'b'"):
        await settle(client.get_all().strings())
    with pytest.raises(ValueError, match="the value of b'b'"):
        await settle(client.get_all().numbers())


async def test_writes_return_what_they_replaced(connect):
    client, transport = connect([replies.put(previous=KV, revision=5), replies.delete(1, previous=[KV], revision=6)])
    put = await settle(client.put("k").previous().value("w"))
    deleted = await settle(client.delete().previous().key("k"))
    assert (put.revision, put.previous) == (5, KV)
    assert (deleted.revision, deleted.deleted, deleted.previous) == (6, 1, (KV,))
    assert [call.request.prev_kv for call in transport.calls] == [True, True]


async def test_a_whole_response_of_one_key_has_its_revision(connect):
    client, _ = connect([replies.get({"k": "v"}, revision=4), replies.get(revision=5)])
    found = await settle(client.get("k").exec())
    assert (found.revision, found.kvs[0].text, found.count) == (4, "v", 1)
    missing = await settle(client.get("k").exec())
    assert (missing.revision, missing.kvs, missing.count) == (5, (), 0)


async def test_iterating_reads_page_after_page(connect, face):
    steps = [replies.get(LARGE, revision=7, more=True), replies.get({"z": "v"}, revision=9)]
    client, transport = connect(steps)
    found = [kv.key async for kv in items(client.get_all(), face)]
    assert (len(found), found[-1]) == (FIRST + 1, b"z")
    assert [(call.request.key, call.request.revision) for call in transport.calls] == [
        (b"\0", 0),
        (max(LARGE).encode() + b"\0", 7),
    ]


async def items(given, face):
    """The items of an iterable of the face."""
    if face.name == "asyncio":
        async for item in given:
            yield item
    else:
        for item in given:
            yield item


async def test_iterating_reads_no_more_pages_than_are_used(connect, face):
    client, transport = connect([replies.get(LARGE, more=True)])
    async for _ in items(client.get_all(), face):
        break
    assert len(transport.calls) == 1


async def test_iterating_in_the_way_of_the_other_face_is_an_error_that_says_how(connect, face):
    client, _ = connect([])
    if face.name == "asyncio":
        with pytest.raises(TypeError, match="iterate with 'async for'"):
            list(client.get_all())
    else:
        with pytest.raises(TypeError, match="iterate with 'for'"):
            [kv async for kv in client.get_all()]


# --- reprs


async def test_a_builder_shows_its_keys_and_its_client(connect):
    client, _ = connect([], hosts=["a:1"])
    shown = {
        repr(client.get("k")): "<Get 'k' of a:1>",
        repr(client.put(b"\xff")): r"<Put '\\xff' of a:1>",
        repr(client.get_all()): "<GetAll prefix b'' of a:1>",
        repr(client.get_all().prefix("p")): "<GetAll prefix b'p' of a:1>",
        repr(client.get_all().range("a", "c")): "<GetAll range b'a' to b'c' of a:1>",
        repr(client.delete()): "<Delete of a:1>",
        repr(ops.get("k")): "<Get 'k' of ops>",
    }
    assert [*shown] == [*shown.values()]
