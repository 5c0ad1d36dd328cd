"""From etcd's messages to values, with the namespace cut off every key."""

import pytest

from etcd_factory import ops
from etcd_factory.errors import InternalError
from etcd_factory.model import DeleteResponse, KeyValue, PutResponse, RangeResponse, TxnResponse
from etcd_factory.testing import replies as sent
from etcd_factory.wire import messages, replies

SKIP = len(b"ns/")
KV = messages.KeyValue(key=b"ns/k", value=b"v", create_revision=2, mod_revision=3, version=2, lease=7)
VALUE = KeyValue(b"k", b"v", 2, 3, 2, 7)


def found(*kvs, **fields):
    return messages.RangeResponse(kvs=kvs, **fields)


def stored(value, key=b"ns/k"):
    return messages.KeyValue(key=key, value=value)


# --- responses


def test_a_range_is_a_value_without_the_namespace():
    reply = found(KV, header={"revision": 9}, count=5, more=True)
    assert replies.range_response(reply, SKIP) == RangeResponse(9, (VALUE,), 5, True)


@pytest.mark.parametrize(("previous", "expected"), [(KV, VALUE), (None, None)])
def test_a_put_may_have_what_it_replaced(previous, expected):
    reply = messages.PutResponse(header={"revision": 9}, prev_kv=previous)
    assert replies.put_response(reply, SKIP) == PutResponse(9, expected)


def test_what_a_put_replaced_may_be_empty():
    """An empty message is not a missing one."""
    reply = messages.PutResponse(prev_kv={})
    assert replies.put_response(reply, 0).previous == KeyValue(b"")


def test_a_delete_has_the_number_of_keys_and_what_they_were():
    reply = messages.DeleteRangeResponse(header={"revision": 9}, deleted=1, prev_kvs=[KV])
    assert replies.delete_response(reply, SKIP) == DeleteResponse(9, 1, (VALUE,))


@pytest.mark.parametrize("succeeded", [True, False])
def test_each_part_of_a_transaction_is_read_as_its_operation_says(succeeded):
    success, failure = [ops.put("k").value("v"), ops.get("k").string()], [ops.get("k").exists()]
    parts = [sent.put(revision=9), sent.get({"ns/k": "v"})] if succeeded else [sent.get()]
    reply = sent.txn(*parts, succeeded=succeeded, revision=9)
    read = replies.txn_response(success, failure)
    results = (PutResponse(9), "v") if succeeded else (False,)
    assert read(reply, SKIP) == TxnResponse(succeeded, 9, results)


def test_a_nested_transaction_has_the_revision_of_the_outer_one():
    inner = ops.txn().then(ops.put("k").value("v")).commit()
    reply = sent.txn(sent.txn(sent.put(revision=0), revision=0), revision=9)
    (result,) = replies.txn_response([inner], [])(reply, 0).results
    assert result == TxnResponse(True, 9, (PutResponse(9),))


READ, WRITE = ops.get("k").string(), ops.put("k").value("v")
OTHERS = {
    "too few": ([READ, WRITE], sent.txn(sent.get())),
    "too many": ([READ], sent.txn(sent.get(), sent.get())),
    "of another kind": ([WRITE], sent.txn(sent.get())),
    "of no kind": ([READ], messages.TxnResponse(succeeded=True, responses=[{}])),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_transaction_with_responses_to_other_operations_is_not_guessed_at(name):
    branch, reply = OTHERS[name]
    with pytest.raises(InternalError, match=rf"the server sent {len(reply.responses)} responses to {len(branch)} oper"):
        replies.txn_response(branch, [])(reply, 0)


@pytest.mark.parametrize(("op", "maybe_applied"), [(READ, False), (WRITE, True), (ops.delete().key("k"), True)])
def test_only_a_transaction_that_writes_may_then_have_been_applied(op, maybe_applied):
    with pytest.raises(InternalError) as caught:
        replies.txn_response([op], [])(sent.txn(), 0)
    assert caught.value.maybe_applied is maybe_applied


# --- entries of queues

FIRST = replies.Entered(9, None, (b"k", 2))
FOUND = found(KV)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (sent.txn(sent.put(), FOUND, revision=9), FIRST),
        (sent.txn(sent.put(), found(), revision=9), FIRST._replace(first=None)),
        (sent.txn(FOUND, FOUND, succeeded=False, revision=9), replies.Entered(2, b"v", (b"k", 2))),
    ],
    ids=["created", "created, and the queue seen empty", "it existed"],
)
def test_what_entering_a_queue_found_is_read(reply, expected):
    assert replies.entered(reply, SKIP) == expected


