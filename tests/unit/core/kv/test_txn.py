"""Transactions and batches: the requests that they make, and what is refused at once."""

from __future__ import annotations

import pytest

from etcd_factory import ETCDService, KeyValue, PutResponse, ops
from etcd_factory.core.kv.txn import COLUMNS, COMPARISONS, as_op, compare
from etcd_factory.errors import ConnectionFailedError, NoSpaceError
from etcd_factory.model import RangeResponse, TxnResponse
from etcd_factory.testing import ScriptedTransport, replies
from etcd_factory.wire import messages
from tests.support.faces import settle

PUT = ops.put("k").value("v")

# --- comparisons


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_comparison_is_a_message_of_etcd(column, comparison):
    value = "v" if column == "value" else 3
    built = messages.Compare(**compare("k", column, comparison, value))
    assert (built.key, built.range_end) == (b"k", b"")
    field = COLUMNS[column][1]
    assert built.WhichOneof("target_union") == field
    assert getattr(built, field) == (b"v" if column == "value" else 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: ops.if_("k", "versoin", "==", 0),
            ValueError,
            "column: expected .*'versoin'.*did you mean 'version'",
        ),
        (lambda: ops.if_("k", "version", "=", 0), ValueError, "comparison: expected .*'='"),
        (lambda: ops.if_("k", "version", "==", "0"), TypeError, "the version to compare with must be an int"),
        (lambda: ops.if_("k", "mod", "==", -1), ValueError, "the mod to compare with must not be negative"),
        (lambda: ops.if_("k", "value", "==", None), TypeError, "a value must be str"),
        (lambda: ops.if_(1, "version", "==", 0), TypeError, "a key must be str or bytes"),
        (lambda: ops.if_("k", "version", "==", 0, prefix=True, end="z"), ValueError, "pass prefix=True or end"),
        (lambda: ops.if_("k", "version", "==", 0, end=""), ValueError, "a range needs an end"),
        (lambda: ops.txn().then("put"), TypeError, "expected an operation made by ops.*, not str"),
        (lambda: ops.txn().else_(ops.put("k")), TypeError, "expected an operation made by ops.*, not <Put"),
    ],
)
def test_a_wrong_argument_is_an_error_at_once(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    ("choice", "keys"),
    [({}, (b"p", b"")), ({"prefix": True}, (b"p", b"q")), ({"end": "z"}, (b"p", b"z")), ({"end": "\0"}, (b"p", b"\0"))],
    ids=str,
)
async def test_a_comparison_is_about_a_key_a_prefix_or_a_range_in_the_namespace(connect, choice, keys):
    client, transport = connect([replies.txn()], namespace="ns/")
    await settle(client.if_("p", "version", "==", 0, **choice).commit())
    (built,) = transport.calls[0].request.compare
    end = {b"": b"", b"\0": b"ns0"}.get(keys[1], b"ns/" + keys[1])
    assert (built.key, built.range_end) == (b"ns/" + keys[0], end)


# --- operations


def test_a_read_of_ops_needs_no_terminal():
    assert as_op(ops.get("k")).fields == ops.get("k").op().fields
    assert as_op(ops.get_all().prefix("p")).fields["range_end"] == b"q"
    assert as_op(PUT) is PUT


def test_a_transaction_of_ops_is_an_operation_too():
    assert as_op(ops.if_("k", "version", "==", 0)).kind == "txn"


def test_a_builder_of_a_client_is_refused_with_the_reason():
    client = ETCDService(transport=ScriptedTransport([]))
    for one in (client.get("k"), client.get_all(), client.txn()):
        with pytest.raises(TypeError, match="a client's own builder runs at once"):
            as_op(one)


def test_a_builder_of_ops_without_its_terminal_is_refused_with_what_to_call():
    with pytest.raises(TypeError, match=r"not <Put 'k' of ops>: call one of its terminals value\(\), .* to then\(\)"):
        as_op(ops.put("k"))


