"""Endpoints of etcd's Go client; tests/golden has what Go writes."""

from __future__ import annotations

import pytest

from etcd_factory.registry.formats import Naming
from etcd_factory.registry.instance import ServiceInstance
from tests.support.golden import INSTANCES, golden

FORM = Naming()


@pytest.mark.parametrize("case", INSTANCES["naming"])
def test_it_is_written_and_read_as_go_does(case):
    instance = ServiceInstance("user", "a", **INSTANCES["naming"][case])
    _, value = golden("naming")[case]
    assert FORM.encode(instance) == value
    found = FORM.decode("user", "a", value)
    assert FORM.encode(found) == value
    assert found == instance or case == "numbers"  # of which JSON has no types


@pytest.mark.parametrize(
    "value",
    ['{"addr":"10.0.0.1:80"}', '{"Op":1,"Addr":"10.0.0.1:80"}', '{"Addr":"10.0.0.1:80","Metadata":null,"New":[]}'],
)
def test_it_reads_what_go_reads(value):
    """Go ignores the case of names, and the stored operation."""
    assert FORM.decode("user", "a", value.encode()) == ServiceInstance("user", "a", "10.0.0.1", 80)


@pytest.mark.parametrize("value", ["{}", '{"Addr":""}', '{"Addr":5}', '{"Addr":"unix:///x"}', "[]", "10.0.0.1:80"])
def test_what_is_no_endpoint_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        FORM.decode("user", "a", value.encode())


@pytest.mark.parametrize("status", ["paused", "down"])
def test_it_has_no_status(status):
    assert FORM.encode(ServiceInstance("user", "a", "10.0.0.1", 80, status=status)) is None
