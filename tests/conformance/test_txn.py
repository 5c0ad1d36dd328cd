"""Transactions."""

import operator

import pytest

from etcd_factory import DeleteResponse, KeyValue, PutResponse, RangeResponse, TxnResponse, errors, ops
from tests.support.faces import fill, settle, texts

COMPARISONS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt}
COLUMNS = ["value", "version", "create", "mod", "lease"]


@pytest.fixture
async def facts(client, lease):
    """The value of a key in each column."""
    await settle(client.put("k").value("m"))
    await settle(client.put("k").lease(lease).value("m"))
    kv = await settle(client.get("k").kv())
    return {"value": "m", "version": 2, "create": kv.create_revision, "mod": kv.mod_revision, "lease": lease}


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("column", COLUMNS)
async def test_a_comparison_compares_a_column_as_written(client, facts, column, comparison):
    fact = facts[column]
    for wanted in ("a", "m", "z") if column == "value" else (fact - 1, fact, fact + 1):
        done = await settle(client.if_("k", column, comparison, wanted).commit())
        assert done.succeeded == COMPARISONS[comparison](fact, wanted)


async def test_a_missing_key_has_version_0(client):
    create = client.if_("k", "version", "==", 0).then(ops.put("k").value("v"))
    assert (await settle(create.commit())).succeeded
    assert not (await settle(create.commit())).succeeded


@pytest.mark.parametrize("comparison", ["==", "!="])
async def test_no_comparison_with_the_value_of_a_missing_key_holds(client, comparison):
    assert not (await settle(client.if_("k", "value", comparison, "x").commit())).succeeded


async def test_all_comparisons_must_hold(client):
    await fill(client, {"a": "1", "b": "2"})
    both = client.if_("a", "value", "==", "1").and_("b", "value", "==", "2")
    assert (await settle(both.commit())).succeeded
    assert not (await settle(both.and_("a", "value", "==", "2").commit())).succeeded


@pytest.mark.parametrize("value", [b"12", "12", 12], ids=repr)
async def test_a_value_to_compare_with_may_be_whatever_a_put_takes(client, value):
    await fill(client, {"k": "12"})
    assert (await settle(client.if_("k", "value", "==", value).commit())).succeeded


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("column", COLUMNS)
async def test_a_comparison_of_a_prefix_holds_if_it_holds_for_each_key(client, column, comparison, lease):
    await fill(client, {"o": "a", "p": "m", "p/1": "m", "q": "z"})
    await settle(client.put("p/2").lease(lease).value("n"))
    await settle(client.put("p/2").lease(lease).value("n"))
    kvs = await settle(client.get_all().prefix("p/").kvs())
    facts = [{"value": kv.text, "create": kv.create_revision, "mod": kv.mod_revision}.get(column) for kv in kvs]
    facts = facts if facts[0] else [getattr(kv, column) for kv in kvs]
    for wanted in ("l", "m", "n", "o") if column == "value" else {0, *facts, *(fact + 1 for fact in facts)}:
        done = await settle(client.if_("p/", column, comparison, wanted, prefix=True).commit())
        assert done.succeeded == all(COMPARISONS[comparison](fact, wanted) for fact in facts)


async def test_a_comparison_with_end_compares_each_key_before_it(client):
    await fill(client, {"a": "1", "b": "1", "c": "2"})
    assert (await settle(client.if_("a", "value", "==", "1", end="c").commit())).succeeded
    assert not (await settle(client.if_("a", "value", "==", "1", end="d").commit())).succeeded
    assert not (await settle(client.if_("a", "value", "==", "1", end="\0").commit())).succeeded
    assert (await settle(client.if_("b", "value", ">", "0", end="\0").commit())).succeeded
    assert (await settle(client.txn().and_("b", "value", ">", "0", end="\0").commit())).succeeded


async def test_a_comparison_of_a_range_is_within_the_namespace(client):
    await fill(client, {"in/k": "1", "in/\xff": "1", "inner": "2", "io": "2", "\0": "2"})
    inside = client.namespace("in/")
    for begun in ({"prefix": True}, {"end": "\0"}):
        assert (await settle(inside.if_("", "value", "==", "1", **begun).commit())).succeeded
        assert not (await settle(client.if_("", "value", "==", "1", **begun).commit())).succeeded
    nested = ops.if_("", "value", "==", "1", prefix=True)
    assert (await settle(inside.txn().then(nested).commit())).results[0].succeeded
    assert not (await settle(client.txn().then(nested).commit())).results[0].succeeded