@pytest.mark.parametrize("succeeded", [True, False])
def test_other_responses_to_entering_a_queue_are_not_guessed_at(succeeded):
    with pytest.raises(InternalError, match="1 responses to 2 operations") as caught:
        replies.entered(sent.txn(sent.get(), succeeded=succeeded), 0)
    assert caught.value.maybe_applied is succeeded


# --- readers of one key


READERS = {"text": "v", "data": b"v"}


@pytest.mark.parametrize("name", READERS)
def test_the_first_key_is_read_and_a_missing_one_is_none(name):
    read = replies.first(getattr(replies, name))
    assert (read(found(KV), SKIP), read(found(), SKIP)) == (READERS[name], None)


def test_an_empty_value_is_not_a_missing_key():
    read = replies.first(replies.text)
    assert read(found(stored(b"")), SKIP) == ""


@pytest.mark.parametrize(("read", "value"), [(replies.text, b"\xff"), (replies.json, b"{"), (replies.number, b"x")])
def test_a_value_that_cannot_be_read_is_an_error_that_names_its_key(read, value):
    with pytest.raises(ValueError, match="the value of b'k'"):
        read(stored(value), SKIP)


def test_json_and_numbers_are_read():
    assert replies.json(stored(b'{"a": [1]}'), SKIP) == {"a": [1]}
    assert [replies.number(stored(value), SKIP) for value in (b"7", b"7.5")] == [7, 7.5]


@pytest.mark.parametrize(("count", "exists"), [(0, False), (1, True), (5, True)])
def test_a_count_says_whether_a_key_exists(count, exists):
    reply = messages.RangeResponse(count=count)
    assert (replies.count(reply, SKIP), replies.exists(reply, SKIP)) == (count, exists)


# --- readers of a range


@pytest.mark.parametrize("namespace", [b"", b"ns/"])
def test_a_range_is_read_in_the_servers_order(namespace):
    reply, skip = found(stored(b"1", namespace + b"b"), stored(b"2", namespace + b"a")), len(namespace)
    assert replies.keys(reply, skip) == ["b", "a"]
    assert replies.key_bytes(reply, skip) == [b"b", b"a"]
    assert list(replies.texts(reply, skip).items()) == [("b", "1"), ("a", "2")]
    assert list(replies.by_key(reply, skip).items()) == [(b"b", b"1"), (b"a", b"2")]
    assert replies.by_text(replies.number)(reply, skip) == {"b": 1, "a": 2}
    assert [kv.key for kv in replies.kvs(reply, skip)] == [b"b", b"a"]


@pytest.mark.parametrize("read", [replies.keys, replies.texts, replies.by_text(replies.data)])
def test_a_key_that_is_not_text_is_an_error_that_names_it(read):
    with pytest.raises(UnicodeDecodeError, match=r"key b'\\xff'"):
        read(found(stored(b"v", b"ns/\xff")), SKIP)


def test_a_value_of_a_range_that_is_not_text_is_an_error_that_names_its_key():
    with pytest.raises(UnicodeDecodeError, match="the value of b'k'"):
        replies.texts(found(stored(b"fine", b"ns/a"), stored(b"\xff")), SKIP)
