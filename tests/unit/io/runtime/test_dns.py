"""Hosts from DNS SRV records."""

from __future__ import annotations

import sys

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import ConfigError, ConnectionFailedError
from etcd_factory.io.runtime import dns
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime


@pytest.mark.parametrize(
    ("domain", "secure", "name"),
    [
        ("example.com", False, "_etcd-client._tcp.example.com"),
        ("example.com", True, "_etcd-client-ssl._tcp.example.com"),
        ("_etcd._tcp.example.com", True, "_etcd._tcp.example.com"),  # a record's own name
    ],
)
def test_the_name_of_a_record_is_that_of_etcds_own_clients(domain, secure, name):
    assert dns.record(domain, secure=secure) == name


class Record:
    """One SRV record."""

    def __init__(self, target, port):
        self.target, self.port = target, port


class Answer:
    """An answer of dnspython, which has the order of the records (RFC 2782)."""

    def __init__(self, *records):
        self.rrset, self._records = self, records

    def processing_order(self):
        return self._records


def test_addresses_are_in_the_order_of_the_answer_and_without_the_last_dot():
    answer = Answer(Record("b.example.com.", 2379), Record("a.example.com.", 2380))
    assert dns.addresses(answer) == [("b.example.com", 2379), ("a.example.com", 2380)]


@pytest.fixture
def resolver(monkeypatch):
    """A function that replaces both resolvers of dnspython by one that returns or raises this."""
    from dns import asyncresolver
    from dns import resolver as blocking

    asked = []

    def outcome_of(outcome, *args):
        asked.append(args)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def replace(outcome):
        async def later(name, kind, lifetime):
            return outcome_of(outcome, name, kind, lifetime)

        monkeypatch.setattr(asyncresolver, "resolve", later)
        monkeypatch.setattr(blocking, "resolve", lambda name, kind, lifetime: outcome_of(outcome, name, kind, lifetime))
        return asked

    return replace


@pytest.fixture(params=["blocking", "asyncio"])
def lookup(request):
    """Looks a domain up as each runtime does."""

    async def look(domain="example.com"):
        if request.param == "blocking":
            return finish(ThreadRuntime().lookup(domain, False, 3.0))
        return await AsyncioRuntime().lookup(domain, False, 3.0)

    return look


async def test_a_look_up_has_a_timeout(resolver, lookup):
    asked = resolver(Answer(Record("a.example.com.", 2379)))
    assert await lookup() == [("a.example.com", 2379)]
    assert asked == [("_etcd-client._tcp.example.com", "SRV", 3.0)]


async def test_a_failed_look_up_is_a_connection_error_and_nothing_was_sent(resolver, lookup):
    from dns.resolver import NXDOMAIN

    resolver(NXDOMAIN())
    with pytest.raises(ConnectionFailedError, match=r"the SRV record _etcd-client\._tcp\.example") as caught:
        await lookup()
    assert caught.value.sent is False
    assert isinstance(caught.value.__cause__, NXDOMAIN)


async def test_without_dnspython_the_error_says_what_to_install(monkeypatch, lookup):
    for name in ("dns", "dns.exception", "dns.resolver", "dns.asyncresolver"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"pip install 'etcd-factory\[dns\]'"):
        await lookup()
