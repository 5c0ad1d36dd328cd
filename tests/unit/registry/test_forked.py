"""Views and registrations in a forked child: views begin again there, registrations are the parent's."""

from __future__ import annotations

import json

import pytest

from etcd_factory.errors import ClientClosedError, NoSpaceError
from etcd_factory.registry.balancers.least_connections import LeastConnections
from etcd_factory.registry.instance import ServiceInstance
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import leave, settle, until
from tests.support.forks import Taken, forget, touched
from tests.support.registering import Lists, ids, script
from tests.support.transports import Recorded

OWNED = "belongs to the process that made it"


class Server:
    """Answers reads of a service; its ``ids`` and ``error`` change as a test goes on."""

    def __init__(self):
        self.ids, self.error = "ab", None

    def __call__(self, call):
        del call
        if self.error is not None:
            raise self.error
        value = json.dumps({"metadata": {}, "ttl": 60})
        return replies.get({f"services/user/{name}": value for name in self.ids}, revision=5)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
async def forked(registry, connect, server):
    """A view in a child, which was used by the parent only; and the registry."""
    client, _ = connect({"Range": server, "Watch": [replies.watch(revision=5) for _ in range(2)]})
    made = registry(client)
    view = await settle(made.subscribe("user", load_balancer="least_connections", threshold=0.9))
    source = view._source
    picker = view._picker
    locks = [source, source._waiters, made._pool, picker, picker._near.balancer, picker._far.balancer, view._changes]
    forget(client, _lock=locks, _list_lock=[source])
    return view, made


async def test_a_view_shows_what_there_is_and_holds_nothing_of_before_back(forked, face, server):
    view, registry = forked
    server.ids = "b"
    assert ids(view.instances) == ("b" if face.is_blocking else "ab")
    await until(lambda: ids(view.instances) == "b")
    with view.use() as instance:
        assert instance.id == "b"
    other = await settle(registry.subscribe("user"))
    assert ids(other.instances) == "b"
    for one in (view, other):
        await settle(one.close())


async def test_while_etcd_is_away_a_view_keeps_its_list_and_retries(forked, server):
    view, _ = forked
    server.ids, server.error = "c", NoSpaceError("no space")
    assert ids(view.instances) == "ab"
    lists = Lists(view)
    server.error = None
    await lists.until("c")


async def test_closing_a_view_that_was_not_used_keeps_its_list(forked, server):
    view, _ = forked
    server.ids = "c"
    await settle(view.close())
    assert ids(view.instances) == "ab"


async def test_a_registration_is_the_parents(connect, registry, caplog):
    transport = Recorded(ScriptedTransport(script()))
    client, _ = connect(transport)
    one = await settle(registry(client).register("user", "a"))
    one._reconciler._watch._stream.remove = touched
    forget(client, _lock=[one._reconciler])
    sent = len(transport.calls)
    assert not one.alive
    for use in (one.deregister, one.pause, one.resume, one.update):
        with pytest.raises(ClientClosedError, match=OWNED):
            await settle(use())
    with pytest.raises(ClientClosedError, match=OWNED):
        one.on("lost", print)
    await leave(one)
    assert (len(transport.calls), caplog.messages) == (sent, [])


def test_uses_of_the_parents_threads_do_not_count():
    balancer, a, b = LeastConnections(), ServiceInstance("user", "a"), ServiceInstance("user", "b")
    balancer.begin(a)
    balancer._lock = Taken()
    balancer.forget()
    balancer.end(a, 0.1, failed=False)  # the end of a block that the fork is in
    assert {balancer.pick((a, b)).id for _ in range(2)} == {"a", "b"}
