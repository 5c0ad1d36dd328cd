"""What is shown of services, and of all that they return: what it is and its state, never a value."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.testing import ScriptedTransport
from tests.support.faces import closed, enter, leave, settle

SECRET = "a-value-that-is-not-shown"
HOST = "10.0.0.1:2379"


@pytest.fixture
async def offline(face):
    """A service that is never called."""
    client = face.service({"hosts": HOST, "namespace": "n/"}, transport=ScriptedTransport([]))
    yield client
    await closed(client)


BUILT = {
    "get": (lambda c: c.get("k"), f"<Get 'k' of {HOST}>"),
    "get_all": (lambda c: c.get_all(), f"<GetAll prefix b'' of {HOST}>"),
    "prefix": (lambda c: c.get_all().prefix("p/").limit(3), f"<GetAll prefix b'p/' of {HOST}>"),
    "range": (lambda c: c.get_all().range("a", "c"), f"<GetAll range b'a' to b'c' of {HOST}>"),
    "not UTF-8": (lambda c: c.get(b"k\xff"), f"<Get 'k\\\\xff' of {HOST}>"),
    "put": (lambda c: c.put("k").lease(7), f"<Put 'k' of {HOST}>"),
    "delete": (lambda c: c.delete(), f"<Delete of {HOST}>"),
    "txn": (lambda c: c.txn(), f"<Txn if 0 comparisons hold [] else [] of {HOST}>"),
    "if_": (
        lambda c: c.if_("k", "value", "==", SECRET).then(ops.put("k").value(SECRET)).else_(ops.get("k")),
        f"<Txn if 1 comparisons hold [put b'k'] else [get b'k'] of {HOST}>",
    ),
    "namespace": (lambda c: c.namespace("in/").get("k"), f"<Get 'k' of {HOST}>"),
    "lease": (lambda c: c.lease(5), "<Lease not granted ttl=5 not alive>"),
    "lease_of": (lambda c: c.lease_of(255), "<Lease ff ttl=0 not alive>"),
    "lock": (lambda c: c.lock("x"), "<Lock 'x' not held>"),
    "election": (lambda c: c.election("x"), f"<Election 'x' of {HOST}>"),
    "observer": (lambda c: c.election("x").observe(), f"<Observer b'x' of {HOST}>"),
    "watch": (lambda c: c.watch().key("k"), f"<Watch key b'k' of {HOST}>"),
    "stm": (lambda c: c.stm("serializable"), f"<STM of {HOST}>"),
    "role": (lambda c: c.role("r"), "Role(name='r')"),
    "user": (lambda c: c.user("u"), "User(name='u')"),
    "ops": (lambda c: ops.get("k"), "<Get 'k' of ops>"),
    "operation": (lambda c: ops.put("k").value(SECRET), "<Op put b'k'>"),
}


@pytest.mark.parametrize("name", BUILT)
async def test_a_repr_says_what_it_is_and_of_which_host(offline, name):
    build, expected = BUILT[name]
    assert repr(build(offline)) == expected


async def test_a_service_is_shown_with_its_class_hosts_and_namespace(face, offline):
    assert repr(offline) == f"<{face.service.__name__} http://{HOST} namespace=b'n/'>"
    assert repr(offline.namespace("in/")) == f"<{face.service.__name__} http://{HOST} namespace=b'n/in/'>"


async def test_a_lock_is_shown_with_its_state(client, other):
    lock = client.lock("name")
    await enter(lock)
    assert repr(lock) == "<Lock 'name' held>"
    await leave(lock)
    assert repr(lock) == "<Lock 'name' not held>"


async def test_a_leadership_is_shown_with_its_state(client):
    leadership = await settle(client.election("name").campaign("me"))
    assert repr(leadership) == "<Leadership of 'name' alive>"
    await settle(leadership.resign())
    assert repr(leadership) == "<Leadership of 'name' lost or resigned>"


async def test_a_lease_is_shown_with_its_state(client):
    lease = client.lease(60)
    number = await settle(lease.grant())
    assert repr(lease) == f"<Lease {number:x} ttl=60 alive>"
    await settle(lease.revoke())
    assert repr(lease) == f"<Lease {number:x} ttl=60 not alive>"


async def test_a_watcher_is_shown_with_its_state(client, etcd_server):
    watcher = await settle(client.watch().key("k").create())
    assert repr(watcher) == f"<Watcher running of {etcd_server.endpoint}>"
    await settle(watcher.cancel())
    assert repr(watcher) == f"<Watcher ended of {etcd_server.endpoint}>"
