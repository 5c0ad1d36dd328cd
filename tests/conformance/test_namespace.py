"""The same service with every key below a prefix."""

import pytest

from etcd_factory import ETCDService, errors, ops
from tests.support.faces import closed, fill, listed, settle, texts


@pytest.fixture
def inner(client):
    return client.namespace("in/")


async def test_a_key_is_written_under_the_prefix_and_read_without_it(client, inner):
    await settle(inner.put("k").value("v"))
    assert await texts(client) == {"in/k": "v"}
    assert await settle(inner.get("k").string()) == "v"
    assert (await settle(inner.get("k").kv())).key == b"k"


@pytest.mark.parametrize(("one", "two"), [("a/", "b/"), (b"a/", b"b/"), ("a/", b"b/"), ("", "a/b/")])
async def test_namespaces_nest(client, one, two):
    await settle(client.namespace(one).namespace(two).put("k").value("v"))
    assert await texts(client) == {"a/b/k": "v"}


async def test_a_namespace_sees_only_its_own_keys(client, inner):
    await fill(client, {"i": "0", "in": "0", "in.": "0", "in/a": "1", "in/b": "2", "in0": "0", "io": "0"})
    assert await texts(inner) == {"a": "1", "b": "2"}
    assert await settle(inner.get_all().all().keys()) == ["a", "b"]
    assert await settle(inner.get_all().count()) == 2
    assert [kv.key for kv in await listed(inner.get_all())] == [b"a", b"b"]


async def test_ranges_and_prefixes_are_relative_to_the_namespace(client, inner):
    await fill(client, {"a": "0", "in/a": "1", "in/b": "2", "in/c": "3", "x": "0"})
    assert await settle(inner.get_all().range("a", "c").keys()) == ["a", "b"]
    assert await settle(inner.get_all().range("b", "\0").keys()) == ["b", "c"]
    assert await settle(inner.get_all().range("\0", "\0").key_bytes()) == [b"a", b"b", b"c"]
    assert await settle(inner.get_all().prefix("a").keys()) == ["a"]


async def test_the_bare_prefix_is_a_key_too(client, inner):
    await settle(client.put("in/").value("bare"))
    assert await settle(inner.get("").string()) == "bare"
    assert await settle(inner.get_all().kvs()) == [await settle(inner.get("").kv())]
    await settle(inner.put("").value("again"))
    assert await texts(client) == {"in/": "again"}


async def test_previous_values_have_no_prefix(inner):
    await fill(inner, {"a": "1", "b": "2"})
    assert (await settle(inner.put("a").previous().value("3"))).previous.key == b"a"
    assert [kv.key for kv in (await settle(inner.delete().previous().all())).previous] == [b"a", b"b"]


async def test_a_transaction_compares_and_returns_keys_of_the_namespace(client, inner):
    await fill(client, {"k": "out", "in/k": "in"})
    branch = [ops.get("k"), ops.put("k").previous().value("new"), ops.delete().previous().prefix("other")]
    done = await settle(inner.if_("k", "value", "==", "in").then(*branch, ops.txn().then(ops.get("k"))).commit())
    read, put, deleted, nested = done.results
    assert done.succeeded
    assert [read.kvs[0].key, put.previous.key, nested.results[0].kvs[0].key] == [b"k", b"k", b"k"]
    assert deleted.deleted == 0
    assert await texts(client) == {"k": "out", "in/k": "new"}


async def test_a_nested_transaction_compares_keys_of_the_namespace(client, inner):
    await fill(client, {"k": "out", "in/k": "in"})
    nested = ops.if_("k", "value", "==", "in").then(ops.put("done").value("yes"))
    done = await settle(inner.txn().then(nested).commit())
    assert done.results[0].succeeded
    assert await settle(client.get("in/done").string()) == "yes"


async def test_a_batch_is_within_the_namespace(client, inner):
    await settle(inner.batch([ops.put("a").value("1"), ops.put("a").value("2"), ops.delete().all()]))
    await settle(inner.batch([ops.put("b").value("3")]))
    assert await texts(client) == {"in/b": "3"}


async def test_a_deletion_leaves_siblings_untouched(client):
    await fill(client, {"one/k": "1", "two/k": "2", "one": "0", "one0": "0"})
    assert (await settle(client.namespace("one/").delete().all())).deleted == 1
    assert await texts(client) == {"one": "0", "one0": "0", "two/k": "2"}


async def test_a_namespace_that_is_not_utf_8_is_confined(client):
    await fill(client, {b"a\xff": "bare", b"a\xff\xff": "1", b"b": "0", b"a\xfe": "0"})
    odd = client.namespace(b"a\xff")
    assert await settle(odd.get_all().bytes()) == {b"": b"bare", b"\xff": b"1"}
    assert (await settle(odd.delete().all())).deleted == 2


async def test_a_namespace_of_only_ff_bytes_is_confined(make):
    outside = make(namespace="")
    await fill(outside, {b"\xff": "bare", b"\xff\xff": "1", b"\xfe": "0"})
    odd = outside.namespace(b"\xff")
    assert await settle(odd.get_all().key_bytes()) == [b"", b"\xff"]
    assert (await settle(odd.delete().all())).deleted == 2
    await settle(outside.delete().key(b"\xfe"))


async def test_errors_name_the_key_without_the_prefix(inner):
    await settle(inner.put("k").value(b"\xff"))
    with pytest.raises(UnicodeDecodeError, match=r"value of b?'k'"):
        await settle(inner.get("k").string())
    with pytest.raises(errors.KeyNotFoundError, match=r"put b?'missing'"):
        await settle(inner.put("missing").touch())


async def test_the_parent_keeps_its_own_namespace(client, inner):
    await settle(client.put("k").value("v"))
    assert await texts(client) == {"k": "v"}
    assert await texts(inner) == {}


async def test_a_namespace_shares_the_connections_and_closing_one_closes_both(make, recorded):
    client = make(transport=recorded)
    inner = client.namespace("in/")
    await settle(client.put("k").value("v"))
    await settle(inner.put("k").value("v"))
    assert recorded.names() == ["Put", "Put"]
    await closed(inner)
    with pytest.raises(errors.ClientClosedError):
        await settle(client.get("k").string())


@pytest.mark.parametrize("prefix", [None, 1, ["p"], bytearray(b"p")], ids=repr)
def test_a_prefix_of_another_type_is_a_type_error_at_once(client, prefix):
    with pytest.raises(TypeError, match="a namespace must be str or bytes"):
        client.namespace(prefix)


def test_namespaces_nest_in_the_namespace_of_the_options():
    with ETCDService({"namespace": "a/"}) as one:
        assert "b'a/b/'" in repr(one.namespace("b/"))
