"""Hosts that are not just configured: from DNS, or from the members of the cluster."""

from __future__ import annotations

import socket
import sys
import threading

import dns.asyncresolver
import dns.message
import dns.resolver
import dns.rrset
import pytest

from etcd_factory import ClientOptions, errors
from etcd_factory.core.call.discovery import usable
from etcd_factory.testing import FaultProxy
from etcd_factory.wire import messages, methods
from tests.support.faces import listed, settle, until
from tests.support.transports import Altered

HOST = "127.0.0.1"


class Nameserver:
    """A DNS server that answers every query with its ``records``; ``asked`` has the names of the queries."""

    def __init__(self):
        self.records, self.asked = [], []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def announce(self, *endpoints):
        """Set the hosts, in the order of their priority."""
        ports = [endpoint.rpartition(":")[2] for endpoint in endpoints]
        self.records = [f"{rank} 1 {port} localhost." for rank, port in enumerate(ports)]

    def _serve(self):
        while data := self._socket.recvfrom(4096):
            query = dns.message.from_wire(data[0])
            reply, (question,) = dns.message.make_response(query), query.question
            self.asked.append(str(question.name).rstrip("."))
            if self.records:
                reply.answer.append(dns.rrset.from_text(question.name, 1, "IN", "SRV", *self.records))
            self._socket.sendto(reply.to_wire(), data[1])


@pytest.fixture(scope="module")
def running():
    return Nameserver()


@pytest.fixture
def nameserver(running, monkeypatch):
    """The name server of this process."""
    for module in (dns.resolver, dns.asyncresolver):
        resolver = (getattr(module, "AsyncResolver", None) or module.Resolver)(configure=False)
        resolver.nameservers, resolver.port = [HOST], running.port
        monkeypatch.setattr(module, "default_resolver", resolver)
    running.records, running.asked = [], []
    return running


async def test_a_domain_is_looked_up_at_the_first_call(make, nameserver, etcd_server):
    nameserver.announce(etcd_server.endpoint)
    client = make(hosts="srv://example.test")
    assert nameserver.asked == []
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"
    assert nameserver.asked == ["_etcd-client._tcp.example.test"]


async def test_with_tls_the_domains_secure_hosts_are_looked_up(make, nameserver, refusing):
    nameserver.announce(refusing)
    client = make(hosts="srv://example.test", tls={}, timeout=2, dial_timeout=0.2)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await settle(client.get("k").string())
    assert nameserver.asked[0] == "_etcd-client-ssl._tcp.example.test"
    assert caught.value.endpoint == f"localhost:{refusing.rpartition(':')[2]}"


async def test_a_full_record_name_is_looked_up_unchanged(make, nameserver, etcd_server):
    nameserver.announce(etcd_server.endpoint)
    await settle(make(hosts="srv://_etcd-client-blue._tcp.example.test").get("k").string())
    assert nameserver.asked == ["_etcd-client-blue._tcp.example.test"]


async def test_hosts_are_tried_in_the_order_of_their_records(make, nameserver, etcd_server, refusing):
    nameserver.announce(refusing, etcd_server.endpoint)
    assert await settle(make(hosts="srv://example.test").get("k").string()) is None


async def test_a_watch_may_be_the_first_call(make, nameserver, etcd_server):
    nameserver.announce(etcd_server.endpoint)
    client = make(hosts="srv://example.test")
    watcher = await settle(client.watch().key("k").create())
    await settle(client.put("k").value("v"))
    assert (await settle(watcher.take())).kv.text == "v"
    await settle(watcher.cancel())


async def test_when_all_hosts_have_failed_they_are_looked_up_again(make, nameserver, etcd_server):
    with FaultProxy(etcd_server.endpoint) as proxy:
        nameserver.announce(proxy.endpoint)
        client = make(hosts="srv://example.test", timeout=20)
        await settle(client.put("k").value("v"))
        nameserver.announce(etcd_server.endpoint)
    assert await settle(client.get("k").string()) == "v"
    assert len(nameserver.asked) == 2


async def test_the_hosts_known_before_are_tried_again_if_dns_fails(make, nameserver, fragile):
    nameserver.announce(fragile.endpoint)
    client = make(hosts="srv://example.test", timeout=20)
    await settle(client.get("k").string())
    nameserver.announce()
    fragile.stop()
    with pytest.raises(errors.ConnectionFailedError):
        await settle(client.with_options(timeout=0.5).get("k").string())
    assert len(nameserver.asked) > 1
    fragile.start()
    assert await settle(client.get("k").string()) is None


