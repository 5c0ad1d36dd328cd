"""Instances of Midway; tests/golden has what JSON.stringify writes."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from etcd_factory.registry.formats import Midway
from etcd_factory.registry.instance import ServiceInstance
from tests.support.golden import AT, INSTANCES, golden

FORM = Midway()


def read(**fields):
    value = {"serviceName": "user", "id": "a", **fields}
    return FORM.decode("user", "a", json.dumps(value).encode())


@pytest.mark.parametrize("case", INSTANCES["midway"])
def test_it_is_written_and_read_as_midway_does(case):
    instance = ServiceInstance("user", "a", **INSTANCES["midway"][case], ttl=30)
    _, value = golden("midway")[case]
    assert FORM.encode(instance) == value
    status = "up" if instance.status == "up" else "down"
    found = FORM.decode("user", "a", value)
    assert FORM.encode(found) == value
    assert found == evolve(instance, status=status) or case == "numbers"  # of which JSON has no types


def test_what_midway_leaves_out_has_its_default():
    assert read() == ServiceInstance("user", "a")


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "h", "port": 80}, "h:80"),
        ({"meta": {"host": "h", "port": "80"}}, "h:80"),
        ({"meta": {"host": "x", "port": "1"}, "host": "h", "port": 80}, "h:80"),
    ],
)
def test_the_address_may_stand_in_the_instance_or_in_its_meta(fields, address):
    assert read(**fields).address == address
    assert read(**fields).metadata == {}


@pytest.mark.parametrize("meta", [{"host": "h"}, {"port": "80"}, {"host": "h", "port": "x"}, {"host": 5, "port": None}])
def test_meta_that_is_no_address_is_metadata(meta):
    assert read(meta=meta) == ServiceInstance("user", "a", metadata=meta)


@pytest.mark.parametrize(
    "fields",
    [
        *({"serviceName": "x"}, {"id": "b"}, {"status": "up"}, {"status": None}, {"status": []}),
        *({"meta": []}, {"meta": None}, {"tags": "x"}, {"ttl": "5"}, {"ttl": -1}),
    ],
    ids=str,
)
def test_what_is_not_of_midway_is_refused(fields):
    with pytest.raises((ValueError, TypeError)):
        read(**fields)


def test_an_instance_without_an_address_can_be_registered():
    assert json.loads(FORM.encode(ServiceInstance("user", "a")))["meta"] == {}
    assert json.loads(FORM.encode(ServiceInstance("user", "a", host=AT["host"])))["meta"] == {"host": "10.0.0.1"}
