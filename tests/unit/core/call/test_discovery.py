"""Finding the hosts: from DNS SRV records, and from the cluster's members."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.discovery import MemberSync, usable
from etcd_factory.core.face import finish
from etcd_factory.errors import ConnectionFailedError
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, replies
from etcd_factory.wire import messages, methods
from tests.support.clocks import ClockThreads
from tests.support.faces import closed, settle
from tests.support.transports import Recorded

READ = methods.RANGE, messages.RangeRequest(key=b"k")


def member(*urls, learner=False):
    return {"clientURLs": urls, "isLearner": learner}


def members(*several):
    return replies.of("MemberList", members=several)


def hosts_of(transport):
    return [call.host for call in transport.calls]


# --- which members can be used


@pytest.mark.parametrize(
    ("one", "secure", "expected"),
    [
        (member("http://a:1"), False, ["http://a:1"]),
        (member("http://a:1", "https://a:2"), False, ["http://a:1"]),
        (member("http://a:1", "https://a:2"), True, ["https://a:2"]),
        (member("http://a:1", learner=True), False, []),
        (member(), False, []),  # not started yet
        (member("http://user@a:1", "ftp://a:2", "http://b:3"), False, ["http://b:3"]),
    ],
    ids=["plain", "both, plain", "both, TLS", "learner", "not started", "unusable"],
)
def test_the_client_urls_that_can_be_used(one, secure, expected):
    options = ClientOptions.of({"hosts": ["https://x:1" if secure else "http://x:1"]})
    found = messages.MemberListResponse(members=[one]).members
    assert list(usable(found, options)) == expected


# --- sync


async def test_sync_replaces_the_hosts_by_those_of_the_members(client_of):
    steps = [members(member("http://b:1"), member("http://c:1")), replies.get()]
    client, transport = client_of(steps, hosts=["a:1"])
    assert await client.discovery.sync(5.0) == ("http://b:1", "http://c:1")
    await client.call(*READ, 5.0)
    assert hosts_of(transport) == ["http://a:1", "http://b:1"]


async def test_members_without_a_usable_url_are_an_error_and_the_hosts_stay(client_of):
    client, _ = client_of([members(member("https://b:1")), members(member())], hosts=["a:1"])
    with pytest.raises(ConnectionFailedError, match=r"no member advertises .* \(advertised: https://b:1\)"):
        await client.discovery.sync(5.0)
    with pytest.raises(ConnectionFailedError, match=r"\(advertised: none\)"):
        await client.discovery.sync(5.0)
    assert client.endpoints.urls == ("http://a:1",)


async def test_new_hosts_are_logged_and_known_ones_are_not(client_of, caplog):
    caplog.set_level(logging.INFO, "etcd_factory.hosts")
    client, _ = client_of({"MemberList": members(member("http://b:1"))}, hosts=["a:1"])
    await client.discovery.sync(5.0)
    await client.discovery.sync(5.0)
    assert [record.getMessage() for record in caplog.records] == ["the members are at http://b:1"]


# --- records


class Names:
    """A DNS server of the test: addresses, or an error."""

    def __init__(self, *outcomes):
        self.outcomes, self.asked = list(outcomes), []

    async def lookup(self, domain, secure, timeout):
        self.asked.append((domain, secure))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def named(clock, client_of):
    """A function that returns a client of ``srv://`` hosts, on these outcomes of look-ups."""

    def make(names, script, **options):
        clock.lookup = names.lookup
        return client_of(script, **{"hosts": ["srv://example.com"], **options})

    return make


async def test_the_hosts_of_a_domain_are_looked_up_at_the_first_call_only(named):
    names = Names([("a", 1), ("b", 2)])
    client, transport = named(names, {"Range": replies.get()})
    await client.call(*READ, 5.0)
    await client.call(*READ, 5.0)
    assert (names.asked, hosts_of(transport)) == ([("example.com", False)], ["http://a:1"] * 2)
    assert client.endpoints.urls == ("http://a:1", "http://b:2")


async def test_hosts_that_were_found_by_another_caller_are_not_looked_up_again(named):
    names = Names([("a", 1)])
    client, _ = named(names, [])
    await client.discovery.find(5.0)
    await client.discovery.find(5.0)
    assert len(names.asked) == 1