async def test_a_prefix_of_all_keys_needs_no_namespace(make, fragile):
    client = make(hosts=[fragile.endpoint], namespace="")
    await settle(client.delete().all())
    assert (await settle(client.if_("", "version", "==", 0, prefix=True).commit())).succeeded
    await fill(client, {b"\xff\xff": "1"})
    assert not (await settle(client.if_("", "version", "==", 0, prefix=True).commit())).succeeded
    assert (await settle(client.if_(b"\xff", "value", "==", "1", prefix=True).commit())).succeeded


@pytest.mark.parametrize("column", COLUMNS)
async def test_an_empty_range_compares_like_a_missing_key(client, column):
    for comparison in COMPARISONS:
        for wanted in ("", "x") if column == "value" else (0, 1):
            empty = await settle(client.if_("p/", column, comparison, wanted, prefix=True).commit())
            missing = await settle(client.if_("p/", column, comparison, wanted).commit())
            holds = column != "value" and COMPARISONS[comparison](0, wanted)
            assert empty.succeeded == missing.succeeded == holds


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"prefix": True, "end": "b"}, ValueError, "pass prefix=True or end, not both"),
        ({"end": ""}, ValueError, "a range needs an end"),
        ({"end": 5}, TypeError, "a key must be str or bytes"),
    ],
)
def test_an_invalid_range_to_compare_is_an_error_at_once(client, given, error, message):
    with pytest.raises(error, match=message):
        client.if_("a", "mod", "<", 5, **given)


async def test_then_runs_if_the_comparisons_hold_and_else_otherwise(client):
    swap = client.if_("k", "value", "==", "a").then(ops.put("k").value("b")).else_(ops.put("k").value("a"))
    found = []
    for _ in range(3):
        done = await settle(swap.commit())
        found.append((done.succeeded, await settle(client.get("k").string())))
    assert found == [(False, "a"), (True, "b"), (False, "a")]


async def test_a_second_then_and_a_second_else_add_to_the_first(client):
    one, two = ops.put("a").value("1"), ops.put("b").value("2")
    await settle(client.txn().then(one).then(two).commit())
    assert await texts(client) == {"a": "1", "b": "2"}
    failing = client.if_("a", "version", "==", 0)
    done = await settle(failing.else_(ops.delete().key("a")).else_(ops.delete().key("b")).commit())
    assert [result.deleted for result in done.results] == [1, 1]


async def test_a_transaction_without_a_comparison_runs_then(client):
    done = await settle(client.txn().then(ops.put("a").value("1")).else_(ops.put("b").value("2")).commit())
    assert done.succeeded
    assert await texts(client) == {"a": "1"}


async def test_an_empty_transaction_succeeds(client):
    done = await settle(client.txn().commit())
    assert (done.succeeded, done.results) == (True, ())


async def test_results_are_those_of_single_calls(client):
    first = await settle(client.put("a").value("1"))
    done = await settle(
        client.txn()
        .then(
            ops.get("a"),
            ops.put("a").previous().value("2"),
            ops.get("a").string(),
            ops.get("missing").string(),
            ops.get_all().keys(),
            ops.get_all().count(),
            ops.delete().previous().key("b"),
        )
        .commit()
    )
    old = KeyValue(b"a", b"1", first.revision, first.revision, 1)
    read, put, text, missing, keys, count, deleted = done.results
    assert isinstance(done, TxnResponse)
    assert isinstance(read, RangeResponse)
    assert read.kvs == (old,)
    assert put == PutResponse(done.revision, old)
    assert (text, missing, keys, count) == ("2", None, ["a"], 1)
    assert deleted == DeleteResponse(done.revision, 0, ())


async def test_every_result_has_the_revision_of_the_transaction(client):
    await fill(client, {"a": "1"})
    parts = [ops.put("b").value("2"), ops.delete().key("a"), ops.get("b")]
    done = await settle(client.txn().then(*parts).commit())
    assert {result.revision for result in done.results} == {done.revision}
    assert (await settle(client.get("b").kv())).mod_revision == done.revision


