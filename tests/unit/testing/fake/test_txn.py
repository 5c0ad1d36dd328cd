"""Transactions; the property tests of ``tests/conformance/test_fake_model.py`` compare them with etcd's."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.leases import Leases
from etcd_factory.testing.fake.store import Store
from etcd_factory.testing.fake.txn import MOST, Applier, check_overlaps, check_put, check_txn
from etcd_factory.wire import messages as m


def put(key, **fields):
    return {"request_put": {"key": key, **fields}}


def delete(key, end=b""):
    return {"request_delete_range": {"key": key, "range_end": end}}


def read(key):
    return {"request_range": {"key": key}}


def inner(*success, failure=()):
    return {"request_txn": {"success": success, "failure": failure}}


def refusal(operations):
    """Return why a list of operations is refused, None if it is not."""
    try:
        check_overlaps(m.TxnRequest(success=operations).success)
    except errors.EtcdError as error:
        return type(error)
    return None


OVERLAPS = {
    "twice": [put(b"k"), put(b"k")],
    "deleted too": [put(b"k"), delete(b"a", b"z")],
    "in an inner one too": [put(b"k"), inner(put(b"k"))],
    "in two inner ones": [inner(put(b"k")), inner(put(b"k"))],
    "deleted in an inner one": [put(b"k"), inner(delete(b"k"))],
}
FINE = {
    "two keys": [put(b"k"), put(b"l")],
    "two branches": [inner(put(b"k"), failure=[put(b"k")])],
    "beside a range": [put(b"k"), delete(b"a", b"k")],
    "deleted twice": [delete(b"k"), delete(b"a", b"z")],
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_a_key_that_is_written_twice_is_refused(name):
    assert refusal(OVERLAPS[name]) is errors.DuplicateKeyError


@pytest.mark.parametrize("name", FINE)
def test_what_does_not_overlap_is_not_refused(name):
    assert refusal(FINE[name]) is None


def test_inner_transactions_share_the_number_of_operations():
    check_txn(m.TxnRequest(success=[read(b"k")] * MOST))
    check_txn(m.TxnRequest(success=[inner(*[read(b"k")] * (MOST - 1))]))
    for operations in ([read(b"k")] * (MOST + 1), [inner(*[read(b"k")] * MOST)]):
        with pytest.raises(errors.RequestTooLargeError):
            check_txn(m.TxnRequest(success=operations))


@pytest.mark.parametrize("request_", [{"success": [{}]}, {"compare": [{}]}, {"failure": [put(b"")]}])
def test_an_operation_without_a_request_or_a_key_is_refused(request_):
    with pytest.raises(errors.EtcdError):
        check_txn(m.TxnRequest(**request_))


@pytest.mark.parametrize(
    "fields", [{}, {"key": b"k", "ignore_value": True, "value": b"v"}, {"key": b"k", "ignore_lease": True, "lease": 1}]
)
def test_an_invalid_put_is_refused(fields):
    with pytest.raises(errors.EtcdError):
        check_put(m.PutRequest(**fields))


# --- applying


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def run(store):
    """Applies a transaction."""
    leases = Leases(lambda: 0.0)

    def apply(compare=(), success=(), failure=()):
        writer = store.write()
        reply = Applier(writer, leases).run(m.TxnRequest(compare=compare, success=success, failure=failure))
        writer.commit()
        return reply

    return apply


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        ({"target": "VERSION", "version": 1}, True),
        ({"target": "VALUE", "value": b"v"}, True),
        ({"target": "VALUE", "value": b"w", "result": "LESS"}, True),
        ({"target": "MOD", "mod_revision": 1, "result": "GREATER"}, True),
        ({"target": "CREATE", "create_revision": 2, "result": "NOT_EQUAL"}, False),
        ({"target": "LEASE", "lease": 0}, True),
        ({"target": "VERSION", "version": 1, "range_end": b"z"}, True),
        ({"target": "VERSION", "version": 0, "key": b"none"}, True),
        ({"target": "VALUE", "value": b"", "key": b"none"}, False),  # a missing key has no value, not even an empty one
    ],
)
def test_a_comparison_decides_the_branch(store, run, compare, holds):
    run(success=[put(b"k", value=b"v")])
    reply = run([{"key": b"k", **compare}], [put(b"yes")], [put(b"no")])
    assert reply.succeeded is holds
    assert (store.get(b"yes") is not None) is holds


def test_inner_comparisons_are_made_before_anything_is_applied(run):
    missing = {"key": b"k", "target": "VERSION", "version": 0}
    reply = run(success=[put(b"k"), {"request_txn": {"compare": [missing], "success": [read(b"k")]}}])
    assert reply.responses[1].response_txn.succeeded
    assert reply.responses[1].response_txn.responses[0].response_range.count == 1


def test_a_refused_transaction_changes_nothing(store, run):
    for wrong in (put(b"l", lease=5), put(b"none", ignore_value=True), {"request_range": {"key": b"k", "revision": 9}}):
        with pytest.raises(errors.EtcdError):
            run(success=[put(b"k"), wrong])
    assert store.revision == 1
    assert store.get(b"k") is None


def test_results_have_the_revision_at_which_they_were_made(run):
    reply = run(success=[read(b"k"), put(b"k"), read(b"k"), delete(b"x")])
    read_first, written, read_after, deleted = reply.responses
    revisions = [
        read_first.response_range.header.revision,
        written.response_put.header.revision,
        read_after.response_range.header.revision,
        deleted.response_delete_range.header.revision,
        reply.header.revision,
    ]
    assert revisions == [1, 2, 2, 2, 2]
