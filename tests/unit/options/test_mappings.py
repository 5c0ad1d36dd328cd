from __future__ import annotations

import typing

import attrs
import pytest

from etcd_factory import TLS, Auth, ClientOptions, FactoryOptions, Keepalive, Retry
from etcd_factory.options import mappings
from etcd_factory.options.factory import FactoryOptionsDict
from etcd_factory.options.names import canonical
from etcd_factory.options.services import BALANCERS, FORMATS, SERVICE_OPTIONS, ConfigCenterOptions, ServiceDiscovery
from etcd_factory.registry import balancers
from etcd_factory.registry.formats import table

PAIRS = [
    (Auth, mappings.AuthDict),
    (TLS, mappings.TLSDict),
    (Retry, mappings.RetryDict),
    (Keepalive, mappings.KeepaliveDict),
    (ClientOptions, mappings.ClientOptionsDict),
    (ServiceDiscovery, mappings.ServiceDiscoveryDict),
    (ConfigCenterOptions, mappings.ConfigCenterDict),
    (FactoryOptions, FactoryOptionsDict),
]


def names(cls):
    return {field.name for field in attrs.fields(cls)}


@pytest.mark.parametrize(("cls", "mapping"), PAIRS)
def test_a_mapping_type_has_the_options_of_its_class_and_no_others(cls, mapping):
    assert {canonical(key) for key in mapping.__annotations__} == names(cls)


@pytest.mark.parametrize(("cls", "mapping"), PAIRS)
def test_a_mapping_type_has_each_option_in_both_spellings(cls, mapping):
    camel = {
        name: "".join(part.title() if i else part for i, part in enumerate(name.split("_"))) for name in names(cls)
    }
    assert names(cls) | {*camel.values()} <= {*mapping.__annotations__}


@pytest.mark.parametrize(("cls", "mapping"), PAIRS)
def test_the_types_of_an_option_can_be_resolved_at_run_time(cls, mapping):
    assert typing.get_type_hints(cls.__init__).keys() == names(cls) | {"return"}
    assert typing.get_type_hints(mapping).keys() == mapping.__annotations__.keys()


def test_the_names_of_service_options_balancers_and_formats_are_those_of_the_registry():
    assert (*mappings.ServiceOptionsDict.__annotations__,) == SERVICE_OPTIONS
    assert set(BALANCERS) == set(balancers.BALANCERS)
    assert set(FORMATS) == set(table.FORMATS)
