"""An instance: what its fields may be, and its properties."""

from __future__ import annotations

import pytest

from etcd_factory.registry.instance import ServiceInstance, checked
from tests.support.registering import WRONG

CASES = [(name, value) for name, values in WRONG.items() for value in values]

# A single tag is a text, and no tags are any empty collection, when an instance is created in Python.
REFUSED = [(name, value) for name, value in CASES if (name, value) not in [("tags", "web"), ("tags", {})]]


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda value: str(value)[:8])
def test_an_invalid_field_cannot_be_registered(name, value):
    with pytest.raises((TypeError, ValueError)):
        checked(ServiceInstance("user", "a", **{name: value}))


# --- its properties


def test_a_single_tag_may_be_a_text():
    assert ServiceInstance("user", "a", tags="web").tags == ("web",)


@pytest.mark.parametrize(("tags", "has"), [((), True), (("x",), True), (("x", "y"), True), (("x", "z"), False)])
def test_it_has_several_tags_if_it_has_all_of_them(tags, has):
    assert ServiceInstance("user", "a", tags=("x", "y")).has(tags) is has


@pytest.mark.parametrize(
    ("host", "address"), [("10.0.0.1", "10.0.0.1:80"), ("::1", "[::1]:80"), ("user.local", "user.local:80")]
)
def test_the_address_has_an_ipv6_host_in_brackets(host, address):
    assert ServiceInstance("user", "a", host, 80).address == address


@pytest.mark.parametrize("given", [{}, {"host": "a"}, {"port": 80}])
def test_without_host_or_port_it_has_no_address(given):
    with pytest.raises(ValueError, match="user/a was registered without host or port"):
        _ = ServiceInstance("user", "a", **given).address


def test_its_metadata_is_a_copy():
    given = {"n": 1}
    one = ServiceInstance("user", "a", metadata=given)
    given["n"] = 2
    assert one.metadata == {"n": 1}


def test_instances_are_hashable():
    one, two = (ServiceInstance("user", "a", metadata={"n": number}) for number in range(2))
    assert len({one, two}) == 2
