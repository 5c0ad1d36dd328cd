"""A live configuration in a forked child: it begins again at its first use, and keeps the last good value till then."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from etcd_factory.errors import NoSpaceError
from etcd_factory.testing import replies
from tests.support.config_centers import CENTERS, Settings, changes, eventually
from tests.support.faces import settle
from tests.support.forks import forget, touched

ERROR = NoSpaceError("no space")


class Server:
    """Answers reads of the configuration; its ``found`` and ``error`` change as a test goes on."""

    def __init__(self):
        self.found, self.error = {"level": "old"}, None

    def __call__(self, call):
        del call
        if self.error is not None:
            raise self.error
        return replies.get({f"config/{key}": value for key, value in self.found.items()}, revision=5)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
async def forked(face, connect, server, recorder):
    """A live configuration in a child, which was used by the parent only; and its watch there."""
    watch = replies.watch(revision=5)
    client, _ = connect({"Range": server, "Watch": [replies.watch(revision=5), watch]})
    live = await settle(CENTERS[face.name](client).live(Settings))
    live.on_change(partial(recorder, "change"))
    await asyncio.sleep(0)  # the parent's task begins to wait
    live._mirror._stream.remove = touched
    forget(client, _lock=[live._mirror])
    yield live, watch
    await settle(live.close())


async def test_its_first_use_reads_it_again_and_follows_it(forked, face, server, recorder):
    live, watch = forked
    server.found = {"level": "new"}
    first = live.value
    assert first == Settings("new" if face.is_blocking else "old")
    await recorder.until("change")
    watch.push(replies.put_event("config/level", "later"))
    await eventually(lambda: live.value == Settings("later"))
    await recorder.until("change", 2)
    assert changes(recorder)[0] == (Settings("old"), Settings("new"))


async def test_while_etcd_is_away_the_last_good_value_stays_and_reading_is_retried(forked, face, server):
    live, _ = forked
    server.error, server.found = ERROR, {"level": "new"}
    assert live.value == Settings("old")
    assert live.error is (ERROR if face.is_blocking else None)
    server.error = None
    await eventually(lambda: live.value == Settings("new"))
    assert live.error is None


async def test_an_invalid_value_keeps_the_last_good_one(forked, server):
    live, watch = forked
    server.found = {"lvel": "x"}
    await eventually(lambda: live.error is not None)
    assert "lvel" in str(live.error)
    assert live.value == Settings("old")
    watch.push(replies.events(replies.delete_event("config/lvel"), replies.put_event("config/level", "good")))
    await eventually(lambda: live.value == Settings("good"))


async def test_a_store_that_was_emptied_meanwhile_keeps_the_last_good_one(forked, server):
    live, watch = forked
    server.found = {}
    await eventually(lambda: live.error is not None)
    assert "the store was emptied" in str(live.error)
    assert live.value == Settings("old")
    watch.push(replies.put_event("config/level", "filled"))
    await eventually(lambda: live.value == Settings("filled"))


async def test_closing_one_that_was_not_used_keeps_its_value(forked, server):
    live, _ = forked
    server.found = {"level": "new"}
    await settle(live.close())
    assert (live.value, live.source) == (Settings("old"), "etcd")
