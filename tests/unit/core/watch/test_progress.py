"""Progress marks that are asked for: the request is repeated until they come."""

from __future__ import annotations

import pytest

from etcd_factory.testing.replies import WatchScript
from tests.support.watch_receivers import Receiver, begun

ALWAYS = 1 << 30


class Behind(WatchScript):
    """A server that sends no mark to the first so many requests, since a watch is behind."""

    def __init__(self, ignored):
        super().__init__()
        self.ignored, self.requests = ignored, 0

    def answer(self, message):
        if message.WhichOneof("request_union") == "progress_request":
            self.requests += 1
            if self.requests <= self.ignored:
                return None
        return super().answer(message)


@pytest.mark.parametrize("ignored", [0, 1, 3])
async def test_a_mark_is_requested_until_it_comes_and_then_no_more(stream_of, ignored):
    script = Behind(ignored)
    stream, _, core = stream_of({"Watch": script})
    await begun(stream, receiver := Receiver())
    stream.request_progress(1)
    assert (await receiver.until("progress")).requested
    await core.background.close()  # waits for who asks
    assert script.requests == ignored + 1


async def test_all_who_ask_get_a_mark_each(stream_of):
    script = Behind(ALWAYS)
    stream, _, core = stream_of({"Watch": script})
    receivers = [Receiver(), Receiver()]
    for id in await begun(stream, *receivers):  # noqa: A001
        stream.request_progress(id)
    script.ignored = 0
    for receiver in receivers:
        assert (await receiver.until("progress")).requested
    await core.background.close()
    assert [receiver.kinds.count("progress") for receiver in receivers] == [1, 1]


async def test_nothing_is_requested_for_a_watch_that_has_ended(stream_of):
    stream, _, core = stream_of({"Watch": Behind(ALWAYS)})
    await begun(stream, Receiver(), Receiver())
    stream.request_progress(1)
    await stream.remove(1)
    assert not stream._mux.asks
    stream.request_progress(1)
    assert await core.background.close() == []
