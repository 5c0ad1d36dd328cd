"""The instances of several layouts as one list."""

from __future__ import annotations

import pytest

from etcd_factory.errors import PermissionDeniedError
from etcd_factory.registry.formats import EtcdFactory
from etcd_factory.registry.instances import ServiceInstances
from etcd_factory.registry.layout import layouts
from etcd_factory.registry.mixed import MixedPool
from etcd_factory.service import view_of
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.registering import ids
from tests.support.transports import Recorded

OWN, OTHER = "services/user/a", "user/7"
BOTH = layouts(EtcdFactory(), None, ["go_zero"])


def ranges(own="{}", other="10.0.0.1:80"):
    """The replies to the reads of both layouts, one after the other."""
    return [replies.get({OWN: own} if own else {}), replies.get({OTHER: other} if other else {})]


@pytest.fixture
def pool_on(connect):
    """A function that returns a pool on a script, and its transport."""

    def create(layouts=BOTH, **steps):
        transport = Recorded(ScriptedTransport(steps))
        client, _ = connect(transport)
        return MixedPool(view_of(client, type(client), "a test"), layouts), transport

    return create


async def test_a_service_is_followed_in_all_layouts(pool_on, run):
    pool, transport = pool_on(Range=ranges(), Watch=replies.watch())
    source, leave = await run(pool.enter("user", 0.0, None))
    assert [call.request.key for call in transport.calls] == [b"services/user/", b"user/"]
    assert ids(source.instances) == "7a"
    await run(leave())


async def test_with_one_layout_nothing_is_mixed(pool_on, run):
    pool, _ = pool_on(BOTH[:1], Range=ranges(), Watch=replies.watch())
    source, leave = await run(pool.enter("user", 0.0, None))
    assert isinstance(source, ServiceInstances)
    assert ids(source.instances) == "a"
    await run(leave())


async def test_a_listener_is_called_at_once_and_at_each_change_of_any(pool_on, run, recorder):
    watch = replies.watch()
    pool, _ = pool_on(Range=ranges(other=None), Watch=watch)
    source, leave = await run(pool.enter("user", 0.0, None))
    source.listen(lambda: recorder("list", ids(source.instances)))
    watch.push(replies.put_event(OWN.replace("a", "b"), "{}"))
    await recorder.until("list", 2)
    assert [names for _, names in recorder.calls] == ["a", "ab"]
    await run(leave())


async def test_one_that_is_registered_in_both_formats_is_there_once(pool_on, run):
    own = '{"metadata": {}, "host": "10.0.0.1", "port": 80}'
    pool, _ = pool_on(Range=ranges(own), Watch=replies.watch())
    source, leave = await run(pool.enter("user", 0.0, None))
    assert ids(source.instances) == "a"
    await run(leave())


async def test_a_listener_that_is_ignored_is_not_called_any_more(pool_on, run, recorder):
    pool, _ = pool_on(Range=ranges(), Watch=replies.watch())
    source, leave = await run(pool.enter("user", 0.0, None))

    def listener():
        recorder("list", "")

    source.listen(listener)
    source.ignore(listener)
    source._sources[0].instances = ()
    source._refresh()
    assert (ids(source.instances), recorder.names) == ("7", ["list"])
    await run(leave())


async def test_after_the_last_view_both_watches_end(pool_on, run):
    pool, _ = pool_on(Range=ranges() * 2, Watch=replies.watch())
    first, leave_first = await run(pool.enter("user", 0.0, None))
    second, leave_second = await run(pool.enter("user", 0.0, None))
    assert first._sources[0] is second._sources[0]
    await run(leave_first())
    assert second._sources[0]._listeners == [second._refresh]
    await run(leave_second())
    assert [pool._shared for pool in pool._pools] == [{}, {}]


async def test_a_layout_that_cannot_be_read_leaves_nothing_behind(pool_on, run):
    steps = [ranges()[0], replies.server_error("etcdserver: permission denied")]
    pool, _ = pool_on(Range=steps, Watch=replies.watch())
    with pytest.raises(PermissionDeniedError):
        await run(pool.enter("user", 0.0, None))
    assert [pool._shared for pool in pool._pools] == [{}, {}]


async def test_it_begins_again_in_a_forked_child(pool_on, run):
    pool, _ = pool_on(Range=ranges(), Watch=replies.watch())
    source, leave = await run(pool.enter("user", 0.0, None))
    lock = source._lock
    assert source.forget() is lock
    assert source._lock is not lock
    renewed = []
    for one in source._sources:
        one.renew = lambda one=one: renewed.append(one)
    source._sources[1].inherited = True
    assert source.inherited
    source.renew()
    assert renewed == [source._sources[1]]
    source._sources[1].inherited = False
    assert not source.inherited
    source.keep()
    assert all(one.is_kept for one in source._sources)
    await run(leave())
