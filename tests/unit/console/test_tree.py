from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etcd_factory import ops
from etcd_factory.console import tree
from etcd_factory.testing import FakeEtcd


@pytest.fixture
async def etcd(fake):
    async with fake.aclient(namespace="n/") as one:
        yield one


@pytest.fixture
def put(fake):
    """Writes keys into the client's namespace."""

    def put(*keys):
        with fake.client(namespace="n/") as etcd:
            etcd.batch([ops.put(key).value("v") for key in keys])

    return put


async def whole(find, etcd, text, most=1000):
    """All keys of all pages, and how many pages there were."""
    found, start, pages = [], b"", 0
    while start is not None:
        assert pages < most
        page = await find(etcd, text, start)
        found, start, pages = found + page.keys, page.next, pages + 1
    return found, pages


async def test_what_is_directly_below_a_prefix(etcd, put):
    put("a", "b/1", "b/2/3", "b/2/4", "c/", b"\xff\xfe/x", "/", "//x", "d//e")
    top = await tree.children(etcd, b"")
    assert top == tree.Page([b"/", b"a", b"b/", b"c/", b"d/", b"\xff\xfe/"], None)
    assert (await tree.children(etcd, b"b/")).keys == [b"b/1", b"b/2/"]
    assert (await tree.children(etcd, b"c/")).keys == [b"c/"]
    assert (await tree.children(etcd, b"/")).keys == [b"/", b"//"]
    assert (await tree.children(etcd, b"d/")).keys == [b"d//"]
    assert (await tree.children(etcd, b"none/")).keys == []


async def test_keys_of_other_namespaces_are_not_seen(etcd, fake):
    with fake.client() as other:
        other.put("m/x").value("1")
        other.put("o").value("1")
    assert (await tree.children(etcd, b"")).keys == []
    assert (await tree.containing(etcd, b"")).keys == []


async def test_a_prefix_with_many_keys_below_is_not_read(etcd, put, monkeypatch):
    monkeypatch.setattr(tree, "PAGE", 3)
    put(*(f"big/{number:03}" for number in range(500)), "last", *(f"also/{number}" for number in range(9)))
    reads = []
    counted = etcd.get_all
    monkeypatch.setattr(etcd, "get_all", lambda: (reads.append(1), counted())[1])
    assert (await tree.children(etcd, b"")).keys == [b"also/", b"big/", b"last"]
    assert len(reads) < 12


async def test_ranges_are_narrow_since_etcd_counts_their_keys(etcd, put, monkeypatch):
    monkeypatch.setattr(tree, "PAGE", 2)
    put(*(f"{number:03}/{key}" for number in range(40) for key in "abc"))
    ends, kind = [], type(etcd.get_all())
    ranged = kind.range
    monkeypatch.setattr(kind, "range", lambda self, start, end: (ends.append(end), ranged(self, start, end))[1])
    assert len((await tree.children(etcd, b"")).keys) == 40
    narrow = [end for end in ends if end.startswith(b"0")]
    assert len(ends) - len(narrow) < 12


names = st.lists(st.binary(max_size=6).map(lambda name: name.replace(b"b", b"/")), max_size=40, unique=True)


@settings(max_examples=40)
@given(names, st.integers(1, 5), st.sampled_from([b"", b"a/", b"\xff/"]))
async def test_whatever_the_keys_are_each_entry_is_found_once(keys, page, prefix):
    with pytest.MonkeyPatch.context() as patch, FakeEtcd() as fake:
        patch.setattr(tree, "PAGE", page)
        with fake.client(namespace="n/") as etcd:
            etcd.batch([ops.put(prefix + key).value("v") for key in keys])
        async with fake.aclient(namespace="n/") as etcd:
            found, _ = await whole(tree.children, etcd, prefix)
    expected = {prefix + b"".join(key[len(prefix) :].partition(b"/")[:2]) for key in (prefix + key for key in keys)}
    assert (sorted(found), len(found)) == (sorted(expected), len(expected))


@pytest.mark.parametrize(("entries", "page", "patience"), [(2, 500, 60), (200, 2, 0), (3, 2, 60), (3, 2, 0), (1, 1, 0)])
async def test_pages_have_every_entry_once(etcd, put, monkeypatch, entries, page, patience):
    names = [f"{number:02}" + ("/x" if number % 3 else "") for number in range(20)] + ["05/y", "05/z"]
    put(*names)
    monkeypatch.setattr(tree, "ENTRIES", entries)
    monkeypatch.setattr(tree, "PAGE", page)
    monkeypatch.setattr(tree, "PATIENCE", patience)
    found, pages = await whole(tree.children, etcd, b"")
    assert found == [(f"{number:02}" + ("/" if number % 3 else "")).encode() for number in range(20)]
    assert pages > 1


async def test_keys_that_contain_a_text(etcd, put):
    put("Config/A", "x/config", "other", b"\xffCONFIG\0")
    assert (await tree.containing(etcd, b"config")).keys == [b"Config/A", b"x/config", b"\xffCONFIG\0"]
    assert (await tree.containing(etcd, b"")).searched == 4
    assert (await tree.containing(etcd, b"\xff")).keys == [b"\xffCONFIG\0"]


@pytest.mark.parametrize(("found", "scanned", "scans"), [(2, 100, 4), (100, 3, 1), (1, 1, 2), (3, 2, 2)])
async def test_a_search_goes_on_where_it_stopped(etcd, put, monkeypatch, found, scanned, scans):
    put(*(f"{number:02}{'x' if number % 2 else 'y'}" for number in range(20)))
    for name, value in (("FOUND", found), ("SCANNED", scanned), ("SCANS", scans)):
        monkeypatch.setattr(tree, name, value)
    keys, pages = await whole(tree.containing, etcd, b"x")
    assert keys == [f"{number:02}x".encode() for number in range(20) if number % 2]
    assert pages > 1


async def test_keys_that_begin_with_a_text(etcd, put, monkeypatch):
    put("a1", "a2", "a3", "b", "A1")
    assert (await tree.beginning(etcd, b"a")).keys == [b"a1", b"a2", b"a3"]
    monkeypatch.setattr(tree, "FOUND", 2)
    assert (await tree.beginning(etcd, b"a")) == tree.Page([b"a1", b"a2"], b"a3", 2)
    assert (await whole(tree.beginning, etcd, b""))[0] == [b"A1", b"a1", b"a2", b"a3", b"b"]
