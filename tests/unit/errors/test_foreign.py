"""Names that other clients have: the advice names calls that exist."""

from __future__ import annotations

import pytest

from etcd_factory import AsyncETCDService, ETCDService, ops
from etcd_factory.errors import EtcdFactoryError
from etcd_factory.errors.foreign import CALLS
from etcd_factory.testing import FakeEtcd

VALUES = {"ops": ops, "f": print}


@pytest.mark.parametrize("cls", [ETCDService, AsyncETCDService])
@pytest.mark.parametrize("name", ["get_prefix", "watch_prefix", "transactions", "put_if_not_exists", "snapshot"])
def test_a_name_of_another_client_says_what_to_write(cls, name):
    with pytest.raises(AttributeError, match=f"^'{cls.__name__}' object has no attribute '{name}'; write ") as caught:
        getattr(cls(), name)
    assert str(caught.value).endswith(CALLS[name])


def test_any_other_name_is_pythons_own_error():
    with pytest.raises(AttributeError, match=r"^'ETCDService' object has no attribute 'nothing'$"):
        _ = ETCDService().nothing


@pytest.mark.parametrize("name", CALLS)
def test_no_client_has_such_a_name_itself(name):
    assert not hasattr(ETCDService, name)


@pytest.mark.parametrize("advice", sorted(set(CALLS.values())))
def test_what_it_says_can_be_written(advice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, then = advice.partition(", then ")
    with FakeEtcd() as fake, ETCDService(transport=fake.transport()) as etcd:
        try:
            made = eval(f"etcd.{code}", {"etcd": etcd, **VALUES})
        except EtcdFactoryError:  # of a lease or member that does not exist
            return
        assert hasattr(made, then.partition("(")[0] or "__class__")