async def test_with_tls_the_hosts_of_a_domain_are_secure(named):
    names = Names([("a", 1)])
    client, transport = named(names, [replies.get()], tls={"server_name": "etcd"})
    await client.call(*READ, 5.0)
    assert (names.asked, hosts_of(transport)) == ([("example.com", True)], ["https://a:1"])


async def test_a_failed_first_look_up_is_raised_and_repeated_at_the_next_call(named):
    names = Names(ConnectionFailedError("no records"), [("a", 1)])
    client, transport = named(names, [replies.get()], retry={"attempts": 1})
    with pytest.raises(ConnectionFailedError, match="no records"):
        await client.call(*READ, 5.0)
    await client.call(*READ, 5.0)
    assert hosts_of(transport) == ["http://a:1"]


async def test_the_domain_is_looked_up_again_once_all_hosts_have_failed(named):
    names = Names([("a", 1)], [("b", 1)])
    client, transport = named(names, [replies.lost(), replies.get()], retry={"initial": 1})
    await client.call(*READ, 5.0)
    assert hosts_of(transport) == ["http://a:1", "http://b:1"]


async def test_if_the_look_up_fails_later_the_hosts_known_before_are_tried(named, caplog):
    names = Names([("a", 1)], ConnectionFailedError("no records"))
    client, transport = named(names, [replies.lost(), replies.get()], retry={"initial": 1})
    await client.call(*READ, 5.0)
    assert hosts_of(transport) == ["http://a:1", "http://a:1"]
    assert "no records" in caplog.text
    assert "trying the hosts known before" in caplog.text


# --- following the members


class Syncing(ClockThreads):
    """A runtime whose background work the test runs itself; the signal is set after so many waits."""

    def __init__(self, turns):
        super().__init__()
        self.turns, self.bodies, self.waits = turns, [], []

    def spawn(self, body, name):
        self.bodies.append(body)
        return self

    async def join(self, timeout):
        self.bodies.pop().close()
        return True

    def signal(self):
        runtime, signal = self, super().signal()

        async def wait(timeout=None):
            runtime.waits.append(timeout)
            return signal.is_set() or len(runtime.waits) > runtime.turns

        signal.wait = wait
        return signal


def followed(turns, script):
    """Return a client that has followed its members so often."""
    runtime = Syncing(turns)
    client = Client(ScriptedTransport(script), runtime, ClientOptions.of({"hosts": ["a:1"], "sync": 30}))
    client.background.get(MemberSync)
    finish(runtime.bodies[0])
    return client, runtime


def test_the_members_are_followed_at_the_interval_of_the_options():
    client, runtime = followed(2, [members(member("http://b:1")), members(member("http://c:1"))])
    assert client.endpoints.urls == ("http://c:1",)
    assert runtime.waits == [30, 30, 30]


def test_a_failed_sync_is_logged_and_the_hosts_stay(caplog):
    steps = [members(member("http://b:1")), replies.server_error("etcdserver: too many requests")]
    client, _ = followed(2, steps)
    assert client.endpoints.urls == ("http://b:1",)
    assert "could not list the members, keeping the hosts" in caplog.text


def test_no_exception_ends_the_following_of_the_members(caplog):
    def failing(*_):
        raise RecursionError

    client, _ = followed(2, [failing, members(member("http://c:1"))])
    assert client.endpoints.urls == ("http://c:1",)
    assert "could not list the members, keeping the hosts" in caplog.text


def running():
    """The names of all threads and tasks."""
    return {*(thread.name for thread in threading.enumerate()), *(task.get_name() for task in asyncio.all_tasks())}


async def test_the_option_sync_begins_to_follow_at_the_first_call_and_ends_with_the_client(face):
    script = {"MemberList": members(member("http://b:1")), "Range": replies.get()}
    recorded = Recorded(ScriptedTransport(script))
    client = face.service({"hosts": ["a:1"], "sync": 0.001}, transport=recorded)
    assert "etcd_factory sync" not in running()
    await settle(client.get("k").string())
    await recorded.until(lambda: recorded.names().count("MemberList") >= 2)
    assert "etcd_factory sync" in running()
    await closed(client)
    assert "etcd_factory sync" not in running()
