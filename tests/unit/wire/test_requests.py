"""From operations to etcd's messages, with the namespace before every key."""

import pytest

from etcd_factory import ops
from etcd_factory.wire import messages, methods
from etcd_factory.wire.requests import BUILD, CALLS, ranged, request_op

NAMESPACE = b"ns/"


def build(op, namespace=NAMESPACE):
    return BUILD[op.kind](op.fields, namespace)


@pytest.mark.parametrize(
    ("op", "keys"),
    [
        (ops.get("k").op(), (b"ns/k", b"")),
        (ops.get_all().op(), (b"ns/", b"ns0")),
        (ops.get_all().prefix("p").op(), (b"ns/p", b"ns/q")),
        (ops.get_all().range("a", "\0").op(), (b"ns/a", b"ns0")),
        (ops.delete().key("k"), (b"ns/k", b"")),
        (ops.delete().all(), (b"ns/", b"ns0")),
    ],
)
def test_a_range_is_moved_into_the_namespace(op, keys):
    request = build(op)
    assert (request.key, request.range_end) == keys


@pytest.mark.parametrize(
    ("op", "keys"),
    [
        (ops.get("k").op(), (b"k", b"")),
        (ops.get_all().op(), (b"\0", b"\0")),  # etcd takes an empty key for a missing one
        (ops.get_all().range("", "c").op(), (b"\0", b"c")),
    ],
)
def test_without_a_namespace_a_range_begins_at_the_lowest_key(op, keys):
    request = build(op, b"")
    assert (request.key, request.range_end) == keys


def test_fields_that_need_no_change_are_not_copied():
    fields = {"key": b"k"}
    assert ranged(fields, b"") is fields
    assert ranged(fields, NAMESPACE) == {"key": b"ns/k", "range_end": b""}
    assert fields == {"key": b"k"}


@pytest.mark.parametrize("namespace", [b"", NAMESPACE])
def test_a_put_has_its_key_in_the_namespace(namespace):
    request = build(ops.put("k").lease(7).previous().value("v"), namespace)
    assert request == messages.PutRequest(key=namespace + b"k", value=b"v", lease=7, prev_kv=True)


def test_the_parts_of_a_transaction_are_in_the_namespace_nested_ones_too():
    inner = ops.if_("i", "version", "==", 0, prefix=True).then(ops.delete().prefix("d"))
    request = build(ops.if_("k", "value", "==", "v").then(ops.put("p").value("v"), inner).else_(ops.get("g")).commit())
    assert request.compare[0].key == b"ns/k"
    assert request.success[0].request_put.key == b"ns/p"
    nested = request.success[1].request_txn
    assert (nested.compare[0].key, nested.compare[0].range_end) == (b"ns/i", b"ns/j")
    assert nested.success[0].request_delete_range.range_end == b"ns/e"
    assert request.failure[0].request_range.key == b"ns/g"


def test_an_operation_is_a_part_of_the_kind_of_its_request():
    kinds = {
        "request_range": ops.get("k").op(),
        "request_put": ops.put("k").value("v"),
        "request_delete_range": ops.delete().key("k"),
        "request_txn": ops.txn().commit(),
    }
    assert [request_op(op, b"").WhichOneof("request") for op in kinds.values()] == [*kinds]


def test_every_kind_has_a_call_whose_request_it_builds():
    assert [*CALLS] == [*BUILD]
    assert CALLS["reads"] is methods.READ_TXN
    for kind, op in {"get": ops.get("k").op(), "put": ops.put("k").value(""), "txn": ops.txn().commit()}.items():
        assert isinstance(BUILD[kind](op.fields, b""), CALLS[kind].types[0])


@pytest.mark.parametrize("namespace", [b"", NAMESPACE])
def test_an_entry_of_a_queue_is_created_by_the_transaction_of_gos_client(namespace):
    first = ops.get_all().prefix("q/").sort("create", "ascend").limit(1)
    create = ops.if_("q/ff", "create", "==", 0).then(ops.put("q/ff").lease(255).value("v"), first)
    fields = {"queue": b"q/", "key": b"q/ff", "value": b"v", "lease": 255}
    assert BUILD["enter"](fields, namespace) == build(create.else_(ops.get("q/ff"), first).commit(), namespace)


def test_entries_of_one_queue_do_not_share_a_request():
    fields = {"queue": b"q/", "value": b"v"}
    one, other = (BUILD["enter"]({**fields, "key": b"q/%x" % lease, "lease": lease}, b"") for lease in (1, 2))
    keys = [[made.compare[0].key, made.success[0].request_put.key] for made in (one, other)]
    assert keys == [[b"q/1", b"q/1"], [b"q/2", b"q/2"]]
    assert [made.success[0].request_put.lease for made in (one, other)] == [1, 2]


@pytest.mark.parametrize(
    ("column", "value", "owned"),
    [("create", 5, ("create_revision", 5)), ("lease", 255, ("lease", 255))],
)
def test_an_entry_of_a_queue_is_deleted_if_it_is_still_its_owners(column, value, owned):
    delete = ops.if_("q/ff", column, "==", value).then(ops.delete().key("q/ff"))
    assert BUILD["leave"]({"key": b"q/ff", "owned": owned}, NAMESPACE) == build(delete.commit())


def test_a_wrong_value_of_a_field_is_an_error_of_protobuf():
    """What users pass is checked before."""
    with pytest.raises((TypeError, ValueError)):
        BUILD["put"]({"key": "text", "value": 1.5}, b"")
