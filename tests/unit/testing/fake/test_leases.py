"""Leases on a clock that stands."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.leases import LEAST, MOST, Leases


@pytest.fixture
def leases(time):
    return Leases(lambda: time.now)


def test_a_lease_has_the_chosen_id_or_one_of_its_own(leases):
    assert leases.grant(5, 10).id == 5
    assert leases.grant(0, 10).id not in (0, 5)
    with pytest.raises(errors.LeaseExistsError):
        leases.grant(5, 10)


def test_a_ttl_has_a_least_and_a_most(leases):
    assert leases.grant(0, 1).ttl == LEAST
    with pytest.raises(errors.EtcdError) as caught:
        leases.grant(0, MOST + 1)
    assert caught.value.code == "OUT_OF_RANGE"


def test_leases_expire_in_order_unless_they_are_renewed(leases, time):
    for lease, ttl in ((1, 30), (2, 20), (3, 10)):
        leases.grant(lease, ttl)
    assert (leases.ids(), leases.next()) == ([3, 2, 1], 10)
    time.now = 9.5
    assert (leases.left(leases.get(3)), leases.renew(3)) == (0, 10)
    time.now = 20
    assert leases.expired() == [3, 2]
    leases.renew_all()
    assert leases.expired() == []


def test_renewing_a_lease_that_is_gone_returns_zero(leases):
    assert leases.renew(1) == 0


def test_a_lease_has_the_keys_that_belong_to_it_last(leases):
    leases.grant(1, 10)
    leases.grant(2, 10)
    for key, old, new in ((b"b", 0, 1), (b"a", 0, 1), (b"c", 0, 1), (b"c", 1, 2), (b"x", 2, 0)):
        leases.move(key, old, new)
    assert (leases.remove(1), leases.remove(2)) == ([b"a", b"b"], [b"c"])
    with pytest.raises(errors.LeaseNotFoundError):
        leases.remove(1)
