"""Reading many keys."""

import pytest

from etcd_factory import KeyValue, RangeResponse
from tests.support.faces import fill, listed, settle

PAIRS = {"b": "2", "a": "1", "c/x": "3", "c/y": "4", "d": "5"}


@pytest.fixture
async def filled(client):
    """A client whose namespace holds ``PAIRS``."""
    await fill(client, PAIRS)
    return client


async def test_without_a_modifier_it_is_every_key_of_the_namespace(filled):
    assert await settle(filled.get_all().keys()) == sorted(PAIRS)
    assert await settle(filled.get_all().all().keys()) == sorted(PAIRS)
    assert await settle(filled.get_all().prefix("").keys()) == sorted(PAIRS)


@pytest.mark.parametrize(
    ("prefix", "expected"), [("c", ["c/x", "c/y"]), ("c/x", ["c/x"]), ("e", []), (b"c/", ["c/x", "c/y"])]
)
async def test_a_prefix_selects_the_keys_that_start_with_it(filled, prefix, expected):
    assert await settle(filled.get_all().prefix(prefix).keys()) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [("a", "c", ["a", "b"]), (b"b", b"d", ["b", "c/x", "c/y"]), ("c", "\0", ["c/x", "c/y", "d"]), ("x", "a", [])],
)
async def test_a_range_excludes_its_end(filled, start, end, expected):
    assert await settle(filled.get_all().range(start, end).keys()) == expected


def test_a_range_without_an_end_is_a_value_error_at_once(client):
    with pytest.raises(ValueError, match="a range needs an end"):
        client.get_all().range("a", "")


async def test_all_undoes_a_prefix(filled):
    assert len(await settle(filled.get_all().prefix("c").all().keys())) == len(PAIRS)


@pytest.mark.parametrize(
    ("terminal", "expected"),
    [
        ("keys", ["c/x", "c/y"]),
        ("key_bytes", [b"c/x", b"c/y"]),
        ("strings", {"c/x": "3", "c/y": "4"}),
        ("bytes", {b"c/x": b"3", b"c/y": b"4"}),
        ("json", {"c/x": 3, "c/y": 4}),
        ("numbers", {"c/x": 3, "c/y": 4}),
        ("count", 2),
    ],
)
async def test_a_terminal_returns_its_kind_of_result(filled, terminal, expected):
    assert await settle(getattr(filled.get_all().prefix("c"), terminal)()) == expected


@pytest.mark.parametrize(
    ("terminal", "empty"),
    [
        ("keys", []),
        ("key_bytes", []),
        ("strings", {}),
        ("bytes", {}),
        ("json", {}),
        ("numbers", {}),
        ("count", 0),
        ("kvs", []),
    ],
)
async def test_no_keys_are_an_empty_result(client, terminal, empty):
    assert await settle(getattr(client.get_all(), terminal)()) == empty


async def test_kvs_have_revisions_version_and_lease(client, lease):
    first = await settle(client.put("k").value("one"))
    second = await settle(client.put("k").lease(lease).value("two"))
    assert await settle(client.get_all().kvs()) == [KeyValue(b"k", b"two", first.revision, second.revision, 2, lease)]


async def test_iterating_yields_what_kvs_lists(filled):
    assert await listed(filled.get_all()) == await settle(filled.get_all().kvs())
    assert [kv.key_text for kv in await listed(filled.get_all().prefix("c"))] == ["c/x", "c/y"]


async def test_exec_returns_the_whole_response(filled):
    found = await settle(filled.get_all().limit(2).exec())
    assert isinstance(found, RangeResponse)
    assert ([kv.key for kv in found.kvs], found.count, found.more) == ([b"a", b"b"], len(PAIRS), True)
    assert found.revision >= found.kvs[1].mod_revision


async def test_dicts_keep_the_order_of_the_server(filled):
    found = await settle(filled.get_all().sort("value", "descend").strings())
    assert list(found.items()) == [("d", "5"), ("c/y", "4"), ("c/x", "3"), ("b", "2"), ("a", "1")]


async def test_sort_ascends_by_default(filled):
    assert list((await settle(filled.get_all().sort("value").strings())).values()) == ["1", "2", "3", "4", "5"]


def test_an_unknown_sort_is_a_value_error_that_suggests_a_known_one(client):
    with pytest.raises(ValueError, match="did you mean 'version'"):
        client.get_all().sort("versoin")
    with pytest.raises(ValueError, match="did you mean 'descend'"):
        client.get_all().sort("key", "descendd")


