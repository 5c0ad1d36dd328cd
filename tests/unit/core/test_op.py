"""Operations: what messages show of them, and how their responses are read."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.op import Op, Ungranted, message
from etcd_factory.testing import replies


@pytest.mark.parametrize(
    ("op", "label"),
    [
        (ops.put("k").value("hidden"), "put b'k'"),
        (ops.get("k").string(), "get b'k'"),
        (ops.delete().prefix("p"), "delete b'p'"),
        (ops.if_("k", "value", "==", "hidden").then(ops.put("k").value("hidden")).commit(), "txn"),
    ],
    ids=lambda part: part if isinstance(part, str) else part.kind,
)
def test_the_label_and_the_repr_name_the_key_and_never_the_value(op, label):
    assert (op.label, repr(op)) == (label, f"<Op {label}>")


def test_only_reads_of_a_range_come_in_pages():
    reads = ops.get_all().keys(), ops.get_all().count(), ops.get("k").string()
    assert [op.paged for op in reads] == [True, False, False]


def test_a_message_is_read_as_it_is():
    reply = replies.get({"k": "v"})
    assert message(reply, 5) is reply


def test_operations_are_not_equal_by_their_fields():
    """Two equal writes are two writes."""
    one, other = Op("get", {}, message), Op("get", {}, message)
    assert one != other
    assert len({one, other}) == 2


def test_an_ungranted_lease_says_how_it_is_granted():
    async def grant():
        return 1

    assert Ungranted(grant).grant is grant
