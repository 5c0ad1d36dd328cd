from __future__ import annotations

from pathlib import Path

import pytest

from etcd_factory.options.numbers import Resolved
from etcd_factory.options.services import ConfigCenterOptions, ServiceDiscovery
from etcd_factory.options.structure import structure
from etcd_factory.registry.formats import Kratos

FORMAT = Kratos(scheme="http")


def choose(instances, key):
    return instances[0]


def test_the_defaults_are_the_documented_ones():
    discovery, center = ServiceDiscovery(), ConfigCenterOptions()
    assert (discovery.client, discovery.namespace, discovery.ttl) == (None, None, None)
    assert (discovery.format, discovery.read) == ("etcd_factory", ())
    assert (discovery.load_balancer, discovery.service_options) == ("round_robin", {})
    assert (center.client, center.prefix, center.fallback) == (None, "config/", None)


@pytest.mark.parametrize(
    ("cls", "given", "name", "value"),
    [
        (ServiceDiscovery, {"loadBalancer": "random"}, "load_balancer", "random"),
        (ServiceDiscovery, {"load_balancer": choose}, "load_balancer", choose),
        (ServiceDiscovery, {"serviceOptions": {"port": 80}}, "service_options", {"port": 80}),
        (ServiceDiscovery, {"client": "a"}, "client", "a"),
        (ServiceDiscovery, {"format": "kratos"}, "format", "kratos"),
        (ServiceDiscovery, {"format": FORMAT}, "format", FORMAT),
        (ServiceDiscovery, {"read": ["naming", FORMAT]}, "read", ("naming", FORMAT)),
        (ServiceDiscovery, {"read": "naming"}, "read", ("naming",)),
        (ServiceDiscovery, {"read": Resolved("naming, kitex")}, "read", ("naming", "kitex")),
        (ServiceDiscovery, {"ttl": "15s"}, "ttl", 15),
        (ConfigCenterOptions, {"fallback": "last.json"}, "fallback", "last.json"),
        (ConfigCenterOptions, {"resolve": True}, "resolve", True),
        (ConfigCenterOptions, {"resolve": Resolved("yes")}, "resolve", True),
        (ConfigCenterOptions, {"fallback": Path("last.json")}, "fallback", "last.json"),
    ],
)
def test_each_option_is_accepted(cls, given, name, value):
    assert getattr(structure(cls, given), name) == value


@pytest.mark.parametrize(
    ("cls", "given", "fault"),
    [
        (ServiceDiscovery, {"ttl": 0}, "ttl: expected a whole number above 0, got 0"),
        (ServiceDiscovery, {"ttl": 1.5}, "ttl: expected a whole number, got float"),
        (ServiceDiscovery, {"namespace": ""}, "namespace: expected text, got an empty string"),
        (
            ServiceDiscovery,
            {"load_balancer": "rondom"},
            "load_balancer: expected one of round_robin, random, weighted, ",
        ),
        (
            ServiceDiscovery,
            {"serviceDiscoveryClient": "a"},
            "serviceDiscoveryClient: unknown option; write client: ...",
        ),
        (ServiceDiscovery, {"selfRegister": True}, "selfRegister: unknown option; call factory.registry().register()"),
        (ServiceDiscovery, {"format": "kratoss"}, "format: expected one of etcd_factory, naming, kratos, "),
        (ServiceDiscovery, {"format": 5}, "format: expected the name of a format, or a Format, got int"),
        (ServiceDiscovery, {"read": ["naming", "x"]}, "read: expected one of etcd_factory, naming, kratos, "),
        (ServiceDiscovery, {"service_options": 5}, "service_options: expected a mapping, got int"),
        (
            ServiceDiscovery,
            {"service_options": {"hst": "a"}},
            "service_options.hst: unknown option; did you mean 'host'?",
        ),
        (ConfigCenterOptions, {"fallback": 5}, "fallback: expected text, got int"),
        (ConfigCenterOptions, {"fallback": "a\0b"}, "fallback: expected a path, got text with a NUL character"),
        (ConfigCenterOptions, {"resolve": 1}, "resolve: expected true or false, got int"),
        (ConfigCenterOptions, {"prefx": "a"}, "prefx: unknown option; did you mean 'prefix'?"),
    ],
)
def test_an_invalid_option_is_a_fault(faults, cls, given, fault):
    (found,) = faults(structure, cls, given)
    assert found.startswith(fault)


def test_every_unknown_service_option_is_reported(faults):
    given = {"service_options": {"hst": 1, "port": 80, "prt": 2}}
    assert [fault.partition(": ")[0] for fault in faults(structure, ServiceDiscovery, given)] == [
        "service_options.hst",
        "service_options.prt",
    ]
