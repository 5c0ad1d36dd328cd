"""What all builders share."""

from etcd_factory import ops
from etcd_factory.core.kv.builder import Builder


def test_a_change_makes_a_new_builder_of_the_same_class():
    put = ops.put("k")
    leased = put.lease(7)
    assert isinstance(put, Builder)
    assert (type(leased), leased is put) == (type(put), False)
    assert "lease" not in put.value("v").fields


def test_it_shows_what_it_is_about():
    assert [repr(one) for one in (ops.put("k"), ops.get_all().prefix("p"), ops.put("k").if_revision(3))] == [
        "<Put 'k' of ops>",
        "<GetAll prefix b'p' of ops>",
        "<ConditionalPut 'k' of ops>",
    ]
