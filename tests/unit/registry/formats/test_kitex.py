"""Instances of Kitex; tests/golden has what Go writes."""

from __future__ import annotations

import json

import pytest

from etcd_factory.registry.formats import Kitex
from etcd_factory.registry.instance import ServiceInstance
from tests.support.golden import AT, INSTANCES, golden

FORM = Kitex()


def read(**fields):
    value = {"network": "tcp", "address": "10.0.0.1:80", "weight": 5, "tags": None, **fields}
    return FORM.decode("user", "x", json.dumps(value).encode())


@pytest.mark.parametrize("case", INSTANCES["kitex"])
def test_it_is_written_and_read_as_go_does(case):
    instance = ServiceInstance("user", "a", **INSTANCES["kitex"][case])
    key, value = golden("kitex")[case]
    assert f"{FORM.namespace}/user/{FORM.id_of(instance)}" == key
    assert FORM.encode(instance) == value
    assert FORM.decode("user", "a", value) == instance


@pytest.mark.parametrize(("weight", "expected"), [(5, 5), (1, 1), (0, 10), (-3, 10), (None, 10)])
def test_a_weight_of_0_or_less_means_10(weight, expected):
    assert read(weight=weight).weight == expected


@pytest.mark.parametrize("weight", [0, 0.5, 1.5])
def test_a_weight_that_kitex_would_read_as_another_one_is_refused(weight):
    with pytest.raises(ValueError, match="Kitex reads a weight of 0 as 10, and no fractions"):
        FORM.encode(ServiceInstance("user", "a", **AT, weight=weight))


def test_a_whole_weight_may_be_a_float():
    assert b'"weight":3,' in FORM.encode(ServiceInstance("user", "a", **AT, weight=3.0))


def test_metadata_must_be_texts():
    with pytest.raises(ValueError, match="the metadata of user must be texts only, which 'n' is not"):
        FORM.encode(ServiceInstance("user", "a", **AT, metadata={"n": 1}))


def test_an_ipv6_address_without_brackets_is_read():
    assert read(address="::1:80").address == "[::1]:80"


@pytest.mark.parametrize(
    "fields", [{"address": ""}, {"address": "/run/x.sock"}, {"weight": 1.5}, {"tags": {"a": 1}}], ids=str
)
def test_what_kitex_could_not_use_is_refused(fields):
    with pytest.raises(ValueError, match=r"."):
        read(**fields)


@pytest.mark.parametrize("status", ["paused", "down"])
def test_it_has_no_status(status):
    assert FORM.encode(ServiceInstance("user", "a", **AT, status=status)) is None
