"""What a reload did."""

from __future__ import annotations

import pickle

import pytest

from etcd_factory import Reloaded


@pytest.mark.parametrize("field", ["added", "changed", "removed"])
def test_it_is_true_if_any_client_is_different(field):
    assert Reloaded(**{field: ("a",)})
    assert not Reloaded()


def test_it_is_a_value():
    one = Reloaded(("a",), ("b",), ("c",))
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == "Reloaded(added=('a',), changed=('b',), removed=('c',))"
