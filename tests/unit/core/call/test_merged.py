"""Which calls are merged, their transaction, and the responses in it."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.call import merged
from etcd_factory.errors import InternalError
from etcd_factory.testing import replies
from etcd_factory.wire.methods import READ_TXN, TXN
from etcd_factory.wire.requests import BUILD, CALLS

READ, PUT, DELETE = ops.get("k").op(), ops.put("k").value("v"), ops.delete().key("k")


def kind(op, merges_writes=True):
    return merged.kind_of(CALLS[op.kind], BUILD[op.kind](op.fields, b""), merges_writes=merges_writes)


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        (READ, merged.READS),
        (ops.get("k").string(), merged.READS),
        (ops.get("k").exists(), merged.READS),
        (ops.get("k").serializable().op(), merged.SERIALIZABLE),
        (ops.get("k").revision(3).op(), None),
        (ops.get_all().prefix("k").count(), None),
        (PUT, merged.PUTS),
        (ops.put("k").lease(7).previous().value("v"), merged.PUTS),
        (ops.put("k").ignore_lease().touch(), merged.PUTS),
        (DELETE, merged.DELETES),
        (ops.delete().prefix("k"), None),
        (ops.txn().then(PUT).op(), None),
    ],
    ids=str,
)
def test_calls_of_one_key_at_the_present_revision_are_merged_with_those_of_their_kind(op, wanted):
    assert kind(op) is wanted


@pytest.mark.parametrize(("op", "wanted"), [(READ, merged.READS), (PUT, None), (DELETE, None)], ids=str)
def test_writes_are_merged_only_where_they_are_to_be(op, wanted):
    assert kind(op, merges_writes=False) is wanted


@pytest.mark.parametrize(
    ("one", "method"),
    [
        (merged.READS, READ_TXN),
        (merged.SERIALIZABLE, READ_TXN),
        (merged.PUTS, TXN),
        (merged.DELETES, TXN),
    ],
    ids=lambda one: one.name,
)
def test_a_transaction_is_repeated_only_if_its_calls_are(one, method):
    assert one.method is method
    assert one.writes is (not method.repeatable)


@pytest.mark.parametrize("op", [READ, PUT, DELETE], ids=str)
def test_a_transaction_has_the_requests_in_order_and_no_comparison(op):
    requests = [BUILD[op.kind]({**op.fields, "key": key}, b"") for key in (b"a", b"b")]
    txn = merged.merged(kind(op), requests)
    assert [getattr(part, kind(op).request) for part in txn.success] == requests
    assert not (txn.compare or txn.failure)


def test_each_request_gets_the_response_to_it():
    found = [replies.get({"a": "1"}), replies.get()]
    assert merged.split(merged.READS, replies.txn(*found), 2) == found


@pytest.mark.parametrize(
    "reply", [replies.txn(), replies.txn(replies.put(), replies.put()), replies.txn(replies.get())]
)
@pytest.mark.parametrize(("one", "in_doubt"), [(merged.READS, False), (merged.DELETES, True)], ids=["reads", "deletes"])
def test_other_responses_are_an_error_that_says_whether_something_may_have_changed(reply, one, in_doubt):
    with pytest.raises(InternalError, match=r"responses to 2 (reads|deletes)") as caught:
        merged.split(one, reply, 2)
    assert caught.value.maybe_applied is in_doubt
