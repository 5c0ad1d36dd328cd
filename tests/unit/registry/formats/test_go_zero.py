"""Addresses of go-zero."""

from __future__ import annotations

import pytest

from etcd_factory.registry.formats import GoZero
from etcd_factory.registry.instance import ServiceInstance
from tests.support.golden import INSTANCES, golden

FORM = GoZero()


@pytest.mark.parametrize("case", INSTANCES["go_zero"])
def test_it_is_written_and_read_as_go_does(case):
    instance = ServiceInstance("user", "7", **INSTANCES["go_zero"][case])
    _, value = golden("go_zero")[case]
    assert FORM.encode(instance) == value
    assert FORM.decode("user", "7", value) == instance


def test_without_an_id_it_is_that_of_the_lease():
    assert FORM.id_of(ServiceInstance("user", "")) == ""
    assert FORM.id_of(ServiceInstance("user", "7")) == "7"


@pytest.mark.parametrize("value", [b"", b"{}", b'"10.0.0.1:80"', b"10.0.0.1", b"\xff:80"])
def test_what_is_no_address_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        FORM.decode("user", "7", value)


@pytest.mark.parametrize("status", ["paused", "down"])
def test_it_has_no_status(status):
    assert FORM.encode(ServiceInstance("user", "a", "10.0.0.1", 80, status=status)) is None
