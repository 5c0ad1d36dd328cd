"""Instances of kratos; tests/golden has what Go writes."""

from __future__ import annotations

import json

import pytest

from etcd_factory.registry.formats import Kratos
from etcd_factory.registry.instance import ServiceInstance
from tests.support.golden import AT, INSTANCES, golden

FORM = Kratos()
GRPC, HTTP = "grpc://10.0.0.1:9000?isSecure=false", "http://10.0.0.2:8000?isSecure=false"


def read(form=FORM, **fields):
    value = {"id": "a", "name": "user", "version": "", "metadata": None, "endpoints": [GRPC], **fields}
    return form.decode("user", "a", json.dumps(value).encode())


@pytest.mark.parametrize("case", INSTANCES["kratos"])
def test_it_is_written_and_read_as_go_does(case):
    instance = ServiceInstance("user", "a", **INSTANCES["kratos"][case])
    _, value = golden("kratos")[case]
    assert FORM.encode(instance) == value
    assert FORM.decode("user", "a", value) == instance


@pytest.mark.parametrize(
    ("scheme", "endpoints", "address"),
    [
        ("grpc", [HTTP, GRPC], "10.0.0.1:9000"),
        ("http", [GRPC, HTTP], "10.0.0.2:8000"),
        ("grpc", [HTTP], "10.0.0.2:8000"),
        ("grpc", [HTTP, "grpcs://10.0.0.3:9000"], "10.0.0.3:9000"),
        ("grpc", ["grpc://[::1]:9000?isSecure=false"], "[::1]:9000"),
        ("grpc", ["grpc://Host:9000"], "Host:9000"),
    ],
)
def test_the_address_is_that_of_the_endpoint_with_the_scheme(scheme, endpoints, address):
    assert read(Kratos(scheme=scheme), endpoints=endpoints).address == address


def test_a_scheme_is_written_too():
    assert b'["http://10.0.0.1:8080?isSecure=false"]' in Kratos(scheme="http").encode(
        ServiceInstance("user", "a", **AT)
    )


@pytest.mark.parametrize(("weight", "expected"), [("20", 20), ("0", 0), ("x", 1), ("-1", 1), ("", 1), ("9" * 400, 1)])
def test_the_weight_is_in_the_metadata(weight, expected):
    assert read(metadata={"weight": weight}).weight == expected


@pytest.mark.parametrize(
    "fields",
    [
        *({"name": "user2"}, {"endpoints": []}, {"endpoints": None}, {"endpoints": ["x"]}, {"endpoints": [5]}),
        *({"metadata": {"n": 5}}, {"version": 5}, {"endpoints": ["grpc://[x:80"]}),
    ],
    ids=str,
)
def test_what_kratos_could_not_use_is_refused(fields):
    with pytest.raises(ValueError, match=r"."):
        read(**fields)


@pytest.mark.parametrize(
    "metadata", [{"n": 5}, {"version": 1}, {"endpoints": "x"}, {"endpoints": [5]}, {5: "x"}], ids=str
)
def test_metadata_that_would_end_the_list_of_kratos_is_refused(metadata):
    with pytest.raises(ValueError, match=r"texts"):
        FORM.encode(ServiceInstance("user", "a", **AT, metadata=metadata))


@pytest.mark.parametrize("status", ["paused", "down"])
def test_it_has_no_status(status):
    assert FORM.encode(ServiceInstance("user", "a", **AT, status=status)) is None