async def test_a_domain_without_hosts_is_an_error_that_names_the_record(make, nameserver):
    client = make(hosts="srv://example.test", timeout=0.5)
    with pytest.raises(errors.ConnectionFailedError, match=r"_etcd-client\._tcp\.example\.test") as caught:
        await settle(client.put("k").value("v"))
    assert not caught.value.maybe_applied
    assert caught.value.operation == "put b'k'"


async def test_without_dnspython_the_error_says_what_to_install(make, monkeypatch):
    for name in [name for name in sys.modules if name == "dns" or name.startswith("dns.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(errors.ConfigError, match=r"pip install 'etcd-factory\[dns\]'"):
        await settle(make(hosts="srv://example.test").get("k").string())


async def test_raw_does_not_look_up_a_domain(make, nameserver):
    with pytest.raises(errors.ConfigError, match=r"srv://example\.test"):
        _ = make(hosts="srv://example.test").raw


async def test_sync_uses_the_hosts_that_the_members_advertise(make, etcd_server, etcd_proxy):
    client = make(hosts=[etcd_proxy.endpoint])
    advertised = [url for member in await settle(client.cluster.members()) for url in member.client_urls]
    assert list(await settle(client.cluster.sync())) == advertised
    assert (await settle(client.health())).endpoint == etcd_server.endpoint
    etcd_proxy.close()
    assert await settle(client.get("k").string()) is None


async def test_after_sync_status_takes_the_new_endpoint(make, etcd_server, etcd_proxy):
    client = make(hosts=[etcd_proxy.endpoint])
    await settle(client.cluster.sync())
    assert (await settle(client.maintenance.status(etcd_server.endpoint))).endpoint == etcd_server.endpoint
    with pytest.raises(ValueError, match=r"unknown endpoint .*; this client's hosts are"):
        await settle(client.maintenance.status(etcd_proxy.endpoint))


async def test_with_the_option_sync_the_members_are_followed(make, etcd_server, etcd_proxy):
    client = make(hosts=[etcd_proxy.endpoint], sync=0.05)

    async def moved():
        return (await settle(client.health())).endpoint == etcd_server.endpoint

    await until(moved)
    etcd_proxy.close()
    assert await settle(client.get("k").string()) is None


async def test_following_continues_after_the_members_could_not_be_listed(make, fragile, caplog):
    client = make(hosts=[fragile.endpoint], sync=0.05, timeout=0.5)
    await settle(client.get("k").string())
    fragile.stop()
    await until(lambda: [one for one in caplog.records if "could not list the members" in one.getMessage()])
    fragile.start()
    assert await settle(client.with_options(timeout=20).get("k").string()) is None


async def test_the_configured_hosts_are_tried_again_when_the_advertised_ones_have_failed(
    make, wrap, etcd_server, fragile
):
    members = messages.MemberListResponse(members=[{"clientURLs": [f"http://{fragile.endpoint}"]}])
    transport = wrap(Altered, methods.MEMBER_LIST, lambda reply: members)
    with FaultProxy(etcd_server.endpoint) as stable:
        client = make(hosts=[stable.endpoint], sync=600, timeout=20, transport=transport)
        assert await settle(client.get("k").string()) is None
        await settle(client.cluster.sync())
        fragile.stop()
        await settle(client.put("k").value("v"))
        assert await settle(client.get("k").string()) == "v"
        assert await listed(client.get_all())
        assert client.endpoint == stable.endpoint


def test_learners_unstarted_members_and_hosts_of_another_scheme_are_ignored():
    members = [
        messages.Member(name="one", clientURLs=["http://one:1", "https://one:2"]),
        messages.Member(name="learner", clientURLs=["http://learner:1"], isLearner=True),
        messages.Member(name=""),
        messages.Member(name="odd", clientURLs=["unixs://odd:1"]),
    ]
    assert list(usable(members, ClientOptions(hosts="a:1"))) == ["http://one:1"]
    assert list(usable(members, ClientOptions(hosts="https://a:1"))) == ["https://one:2"]


async def test_a_cluster_without_a_usable_host_does_not_change_the_hosts(make, wrap):
    members = messages.MemberListResponse(members=[{"clientURLs": ["https://one:2"]}])
    client = make(transport=wrap(Altered, methods.MEMBER_LIST, lambda reply: members))
    with pytest.raises(errors.ConnectionFailedError, match="https://one:2"):
        await settle(client.cluster.sync())
    assert await settle(client.get("k").string()) is None
