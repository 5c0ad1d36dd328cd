"""Clients that find a fake at their hosts."""

import pytest

from etcd_factory import AsyncETCDService, ETCDService, ETCDServiceFactory, errors
from etcd_factory.testing import FakeEtcd
from etcd_factory.testing.fake.routes import route

HERE, THERE = "127.0.0.1:1", "127.0.0.1:2"  # nothing listens there
ONCE = {"retry": {"attempts": 1}}


@pytest.fixture
def fake():
    return FakeEtcd()


async def test_all_clients_that_are_made_inside_use_it(fake):
    with fake.installed() as same:
        assert same is fake
        with ETCDService({"hosts": [HERE]}) as client, ETCDServiceFactory({"client": {"hosts": [THERE]}}) as factory:
            client.put("k").value("v")
            assert factory.get().get("k").string() == "v"
        async with AsyncETCDService({"hosts": [HERE]}) as client:
            assert await client.get("k").string() == "v"
    assert fake.revision == 2


def test_only_the_named_hosts_are_replaced(fake):
    with fake.installed(HERE), ETCDService({"hosts": [THERE], **ONCE}) as other:
        with ETCDService({"hosts": [HERE]}) as client:
            client.put("k").value("v")
        with pytest.raises(errors.ConnectionFailedError):
            other.get("k").string()
    assert fake.revision == 2


def test_the_one_that_was_installed_last_counts(fake):
    with fake.installed(), FakeEtcd().installed(HERE) as last, ETCDService({"hosts": [HERE]}) as client:
        client.put("k").value("v")
        assert (fake.revision, last.revision) == (1, 2)
        assert (route(f"http://{HERE}"), route(f"http://{THERE}")) == (last, fake)


def test_a_host_with_a_scheme_is_replaced_only_for_that_scheme(fake):
    with fake.installed(f"http://{HERE}"):
        assert (route(f"http://{HERE}"), route(f"https://{HERE}")) == (fake, None)


def test_services_are_as_before_afterwards(fake):
    before = [service.__dict__["_transport"] for service in (ETCDService, AsyncETCDService)]
    with fake.installed(), fake.installed(HERE):
        assert ETCDService.__dict__["_transport"] is not before[0]
    assert [service.__dict__["_transport"] for service in (ETCDService, AsyncETCDService)] == before
    assert route(f"http://{HERE}") is None


def test_a_watch_may_have_a_stream_of_its_own(fake):
    with fake.installed(), ETCDService({"hosts": [HERE]}) as client:
        watcher = client.watch().key("k").own_stream().create()
        client.put("k").value("v")
        assert next(watcher).kv.text == "v"


def test_a_closed_client_calls_no_one(fake):
    with fake.installed():
        client = ETCDService({"hosts": [HERE]})
        client.close()
        with pytest.raises(errors.ClientClosedError):
            client.put("k").value("v")


def test_a_forked_child_forgets_connections(fake):
    with fake.installed(), ETCDService({"hosts": [HERE]}) as client:
        client.put("k").value("v")
        transport = client._run.client.transport
        assert transport.forget()
        assert client.get("k").string() == "v"