async def test_an_old_revision_can_be_read(client):
    first = await settle(client.put("a").value("1"))
    await fill(client, {"a": "2", "b": "2"})
    assert await settle(client.get_all().revision(first.revision).strings()) == {"a": "1"}


async def test_limit_bounds_the_number_of_keys(filled):
    assert await settle(filled.get_all().limit(3).keys()) == ["a", "b", "c/x"]
    assert len(await listed(filled.get_all().limit(3))) == 3
    assert len(await settle(filled.get_all().limit(0).keys())) == len(PAIRS)


async def test_revision_modifiers_bound_the_result(client):
    old, middle, new = [await settle(client.put(key).value("v")) for key in ("old", "middle", "new")]
    again = await settle(client.put("old").value("w"))
    every = client.get_all()
    assert await settle(every.min_create_revision(middle.revision).keys()) == ["middle", "new"]
    assert await settle(every.max_create_revision(middle.revision).keys()) == ["middle", "old"]
    assert await settle(every.min_mod_revision(new.revision).keys()) == ["new", "old"]
    assert await settle(every.max_mod_revision(new.revision).keys()) == ["middle", "new"]
    assert again.revision > new.revision > old.revision


@pytest.mark.parametrize("modifier", ["limit", "revision", "min_mod_revision", "max_create_revision"])
def test_a_modifier_that_takes_an_int_refuses_other_types_at_once(client, modifier):
    with pytest.raises(TypeError, match="must be an int, not str"):
        getattr(client.get_all(), modifier)("1")


@pytest.mark.parametrize("terminal", ["keys", "strings", "json", "numbers"])
async def test_a_key_that_is_not_utf_8_is_a_unicode_error_that_names_it(client, terminal):
    await fill(client, {"a": "1", b"k\xff": "2"})
    with pytest.raises(UnicodeDecodeError, match=r"b'k\\xff'"):
        await settle(getattr(client.get_all(), terminal)())


async def test_keys_that_are_not_utf_8_are_read_as_bytes(client):
    await fill(client, {"a": b"1", b"k\xff": b"\xfe"})
    assert await settle(client.get_all().key_bytes()) == [b"a", b"k\xff"]
    assert await settle(client.get_all().bytes()) == {b"a": b"1", b"k\xff": b"\xfe"}
    assert [kv.key for kv in await listed(client.get_all())] == [b"a", b"k\xff"]


@pytest.mark.parametrize(
    ("terminal", "value"),
    [("strings", b"\xff"), ("json", b"\xff"), ("json", "{"), ("numbers", "x"), ("numbers", "1_0")],
)
async def test_the_error_of_an_invalid_value_names_its_key(client, terminal, value):
    await fill(client, {"good": "1", "wrong": value})
    with pytest.raises(ValueError, match="'wrong'"):
        await settle(getattr(client.get_all(), terminal)())


async def test_keys_and_counts_are_read_without_the_values(make, recorded):
    client = make(transport=recorded)
    for terminal in (client.get_all().keys, client.get_all().key_bytes, client.get_all().count, client.get("a").exists):
        await settle(terminal())
    asked = [(request.keys_only, request.count_only) for request in recorded.requests("Range")]
    assert asked == [(True, False), (True, False), (False, True), (False, True)]


async def test_a_modifier_does_not_change_the_builder(filled):
    plain = filled.get_all()
    plain.prefix("c").limit(1).sort("key", "descend").revision(1).min_mod_revision(10**9)
    assert await settle(plain.keys()) == sorted(PAIRS)


async def test_a_builder_can_be_used_twice_and_in_several_ways(filled):
    read = filled.get_all().prefix("c")
    assert await settle(read.keys()) == ["c/x", "c/y"]
    assert await settle(read.strings()) == {"c/x": "3", "c/y": "4"}
    assert await settle(read.keys()) == ["c/x", "c/y"]
    assert len(await listed(read)) == len(await listed(read)) == 2


@pytest.mark.parametrize("prefix", [None, 1, ["p"], bytearray(b"p")], ids=repr)
def test_a_prefix_of_another_type_is_a_type_error_at_once(client, prefix):
    with pytest.raises(TypeError, match="str or bytes"):
        client.get_all().prefix(prefix)
