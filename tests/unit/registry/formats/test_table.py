"""Formats by their names."""

from __future__ import annotations

import pytest

from etcd_factory.registry import formats
from etcd_factory.registry.formats import Format, Kratos, format_of
from etcd_factory.registry.formats.table import FORMATS
from tests.support.golden import TTLS

NAMESPACES = {
    "etcd_factory": "services",
    "naming": "",
    "kratos": "/microservices",
    "go_zero": "",
    "kitex": "kitex/registry-etcd",
    "midway": "services",
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_has_the_namespace_and_the_ttl_of_its_system(name):
    found = format_of(name)
    assert isinstance(found, Format)
    assert (found.namespace, found.ttl) == (NAMESPACES[name], TTLS[name])
    assert type(found).__name__ in formats.__all__


def test_a_format_is_taken_as_it_is():
    own = Kratos(scheme="http")
    assert format_of(own) is own


def test_an_unknown_name_is_a_value_error():
    with pytest.raises(ValueError, match=r"format: expected one of etcd_factory, naming, .*did you mean 'kratos'"):
        format_of("krato")


@pytest.mark.parametrize("given", [None, 5, Kratos, object()])
def test_anything_else_is_a_type_error(given):
    with pytest.raises(TypeError, match=r"a format must be one of etcd_factory, .*, or an instance of Format, not "):
        format_of(given)
