"""A prefix kept in memory: a mapping of what the store holds, read without the network."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import pytest

from etcd_factory import KeyValue, errors, ops
from tests.support.faces import closed, fill, settle
from tests.support.mirroring import caught_up, open_mirror, stored
from tests.support.watching import WATCHERS, nothing_left, threads, until_metric

MANY = 2500  # keys: more than one page


# --- a mapping


async def test_it_maps_the_keys_of_a_prefix_to_key_values(client):
    await fill(client, {"p/a": "1", "p/b": "2", "q": "0"})
    mirror = await open_mirror(client, "p/")
    expected = await stored(client, "p/")
    assert [*expected] == [b"p/a", b"p/b"]
    assert (len(mirror), bool(mirror), [*mirror]) == (2, True, [*expected])
    assert mirror[b"p/a"] == expected[b"p/a"]
    assert type(mirror[b"p/a"]) is KeyValue
    assert [*mirror.keys()] == [*expected]
    assert [*mirror.values()] == [*expected.values()]
    assert [*mirror.items()] == [*expected.items()]
    assert dict(mirror) == mirror.copy() == expected
    assert (b"p/a" in mirror, b"q" in mirror, b"p/c" in mirror) == (True, False, False)


async def test_it_equals_a_mapping_of_the_same_keys_and_values(client):
    await fill(client, {"a": "1"})
    one, two = await open_mirror(client), await open_mirror(client, b"")
    assert one == two == await stored(client)
    assert one != {}
    assert one != {b"a": b"1"}


async def test_a_mirror_of_no_keys_is_empty(client):
    mirror = await open_mirror(client, "none")
    assert (len(mirror), bool(mirror), [*mirror], mirror.copy()) == (0, False, [], {})
    assert mirror == {}


async def test_it_is_read_only(client):
    await fill(client, {"a": "1"})
    mirror = await open_mirror(client)
    assert isinstance(mirror, Mapping)
    assert not isinstance(mirror, MutableMapping)
    with pytest.raises(TypeError):
        mirror[b"a"] = mirror[b"a"]
    with pytest.raises(TypeError):
        del mirror[b"a"]
    mirror.copy().clear()
    assert [*mirror] == [b"a"]


async def test_a_missing_key_is_a_key_error(client):
    mirror = await open_mirror(client)
    with pytest.raises(KeyError, match=r"b'none'"):
        mirror[b"none"]


@pytest.mark.parametrize("key", ["a", 1, None], ids=repr)
async def test_a_key_that_is_not_bytes_is_a_type_error(client, key):
    await fill(client, {"a": "1"})
    mirror = await open_mirror(client)
    with pytest.raises(TypeError, match=r"keys are bytes, not \w+; its get\(\) takes text too"):
        mirror[key]
    with pytest.raises(TypeError, match="keys are bytes"):
        _ = key in mirror


async def test_views_are_snapshots(client):
    await fill(client, {"a": "1"})
    mirror = await open_mirror(client)
    views = [iter(mirror), mirror.keys(), mirror.values(), mirror.items()]
    await settle(mirror.wait((await settle(client.put("b").value("2"))).revision))
    assert [len([*view]) for view in views] == [1, 1, 1, 1]
    assert len(mirror) == 2


async def test_its_repr_has_prefix_size_and_revision(client):
    await fill(client, {"p/a": "1"})
    mirror = await open_mirror(client, "p/")
    assert repr(mirror) == f"<Mirror b'p/': 1 keys at revision {mirror.revision}>"


# --- which keys


PREFIXES = {
    "text": ("user/", [b"user/", b"user/1", b"user/2"]),
    "bytes": (b"user/", [b"user/", b"user/1", b"user/2"]),
    "shorter": ("user", [b"user", b"user/", b"user/1", b"user/2", b"user2"]),
    "one": ("user/1", [b"user/1"]),
    "last": (b"\xff", [b"\xff", b"\xff\xff"]),
    "all": ("", [b"user", b"user/", b"user/1", b"user/2", b"user2", b"\xff", b"\xff\xff"]),
}


@pytest.mark.parametrize("name", PREFIXES)
async def test_it_holds_only_the_keys_with_its_prefix_at_first_and_later(client, name):
    prefix, expected = PREFIXES[name]
    await fill(client, dict.fromkeys([b"user", b"user/", b"user/1", b"user2", b"\xff"], "old"))
    mirror = await open_mirror(client, prefix)
    await fill(client, dict.fromkeys([b"user/1", b"user/2", b"user2", b"\xff\xff"], "new"))
    await caught_up(mirror, client)
    assert sorted(mirror) == expected
    assert mirror == await stored(client, prefix)


async def test_without_a_prefix_it_holds_the_whole_namespace(client):
    await fill(client, {"in/": "0", "in/a": "1", "in": "x", "in0": "x"})
    mirror = await settle(client.namespace("in/").mirror())
    assert {key: kv.text for key, kv in mirror.items()} == {b"": "0", b"a": "1"}


async def test_changed_keys_are_relative_to_the_namespace(client):
    inner = client.namespace("in/")
    mirror = await open_mirror(inner, "p/")
    await fill(client, {"in/p/a": "1", "p/a": "x"})
    await caught_up(mirror, client)
    assert mirror[b"p/a"] == await settle(inner.get("p/a").kv())


@pytest.mark.parametrize("prefix", [None, 1, ["p"]], ids=repr)
async def test_a_prefix_is_text_or_bytes(client, prefix):
    with pytest.raises(TypeError, match="a prefix must be str or bytes"):
        await open_mirror(client, prefix)


async def test_a_range_of_many_pages_is_complete(client):
    await settle(client.batch([ops.put(f"k{number:05}").value(str(number)) for number in range(MANY)]))
    mirror = await open_mirror(client, "k")
    assert len(mirror) == MANY
    assert mirror == await stored(client, "k")


# --- beginning and ending


async def test_leaving_its_block_closes_it(face, client):
    await fill(client, {"a": "1"})
    if face.name == "blocking":
        with client.mirror() as mirror:
            assert mirror.connected
    else:
        async with client.mirror() as mirror:
            assert mirror.connected
        async with await client.mirror("a") as awaited:
            assert [*awaited] == [b"a"]
        assert not awaited.connected
    assert not mirror.connected
    assert [*mirror] == [b"a"]


async def test_a_closed_mirror_stops_following_and_can_still_be_read(client):
    await fill(client, {"a": "1"})
    mirror, open_one = await open_mirror(client), await open_mirror(client)
    await settle(mirror.close())
    await settle(mirror.close())
    await settle(open_one.wait((await settle(client.put("a").value("2"))).revision))
    assert (mirror.get("a").string(), open_one.get("a").string()) == ("1", "2")


async def test_a_closed_mirror_is_removed_from_the_server_and_leaves_nothing(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await fill(client, {"a": "1"})
    await until_metric(fragile, WATCHERS, 0)
    before = threads()
    mirror = await open_mirror(client)
    mirror.on("change", print)
    await until_metric(fragile, WATCHERS, 1)
    await settle(mirror.close())
    await until_metric(fragile, WATCHERS, 0)
    await nothing_left(before)


async def test_closing_the_client_ends_it_and_leaves_nothing(make):
    before = threads()
    client = make()
    await fill(client, {"a": "1"})
    mirror = await open_mirror(client)
    mirror.on("change", print)
    await closed(client)
    await nothing_left(before)
    assert (mirror.connected, mirror.get("a").string()) == (False, "1")
    with pytest.raises(errors.ClientClosedError):
        await settle(mirror.get("a", fresh=True).string())
    await settle(mirror.close())


async def test_a_closed_client_opens_no_mirror(client):
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await open_mirror(client)


async def test_a_mirror_without_a_reachable_server_is_not_opened_and_leaves_nothing(make, refusing):
    before = threads()
    with pytest.raises(errors.ConnectionFailedError):
        await open_mirror(make(hosts=[refusing], retry={"attempts": 2}))
    await nothing_left(before)
