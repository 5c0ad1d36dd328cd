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
async def test_a_terminal_says_what_is_deleted(filled, terminal, args, gone):
    done = await settle(getattr(filled.delete(), terminal)(*args))
    assert (done.deleted, done.previous) == (len(gone), ())
    assert await texts(filled) == {key: value for key, value in PAIRS.items() if key not in gone}


async def test_previous_tells_what_stood_there(filled):
    before = await settle(filled.get_all().prefix("b").kvs())
    done = await settle(filled.delete().previous().prefix("b"))
    assert done == DeleteResponse(before[-1].mod_revision + 1, 2, tuple(before))


async def test_a_deletion_raises_the_revision_only_if_something_went(filled):
    now = (await settle(filled.get("a").exec())).revision
    assert (await settle(filled.delete().key("missing"))).revision == now
    assert (await settle(filled.delete().key("a"))).revision == now + 1


@pytest.mark.parametrize("terminal", ["all", "prefix", "range"])
async def test_a_namespace_deletes_its_own_keys_only(filled, terminal):
    inner = filled.namespace("b/")
    args = {"all": (), "prefix": ("",), "range": ("\0", "\0")}[terminal]
    assert (await settle(getattr(inner.delete(), terminal)(*args))).deleted == 2
    assert await texts(filled) == {"a": "1", "c": "4"}


async def test_a_modifier_leaves_the_builder_as_it_was(filled):
    plain = filled.delete()
    plain.previous()
    assert (await settle(plain.key("a"))).previous == ()


async def test_a_builder_can_be_used_twice(filled):
    deletion = filled.delete().previous()
    assert [kv.text for kv in (await settle(deletion.key("a"))).previous] == ["1"]
    assert [kv.text for kv in (await settle(deletion.key("c"))).previous] == ["4"]


@pytest.mark.parametrize(("terminal", "args"), [("key", (None,)), ("prefix", (1,)), ("range", ("a", None))])
def test_a_key_of_another_type_is_a_type_error_at_once(client, terminal, args):
    with pytest.raises(TypeError, match="str or bytes"):
        getattr(client.delete(), terminal)(*args)


def test_a_range_without_an_end_is_a_value_error_at_once(client):
    with pytest.raises(ValueError, match="a range needs an end"):
        client.delete().range("a", "")
