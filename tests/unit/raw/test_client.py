"""Where python-etcd3's client connects to."""

from __future__ import annotations

import pytest

from etcd_factory.options import ClientOptions
from etcd_factory.raw.client import RawClient


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ("h:1", "h:1"),
        ("http://[::1]:2379", "[::1]:2379"),
        ("unix:///run/a:b.sock", "unix:/run/a:b.sock"),
        (["h:1", "i:2"], "h:1"),
    ],
)
def test_it_connects_to_the_first_host(hosts, url):
    client = RawClient(ClientOptions(hosts=hosts))
    assert client._url == url
    client.close()
