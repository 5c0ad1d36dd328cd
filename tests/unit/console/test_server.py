from __future__ import annotations

import pytest

from etcd_factory.console.server import Address, is_loopback, listening, served


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:80/#token=t"), ("::1", "http://[::1]:80/#token=t")]
)
def test_the_token_is_in_the_fragment_of_the_address(host, url):
    assert Address(host, 80, "t").url == url


def test_the_served_names_are_those_of_this_machine_the_address_and_further_ones():
    assert served("127.0.0.1", []) == {"127.0.0.1", "localhost", "[::1]"}
    assert served("::", ["Console.Example"]) - served("127.0.0.1", []) == {"[::]", "console.example"}


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("example", False)],
)
def test_what_only_this_machine_reaches(host, expected):
    assert is_loopback(host) is expected


def test_port_0_is_a_free_one():
    with listening("127.0.0.1", 0) as one, listening("127.0.0.1", 0) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
