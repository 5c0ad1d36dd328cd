"""Any number of operations, in as few transactions as etcd allows."""

import pytest

from etcd_factory import DeleteResponse, PutResponse, RangeResponse, TxnResponse, errors, ops
from tests.support.faces import fill, settle, texts


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded)


async def test_operations_on_repeated_keys_run_in_order(client):
    keys = [f"k{n % 70:02d}" for n in range(300)]
    results = await settle(client.batch([ops.put(key).previous().value(n) for n, key in enumerate(keys)]))
    assert [result.previous and result.previous.text for result in results] == [
        str(n - 70) if n >= 70 else None for n in range(300)
    ]
    assert await settle(client.get_all().numbers()) == {f"k{n % 70:02d}": n for n in range(230, 300)}


async def test_operations_without_conflicts_share_transactions(client, recorded):
    await settle(client.batch([ops.put(f"k{n}").value("v") for n in range(300)]))
    assert recorded.names() == ["Txn"] * 3
    assert await settle(client.get_all().count()) == 300


async def test_results_are_in_order_and_those_of_single_calls(client):
    given = [ops.put("a").value("1"), ops.get("a").string(), ops.get("a"), ops.delete().key("a"), ops.get("a").string()]
    put, text, read, deleted, gone = await settle(client.batch(given))
    assert isinstance(put, PutResponse)
    assert isinstance(read, RangeResponse)
    assert isinstance(deleted, DeleteResponse)
    assert (text, read.kvs[0].text, deleted.deleted, gone) == ("1", "1", 1, None)


async def test_a_deletion_and_a_put_of_the_same_keys_run_in_order(client):
    await fill(client, {"a": "0", "b": "0"})
    given = [
        ops.delete().prefix("a"),
        ops.put("a").value("1"),
        ops.delete().range("a", "b"),
        ops.put("a").value("2"),
        ops.put("b").value("2"),
        ops.delete().key("b"),
    ]
    results = await settle(client.batch(given))
    assert [result.deleted for result in results if isinstance(result, DeleteResponse)] == [1, 1, 1]
    assert await texts(client) == {"a": "2"}


async def test_transactions_run_in_a_batch(client):
    create = ops.if_("a", "version", "==", 0).then(ops.put("a").value("1"))
    results = await settle(client.batch([create, create.commit(), ops.get("a").string()]))
    assert [result.succeeded for result in results[:2]] == [True, False]
    assert results[2] == "1"
    assert all(isinstance(result, TxnResponse) for result in results[:2])


async def test_no_operations_return_no_results_and_send_nothing(client, recorded):
    assert await settle(client.batch([])) == []
    assert recorded.calls == []


async def test_operations_may_come_from_a_generator(client):
    assert len(await settle(client.batch(ops.put(f"k{n}").value(n) for n in range(3)))) == 3


async def test_if_one_fails_the_error_says_how_many_are_done(client):
    given = [ops.put(f"k{n:03d}").value("v") for n in range(300)]
    given[260] = ops.put("missing").touch()
    with pytest.raises(errors.KeyNotFoundError, match="256 before them are done") as caught:
        await settle(client.batch(given))
    assert caught.value.operation.startswith("batch")
    assert await settle(client.get_all().keys()) == [f"k{n:03d}" for n in range(256)]


async def test_anything_but_an_operation_is_a_type_error_and_nothing_is_sent(client):
    with pytest.raises(TypeError, match="made by ops"):
        await settle(client.batch([ops.put("a").value("1"), client.get("a")]))
    assert await texts(client) == {}
