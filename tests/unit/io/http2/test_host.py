"""What is known of a host, and which clients may share its connections."""

from __future__ import annotations

import pytest

from etcd_factory.io.http2.host import blocks, host, sharing
from etcd_factory.options import ClientOptions

HOSTS = {
    "http://127.0.0.1:2379": ("127.0.0.1:2379", "127.0.0.1", 2379, "", False),
    "http://etcd.example": ("etcd.example", "etcd.example", 2379, "", False),
    "http://[::1]:2380": ("[::1]:2380", "::1", 2380, "", False),
    "https://etcd.example:2379": ("etcd.example:2379", "etcd.example", 2379, "", True),
    "unix:///run/etcd.sock": ("/run/etcd.sock", "", 0, "/run/etcd.sock", False),
    "unix:///run/my%20etcd.sock": ("/run/my%20etcd.sock", "", 0, "/run/my etcd.sock", False),
}


@pytest.mark.parametrize("url", HOSTS)
def test_a_url_says_where_a_host_is(url):
    one = host(url, ClientOptions.of({"hosts": url}))
    assert (one.endpoint, one.name, one.port, one.path, one.is_secure) == HOSTS[url]


def test_the_name_in_the_certificate_is_also_the_authority():
    options = ClientOptions.of({"hosts": "https://10.0.0.1:2379", "tls": {"server_name": "etcd.example"}})
    one = host(options.hosts[0], options)
    assert (one.authority, one.server_name) == ("etcd.example", "etcd.example")
    plain = ClientOptions.of({"hosts": "https://10.0.0.1:2379"})
    assert (host(plain.hosts[0], plain).authority, host(plain.hosts[0], plain).server_name) == (
        "10.0.0.1:2379",
        "10.0.0.1",
    )


def test_a_unix_socket_has_the_authority_localhost():
    options = ClientOptions.of({"hosts": "unix:///run/etcd.sock"})
    assert host(options.hosts[0], options).authority == "localhost"


def test_connecting_may_take_a_moment_at_least():
    options = ClientOptions.of({"dial_timeout": 1e-9})
    assert host(options.hosts[0], options).dial_timeout == 0.1


def test_headers_name_the_scheme():
    made = {}
    for url in ("http://a:1", "https://a:1"):
        options = ClientOptions.of({"hosts": url})
        made[url] = blocks(host(url, options))._host
    assert made == {"http://a:1": ("http", "a:1"), "https://a:1": ("https", "a:1")}


EQUAL = {"hosts": ["a:1", "b:1"], "keepalive": {"time": 30}, "proxy": "http://proxy:3128"}
OWN = {"timeout": 1, "namespace": "n/", "retry": {"attempts": 2}}


def test_clients_share_whatever_is_about_their_calls_only():
    one, other = (ClientOptions.of({**EQUAL, **more}) for more in ({}, OWN))
    assert sharing(one) == sharing(other)
    assert hash(sharing(one)) == hash(sharing(other))


CHANGES = [
    {"hosts": ["a:1"]},
    {"auth": {"token": "t"}},
    {"keepalive": {"time": 31}},
    {"dial_timeout": 9},
    {"proxy": "http://other:3128"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_clients_that_connect_otherwise_do_not_share(change):
    assert sharing(ClientOptions.of(EQUAL)) != sharing(ClientOptions.of({**EQUAL, **change}))


def test_a_client_may_share_nothing():
    assert sharing(ClientOptions.of({"share": False})) is None
