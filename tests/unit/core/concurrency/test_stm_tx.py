"""What the function of a software transaction works with."""

from __future__ import annotations

import pytest

from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from tests.support.faces import settle

TTL = 60
FOUND = replies.get(KeyValue(b"k", b"7", 1, 3, 1))
DONE = replies.txn(replies.put())


@pytest.fixture
def transact(connect, face):
    """A function that runs another one in a transaction of a client on these responses."""

    async def run(steps, body, **options):
        client, transport = connect(steps, **options)

        async def awaited(tx):
            return await body(tx, client)

        def blocking(tx):
            coroutine = body(tx, client)
            try:
                coroutine.send(None)
            except StopIteration as stop:
                return stop.value
            raise AssertionError("a blocking transaction never waits")

        return await settle(client.stm().transact(blocking if face.name == "blocking" else awaited)), transport

    return run


async def test_a_key_is_read_as_on_a_service(transact):
    async def body(tx, client):
        read = tx.get("k")
        kv = await settle(read.kv())
        return [await settle(read.string()), await settle(read.number()), await settle(read.exists()), kv.key]

    assert (await transact([FOUND, replies.txn()], body))[0] == ["7", 7, True, b"k"]


async def test_a_missing_key_is_none(transact):
    async def body(tx, client):
        return [await settle(tx.get("k").string()), await settle(tx.get("k").exists())]

    assert (await transact([replies.get(), replies.txn()], body))[0] == [None, False]


async def test_writes_are_sent_at_the_commit(transact):
    async def body(tx, client):
        tx.put("text").value("v")
        tx.put("json").json({"a": 1})
        tx.delete().key("gone")

    _, transport = await transact([replies.txn(replies.put(), replies.put(), replies.delete())], body)
    parts = transport.calls[0].request.success
    assert [(part.request_put.key, part.request_put.value) for part in parts[:2]] == [
        (b"text", b"v"),
        (b"json", b'{"a": 1}'),
    ]
    assert parts[2].request_delete_range.key == b"gone"


async def test_writes_may_be_awaited(transact):
    async def body(tx, client):
        await tx.put("k").value("v")
        await tx.delete().key("other")

    _, transport = await transact([replies.txn(replies.put(), replies.delete())], body)
    assert len(transport.calls) == 1


async def test_a_write_replaces_an_earlier_one_of_the_same_key(transact):
    async def body(tx, client):
        tx.put("k").value("v")
        tx.delete().key("k")

    _, transport = await transact([replies.txn(replies.delete())], body)
    (part,) = transport.calls[0].request.success
    assert part.HasField("request_delete_range")


async def test_a_key_may_have_a_lease_that_is_granted_at_the_commit(transact):
    async def body(tx, client):
        tx.put("k").lease(client.lease(TTL)).value("v")
        return await settle(tx.get("k").kv())

    script = {"LeaseGrant": replies.lease(7, TTL), "Txn": DONE, "LeaseRevoke": replies.of("LeaseRevoke")}
    seen, transport = await transact(script, body)
    assert seen.lease == 0  # it is not granted yet
    assert transport.calls[1].request.success[0].request_put.lease == 7


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda tx: tx.get(1), TypeError, "a key must be str or bytes"),
        (lambda tx: tx.put(None), TypeError, "a key must be str or bytes"),
        (lambda tx: tx.put("k").value(None), TypeError, "a value must be"),
        (lambda tx: tx.delete().key(1), TypeError, "a key must be str or bytes"),
    ],
)
async def test_a_wrong_argument_is_an_error_at_once(transact, call, error, text):
    async def body(tx, client):
        call(tx)

    with pytest.raises(error, match=text):
        await transact([], body)


async def test_it_shows_its_client(transact):
    async def body(tx, client):
        return [repr(one) for one in (tx, tx.get("k"), tx.put("k"), tx.delete())]

    shown, _ = await transact([], body, hosts=["a:1"])
    assert shown == [
        "<Tx: a transaction of a:1>",
        "<Get 'k' of a transaction of a:1>",
        "<Put 'k' of a transaction of a:1>",
        "<Delete of a transaction of a:1>",
    ]
