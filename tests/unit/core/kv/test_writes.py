"""Writes of single keys that depend on the revision at which the key was changed last."""

import pytest

from etcd_factory import CasResponse, KeyValue, errors, ops
from etcd_factory.testing import replies
from tests.support.faces import failure, settle

BLUE = KeyValue(b"k", b"blue", 2, 5, 3)

WRITES = {
    "put": lambda etcd: etcd.put("k").if_revision(4).value("v"),
    "json": lambda etcd: etcd.put("k").if_revision(4).json([1]),
    "touch": lambda etcd: etcd.put("k").if_revision(4).touch(),
    "absent": lambda etcd: etcd.put("k").if_absent().value(7),
    "delete": lambda etcd: etcd.delete().if_revision(4).key("k"),
}
PUTS = {"put": {"value": b"v"}, "json": {"value": b"[1]"}, "touch": {"ignore_value": True}, "absent": {"value": b"7"}}


@pytest.mark.parametrize("what", WRITES)
def test_it_is_one_transaction_that_reads_the_key_if_it_was_changed(what):
    fields = WRITES[what](ops).fields
    (compare,) = fields["compare"]
    wanted = 0 if what == "absent" else 4
    assert compare == {"key": b"k", "target": "MOD", "result": "EQUAL", "mod_revision": wanted}
    assert [(op.kind, dict(op.fields)) for op in fields["failure"]] == [("get", {"key": b"k"})]
    kind = "delete" if what == "delete" else "put"
    assert [(op.kind, op.fields["key"]) for op in fields["success"]] == [(kind, b"k")]


@pytest.mark.parametrize("what", PUTS)
def test_it_writes_what_a_plain_put_would(what):
    (write,) = WRITES[what](ops).fields["success"]
    assert write.fields == {"key": b"k", **PUTS[what]}


@pytest.mark.parametrize("build", [lambda put: put.lease(7).if_absent(), lambda put: put.if_absent().lease(7)])
def test_a_lease_is_given_before_or_after_the_condition(build):
    (write,) = build(ops.put("k")).value("v").fields["success"]
    assert write.fields["lease"] == 7


def test_it_keeps_the_lease_on_request():
    (write,) = ops.put("k").if_revision(3).ignore_lease().value("v").fields["success"]
    assert write.fields["ignore_lease"]


@pytest.mark.parametrize("what", WRITES)
async def test_what_succeeded_says_at_which_revision(connect, what):
    result = replies.delete() if what == "delete" else replies.put()
    client, transport = connect([replies.txn(result, revision=9)])
    assert await settle(WRITES[what](client)) == CasResponse(True, 9)
    assert [call.method for call in transport.calls] == ["Txn"]


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("current", [BLUE, None])
async def test_what_did_not_has_what_was_found(connect, what, current):
    found = replies.get(*filter(None, [current]))
    client, _ = connect([replies.txn(found, succeeded=False, revision=9)])
    assert await settle(WRITES[what](client)) == CasResponse(False, 9, current)


async def test_what_was_found_has_no_namespace(connect):
    found = replies.get(KeyValue(b"app/k", b"blue", 2, 5, 3))
    client, transport = connect([replies.txn(found, succeeded=False, revision=9)], namespace="app/")
    assert (await settle(WRITES["put"](client))).current == BLUE
    request = transport.calls[0].request
    assert {request.compare[0].key, request.success[0].request_put.key, request.failure[0].request_range.key} == {
        b"app/k"
    }


@pytest.mark.parametrize("what", WRITES)
async def test_a_lost_response_leaves_a_write_in_doubt(connect, what):
    client, transport = connect([replies.lost()])
    error = await failure(lambda: WRITES[what](client), errors.ConnectionFailedError)
    assert error.maybe_applied
    assert error.operation == ("delete b'k'" if what == "delete" else "put b'k'")
    assert len(transport.calls) == 1


async def test_it_may_be_a_part_of_a_transaction(connect):
    inner = replies.txn(replies.get(BLUE), succeeded=False, revision=0)
    client, _ = connect([replies.txn(inner, revision=9)])
    done = await settle(client.txn().then(ops.put("k").if_revision(4).value("v")).commit())
    assert done.results == (CasResponse(False, 9, BLUE),)


MISTAKES = {
    "a negative revision": (lambda: ops.put("k").if_revision(-1), ValueError, "a revision must not be negative"),
    "no number": (lambda: ops.put("k").if_revision("3"), TypeError, "a revision must be an int"),
    "no number to delete": (lambda: ops.delete().if_revision(None), TypeError, "a revision must be an int"),
    "previous of a put": (lambda: ops.put("k").previous().if_absent(), TypeError, "without previous"),
    "previous of a delete": (lambda: ops.delete().previous().if_revision(3), TypeError, "without previous"),
    "a key of no kind": (lambda: ops.delete().if_revision(3).key(4), TypeError, "a key must be str or bytes"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_an_error_at_once(what):
    call, kind, text = MISTAKES[what]
    with pytest.raises(kind, match=text):
        call()
