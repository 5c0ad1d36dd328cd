"""A mirror in a forked child: it begins again at its first use there, whatever the parent's threads held."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.errors import NoSpaceError
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from tests.support.faces import settle, until
from tests.support.forks import forget, touched

OLD, NEW = ({"p/a": one} for one in ("old", "new"))


class Server:
    """Answers reads of the range; its ``found`` and ``error`` change as a test goes on."""

    def __init__(self):
        self.found, self.revision, self.error = OLD, 5, None

    def __call__(self, call):
        del call
        if self.error is not None:
            raise self.error
        return replies.get(self.found, revision=self.revision)

    def change(self):
        self.found, self.revision = NEW, 9


@pytest.fixture
def server():
    return Server()


@pytest.fixture
async def forked(connect, server):
    """A mirror in a child, and its watch there; the store was changed since the fork."""
    parent, child = replies.watch(revision=5), replies.watch(revision=9)
    client, _ = connect({"Range": server, "Watch": [parent, child]})
    mirror = await settle(client.mirror("p/"))
    forget(client, _lock=[mirror, mirror._waiters, mirror._read_index, mirror._notifier])
    server.change()
    return mirror, child


def texts(mirror):
    return {key: kv.text for key, kv in mirror.items()}


async def test_its_first_use_reads_the_range_again_and_follows_it(forked, face):
    mirror, watch = forked
    if not face.is_blocking:  # it begins in the background
        assert (texts(mirror), mirror.connected) == ({b"p/a": "old"}, False)
        await until(lambda: mirror.connected)
    assert (texts(mirror), mirror.connected, mirror.revision) == ({b"p/a": "new"}, True, 9)
    watch.push(replies.put_event("p/b", "later"))
    await until(lambda: len(mirror) == 2)


async def test_in_the_blocking_face_the_error_is_raised_and_the_next_use_tries_again(forked, face, server):
    mirror, _ = forked
    if not face.is_blocking:
        pytest.skip("in asyncio it begins in the background")
    server.error = NoSpaceError("no space")
    for use in (mirror.copy, lambda: mirror[b"p/a"], lambda: len(mirror), lambda: mirror.wait(9)):
        with pytest.raises(NoSpaceError):
            use()
    assert not mirror.connected
    assert "1 keys at revision 5" in repr(mirror)
    server.error = None
    assert texts(mirror) == {b"p/a": "new"}


async def test_in_asyncio_reading_is_retried_until_it_succeeds(forked, face, server):
    mirror, _ = forked
    if face.is_blocking:
        pytest.skip("in the blocking face the first use reads")
    server.error = NoSpaceError("no space")
    assert texts(mirror) == {b"p/a": "old"}
    await asyncio.sleep(0.01)
    server.error = None
    await until(lambda: mirror.connected)
    assert texts(mirror) == {b"p/a": "new"}


async def test_outside_of_an_event_loop_what_is_held_is_read(forked, face):
    mirror, _ = forked
    if face.is_blocking:
        pytest.skip("the blocking face needs none")
    assert await asyncio.to_thread(texts, mirror) == {b"p/a": "old"}
    assert mirror.inherited
    await settle(mirror.wait(9))
    assert texts(mirror) == {b"p/a": "new"}


async def test_handlers_are_called_with_what_waited_and_what_changed_since(forked):
    mirror, _ = forked
    waited, seen = KeyValue(b"p/x", b"waited"), []
    mirror._notifier._handlers.append(lambda old, new: seen.append((old and old.text, new and new.text)))
    mirror._notifier.add([(None, waited)])
    assert mirror.connected in (True, False)  # the first use
    await until(lambda: seen == [(None, "waited"), ("old", "new")])


async def test_ending_one_that_was_not_used_ends_nothing_of_the_parents(connect, server):
    watch = replies.watch(revision=5)
    client, transport = connect({"Range": server, "Watch": watch})
    mirror = await settle(client.mirror("p/"))
    mirror._stream.remove = touched
    forget(client, _lock=[mirror, mirror._waiters])
    await settle(mirror.close())
    assert texts(mirror) == {b"p/a": "old"}
    assert len(transport.calls) == 2  # it does not begin again


async def test_its_first_use_in_many_threads_reads_once(forked, face):
    mirror, _ = forked
    if not face.is_blocking:
        pytest.skip("tasks do not wait for each other")
    found = await asyncio.gather(*[asyncio.to_thread(texts, mirror) for _ in range(8)])
    assert found == [{b"p/a": "new"}] * 8
    assert [name for name in mirror._run.client.transport.calls if name.method == "Range"][2:] == []
