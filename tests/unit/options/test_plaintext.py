"""Credentials that leave the machine without TLS."""

from __future__ import annotations

import itertools

import pytest

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ClientOptions, ETCDService, ETCDServiceFactory

AUTH = {"username": "root", "password": "hunter2"}
numbers = itertools.count()


@pytest.fixture
def host():
    """A host that no test has used: each is warned of once in a process."""
    return f"h{next(numbers)}.plaintext.example:1"


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
@pytest.mark.parametrize("auth", [AUTH, {"token": "hunter2"}, {"username": "root", "password": lambda: "hunter2"}])
def test_credentials_in_plaintext_are_warned_of_once(caplog, host, service, auth):
    for _ in range(3):
        service({"hosts": ["127.0.0.1:1", host], "auth": auth})
        service(ClientOptions(hosts=["127.0.0.1:1", host], auth=auth))
    expected = f"the credentials are sent to http://{host} without encryption; use https:// hosts"
    assert caplog.messages == [expected]


@pytest.mark.parametrize("factory", [ETCDServiceFactory, AsyncETCDServiceFactory])
async def test_clients_of_a_factory_are_warned_of_once(caplog, host, factory):
    made = factory({"default": {"hosts": host, "auth": AUTH}, "clients": {"a": {}, "b": {}}})
    if factory is AsyncETCDServiceFactory:
        async with made:
            pass
    assert [text for text in caplog.messages if "without encryption" in text] == [
        f"the credentials are sent to http://{host} without encryption; use https:// hosts"
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"hosts": "https://secure.example", "auth": AUTH},
        {"hosts": ["localhost:1", "127.0.0.2:1", "[::1]:1"], "auth": AUTH},
        {"hosts": "unix:///tmp/etcd", "auth": AUTH},
        {"hosts": "srv://secure.example", "auth": AUTH, "tls": {"server_name": "x"}},
        {"hosts": "open.example"},
    ],
)
def test_nothing_is_said_of_what_stays_on_the_machine_or_is_encrypted(caplog, options):
    ETCDService(options)
    assert caplog.messages == []


def test_a_domain_without_tls_is_warned_of(caplog):
    ETCDService({"hosts": "srv://open.plaintext.example", "auth": AUTH})
    assert caplog.messages == [
        "the credentials are sent to srv://open.plaintext.example without encryption; use https:// hosts"
    ]