async def test_what_ops_describe_is_not_run():
    with pytest.raises(TypeError, match=r"ops only describe operations; run put b'k' with a client"):
        await ops._run.execute(PUT)


# --- transactions


async def test_each_branch_has_the_results_of_its_operations(connect):
    steps = [
        replies.txn(replies.put(revision=5), replies.get({"k": "v"}), revision=5),
        replies.txn(replies.get({"k": "v"}), succeeded=False, revision=6),
    ]
    client, transport = connect(steps)
    txn = client.if_("k", "version", "==", 0).then(PUT, ops.get("k").string()).else_(ops.get("k").kv())
    done = await settle(txn.commit())
    assert done == TxnResponse(True, 5, (PutResponse(5), "v"))
    refused = await settle(txn.commit())
    assert refused == TxnResponse(False, 6, (KeyValue(b"k", b"v", 1, 1, 1),))
    request = transport.calls[0].request
    assert (len(request.compare), len(request.success), len(request.failure)) == (1, 2, 1)


async def test_a_transaction_inside_another_has_the_revision_of_the_outer_one(connect):
    inner = replies.txn(replies.put(revision=0), revision=0)
    client, _ = connect([replies.txn(inner, revision=8)])
    done = await settle(client.txn().then(ops.txn().then(PUT)).commit())
    assert done.results == (TxnResponse(True, 8, (PutResponse(8),)),)


async def test_a_modifier_returns_a_new_transaction(connect):
    client, _ = connect([])
    txn = client.txn()
    changed = txn.and_("k", "version", "==", 0).then(PUT).else_(PUT)
    assert [len(txn.op().fields[part]) for part in ("compare", "success", "failure")] == [0, 0, 0]
    assert [len(changed.op().fields[part]) for part in ("compare", "success", "failure")] == [1, 1, 1]


async def test_a_transaction_shows_its_operations_and_no_value(connect):
    client, _ = connect([], hosts=["a:1"])
    txn = client.if_("k", "value", "==", "hidden").then(ops.put("k").value("hidden"), ops.get("o")).else_(ops.get("k"))
    assert repr(txn) == "<Txn if 1 comparisons hold [put b'k', get b'o'] else [get b'k'] of a:1>"


# --- batches


async def test_a_batch_is_as_few_transactions_as_etcd_allows(connect):
    steps = [replies.txn(*[replies.put()] * 128), replies.txn(*[replies.put()] * 2)]
    client, transport = connect(steps)
    results = await settle(client.batch(ops.put(f"k{number}").value("v") for number in range(130)))
    assert results == [PutResponse(1)] * 130
    assert [call.method for call in transport.calls] == ["Txn", "Txn"]


async def test_an_operation_alone_is_not_put_into_a_transaction(connect):
    client, transport = connect([replies.put(), replies.get({"k": "v"})])
    assert await settle(client.batch([PUT])) == [PutResponse(1)]
    (found,) = await settle(client.batch([ops.get("k")]))
    assert isinstance(found, RangeResponse)
    assert [call.method for call in transport.calls] == ["Put", "Range"]


async def test_an_empty_batch_makes_no_call(connect):
    client, transport = connect([])
    assert await settle(client.batch([])) == []
    assert transport.calls == []


async def test_nothing_is_run_if_one_of_the_operations_is_none(connect):
    client, transport = connect([])
    with pytest.raises(TypeError, match="expected an operation made by ops"):
        await settle(client.batch([PUT, "put"]))
    assert transport.calls == []


@pytest.mark.parametrize("error", [NoSpaceError("full"), ConnectionFailedError("broke")], ids=lambda error: error.code)
async def test_an_error_says_how_many_operations_before_it_are_done(connect, error):
    client, _ = connect([replies.txn(replies.put(), replies.put()), error])
    same = [ops.put("a").value("1"), ops.put("b").value("1"), ops.put("a").value("2")]
    with pytest.raises(type(error)) as caught:
        await settle(client.batch(same))
    assert caught.value.operation == "batch, 1 of 3 operations; the 2 before them are done"
