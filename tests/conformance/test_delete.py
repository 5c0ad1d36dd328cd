"""Deleting keys."""

import pytest

from etcd_factory import DeleteResponse
from tests.support.faces import fill, settle, texts

PAIRS = {"a": "1", "b/x": "2", "b/y": "3", "c": "4"}


@pytest.fixture
async def filled(client):
    await fill(client, PAIRS)
    return client


@pytest.mark.parametrize(
    ("terminal", "args", "gone"),
    [
        ("key", ("a",), ["a"]),
        ("key", (b"a",), ["a"]),
        ("key", ("b",), []),
        ("prefix", ("b",), ["b/x", "b/y"]),
        ("prefix", ("",), list(PAIRS)),
        ("range", ("a", "b/y"), ["a", "b/x"]),
        ("range", ("b", "\0"), ["b/x", "b/y", "c"]),
        ("all", (), list(PAIRS)),
    ],
)
async def test_a_terminal_selects_what_is_deleted(filled, terminal, args, gone):
    done = await settle(getattr(filled.delete(), terminal)(*args))
    assert (done.deleted, done.previous) == (len(gone), ())
    assert await texts(filled) == {key: value for key, value in PAIRS.items() if key not in gone}


async def test_previous_returns_the_deleted_values(filled):
    before = await settle(filled.get_all().prefix("b").kvs())
    done = await settle(filled.delete().previous().prefix("b"))
    assert done == DeleteResponse(before[-1].mod_revision + 1, 2, tuple(before))


async def test_a_deletion_increases_the_revision_only_if_a_key_is_deleted(filled):
    now = (await settle(filled.get("a").exec())).revision
    assert (await settle(filled.delete().key("missing"))).revision == now
    assert (await settle(filled.delete().key("a"))).revision == now + 1


@pytest.mark.parametrize("terminal", ["all", "prefix", "range"])
async def test_a_namespace_deletes_only_its_own_keys(filled, terminal):
    inner = filled.namespace("b/")
    args = {"all": (), "prefix": ("",), "range": ("\0", "\0")}[terminal]
    assert (await settle(getattr(inner.delete(), terminal)(*args))).deleted == 2
    assert await texts(filled) == {"a": "1", "c": "4"}


async def test_a_modifier_does_not_change_the_builder(filled):
    plain = filled.delete()
    plain.previous()
    assert (await settle(plain.key("a"))).previous == ()


async def test_a_builder_can_be_used_twice(filled):
    deletion = filled.delete().previous()
    assert [kv.text for kv in (await settle(deletion.key("a"))).previous] == ["1"]
    assert [kv.text for kv in (await settle(deletion.key("c"))).previous] == ["4"]


@pytest.mark.parametrize(("terminal", "args"), [("key", (None,)), ("prefix", (1,)), ("range", ("a", None))])
async def test_a_key_of_another_type_is_a_type_error_and_nothing_is_sent(make, recorded, terminal, args):
    with pytest.raises(TypeError, match="str or bytes"):
        await settle(getattr(make(transport=recorded).delete(), terminal)(*args))
    assert recorded.calls == []


async def test_a_range_without_an_end_is_a_value_error_and_nothing_is_sent(make, recorded):
    with pytest.raises(ValueError, match="a range needs an end"):
        await settle(make(transport=recorded).delete().range("a", ""))
    assert recorded.calls == []