async def test_a_nested_transaction_returns_its_own_results(client):
    inner = ops.if_("a", "version", "==", 0).then(ops.put("a").value("1")).else_(ops.get("a").string())
    first = await settle(client.txn().then(inner, ops.put("b").value("2")).commit())
    second = await settle(client.txn().then(inner.commit()).commit())
    assert first.results[0].succeeded
    assert isinstance(first.results[0].results[0], PutResponse)
    assert second.results == (TxnResponse(False, second.revision, ("1",)),)


async def test_a_nested_transaction_has_the_revision_of_the_outer_one(client):
    inner = ops.txn().then(ops.put("a").value("1"), ops.txn().then(ops.put("b").value("2")))
    done = await settle(client.txn().then(inner).commit())
    nested = done.results[0]
    assert nested.revision == done.revision
    assert nested.results[0].revision == done.revision
    assert nested.results[1].revision == done.revision
    assert nested.results[1].results[0].revision == done.revision


async def test_writing_a_key_twice_is_an_error_and_nothing_is_written(client):
    with pytest.raises(errors.DuplicateKeyError) as caught:
        await settle(client.txn().then(ops.put("k").value("1"), ops.put("k").value("2")).commit())
    assert caught.value.code == "INVALID_ARGUMENT"
    assert await texts(client) == {}


async def test_a_failed_transaction_writes_nothing(client):
    with pytest.raises(errors.KeyNotFoundError):
        await settle(client.txn().then(ops.put("a").value("1"), ops.put("missing").touch()).commit())
    assert await texts(client) == {}


@pytest.mark.parametrize("given", [("vlaue", "=="), ("mod_revision", "==")])
def test_an_unknown_column_is_a_value_error_that_lists_the_known_ones(client, given):
    with pytest.raises(ValueError, match="column: expected one of value, version, create, mod, lease, got"):
        client.if_("k", *given, "x")


def test_the_nearest_column_or_comparison_is_suggested(client):
    with pytest.raises(ValueError, match="did you mean 'value'"):
        client.if_("k", "vlaue", "==", "x")
    with pytest.raises(ValueError, match="did you mean '=='"):
        client.txn().and_("k", "value", "===", "x")


@pytest.mark.parametrize("comparison", ["=", ">=", "<=", "", "is"])
def test_an_unknown_comparison_is_a_value_error_at_once(client, comparison):
    with pytest.raises(ValueError, match="comparison: expected one of ==, !=, <, >, got"):
        client.if_("k", "value", comparison, "x")


@pytest.mark.parametrize("column", ["version", "create", "mod", "lease"])
def test_a_numeric_column_compares_only_with_an_int(client, column):
    with pytest.raises(TypeError, match=f"the {column} to compare with must be an int"):
        client.if_("k", column, "==", "1")


def test_a_value_compares_only_with_what_can_be_put(client):
    with pytest.raises(TypeError, match="a value must be str, bytes, int or float"):
        client.if_("k", "value", "==", None)


@pytest.mark.parametrize("branch", ["then", "else_"])
def test_a_builder_of_a_client_is_not_an_operation(client, branch):
    with pytest.raises(TypeError, match="made by ops"):
        getattr(client.txn(), branch)(client.get("k"))


@pytest.mark.parametrize("given", [None, "put k v", ops.put("k"), ops.delete()], ids=lambda one: type(one).__name__)
def test_anything_but_an_operation_is_a_type_error_at_once(client, given):
    with pytest.raises(TypeError, match="made by ops"):
        client.txn().then(given)


async def test_a_modifier_does_not_change_the_transaction(client):
    plain = client.txn()
    plain.and_("k", "version", ">", 5).then(ops.put("k").value("v")).else_(ops.put("k").value("w"))
    assert (await settle(plain.commit())).results == ()
    assert await texts(client) == {}


async def test_an_operation_can_be_used_in_several_transactions(client):
    put = ops.put("k").value("v")
    for _ in range(2):
        await settle(client.txn().then(put).commit())
    assert (await settle(client.get("k").kv())).version == 2
