"""Host and port as one text."""

from __future__ import annotations

import pytest

from etcd_factory.registry.formats.addresses import address_of, split
from etcd_factory.registry.instance import ServiceInstance

ADDRESSES = {
    "10.0.0.1:80": ("10.0.0.1", 80),
    "user.local:65535": ("user.local", 65535),
    "[::1]:80": ("::1", 80),
    "[fe80::1%eth0]:80": ("fe80::1%eth0", 80),
    "h:0": ("h", 0),
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_split_and_joined(address):
    host, port = split(address)
    assert (host, port) == ADDRESSES[address]
    assert address_of(ServiceInstance("user", "a", host, port)) == address


def test_kitex_leaves_out_the_brackets():
    assert split("::1:8080") == ("::1", 8080)


WRONG = ["", "h", ":80", "h:", "h:x", "h:-1", "h:65536", "h:000080", "h:\u0668", "[::1]", "[x]:80:", "a:b:80", "a/b:80"]


@pytest.mark.parametrize("address", [*WRONG, "http://h:80", "u@h:80", "a b:80", "[]:80", "[h:80", "unix:/a/b"])
def test_anything_else_is_refused(address):
    with pytest.raises(ValueError, match=r"^it is not host:port$"):
        split(address)


@pytest.mark.parametrize("given", [{}, {"host": "h"}, {"port": 80}, {"host": "", "port": 80}])
def test_without_host_or_port_there_is_no_address(given):
    with pytest.raises(ValueError, match="user must be registered with host and port"):
        address_of(ServiceInstance("user", "a", **given))


@pytest.mark.parametrize("host", ["a/b", "a b", "h:80", "[::1]", "a?b"])
def test_a_host_that_cannot_be_part_of_an_address_is_refused(host):
    with pytest.raises(ValueError, match="cannot be part of an address"):
        address_of(ServiceInstance("user", "a", host, 80))
