"""What a watch has received: its bound, its order, its end, and revisions that are never cut."""

from __future__ import annotations

import gc
from itertools import chain

import pytest

from etcd_factory import Delivered
from etcd_factory.core.call.observed import observe
from etcd_factory.core.watch.event_queue import EventQueue, calls
from etcd_factory.errors import ConnectionFailedError, WatchOverflowError
from etcd_factory.model import Event, KeyValue


def event(revision, key=b"k", **fields):
    return Event("put", KeyValue(key), revision, **fields)


@pytest.fixture
def queue(view_of):
    """A queue of at most 3 events."""
    view, _ = view_of({})
    return EventQueue(view.client.background, 3)


async def taken(queue, count):
    return [await queue.take() for _ in range(count)]


async def test_events_come_in_order_with_marks_in_their_place(queue):
    mark = Event("progress", KeyValue(b""), 2)
    queue.put(2, iter([event(1), event(2)]))
    queue.add("progress", mark)
    queue.add("connected", None)
    queue.put(1, iter([event(3)]))
    assert [found.revision for found in await taken(queue, 4)] == [1, 2, 2, 3]


async def test_hooks_learn_how_long_events_waited_for_their_reader(view_of, clock, observer):
    view, _ = view_of({})
    observe(view.client, observer.hook)
    queue = EventQueue(view.client.background, 3)
    queue.put(2, iter([event(1), event(2)]))
    queue.put(0, iter(()))
    await clock.sleep(2.5)
    assert observer.of(Delivered) == []
    await taken(queue, 2)
    assert [(read.events, read.lag) for read in observer.of(Delivered)] == [(2, 2.5)]


async def test_one_more_than_may_wait_is_an_error_and_reading_makes_room(queue):
    queue.put(3, iter([event(1), event(2), event(3)]))
    with pytest.raises(WatchOverflowError, match="more than 3 events wait to be read"):
        queue.put(1, iter([event(4)]))
    await queue.take()
    assert queue.put(1, iter([event(4)]))
    assert queue.put(9, iter([event(5)]), always=True)


async def test_an_error_is_raised_after_what_came_before_it_and_nothing_comes_after_it(queue):
    queue.put(1, iter([event(1)]))
    queue.fail(ConnectionFailedError("broke"))
    assert not queue.put(1, iter([event(2)]))
    assert (await queue.take()).revision == 1
    with pytest.raises(ConnectionFailedError, match="broke"):
        await queue.take()
    assert (await queue.take(), queue.over) == (None, True)


async def test_revisions_are_taken_whole(queue):
    queue.put(3, iter([event(1, b"a"), event(1, b"b"), event(2)]))
    queue.add("progress", Event("progress", KeyValue(b""), 2))
    assert [found.kv.key for found in await queue.take_revision()] == [b"a", b"b"]
    assert [found.revision for found in await queue.take_revision()] == [2]
    queue.close()
    assert await queue.take_revision() == []


async def test_revisions_of_a_long_past_are_no_chains_of_chains(queue):
    """They would take ever longer to read."""
    queue.put(100, map(event, range(100)), always=True)
    assert [(await queue.take_revision())[0].revision for _ in range(5)] == [*range(5)]
    assert chains(queue.ready) == 1


def chains(found):
    """Return how many iterators of that kind are one inside another."""
    inside = [one for one in gc.get_referents(found) if isinstance(one, (chain, tuple, type(iter(()))))]
    return isinstance(found, chain) + sum(map(chains, inside))


async def test_what_a_resync_found_is_one_step(queue):
    queue.put(3, iter([event(9, resync=True), event(4, resync=True), event(7, resync=True)]))
    assert [found.revision for found in await queue.take_revision()] == [9, 4, 7]


async def test_single_events_and_revisions_can_be_taken_in_turn(queue):
    queue.put(3, iter([event(1, b"a"), event(1, b"b"), event(2)]))
    assert (await queue.take()).kv.key == b"a"
    assert [found.kv.key for found in await queue.take_revision()] == [b"b"]
    assert (await queue.take()).revision == 2


@pytest.mark.parametrize(
    ("event", "value", "expected"),
    [
        ("connected", None, [("connected", ())]),
        ("error", "e", [("error", ("e",))]),
        ("data", [Event("put", KeyValue(b"k"), 1)], ["put", "data"]),
    ],
)
def test_which_handlers_an_item_calls(event, value, expected):
    found = list(calls(event, value))
    assert (found if event != "data" else [name for name, _ in found]) == expected


# --- one deadline for all that comes meanwhile


class Box:
    """A mailbox whose items come each after some time of the test's clock."""

    def __init__(self, clock, wait, items):
        self.timeouts = []
        self._clock, self._wait, self._items = clock, wait, list(items)

    async def get(self, timeout=None, seat=None):
        self.timeouts.append(timeout)
        if timeout is not None and timeout < self._wait:
            self._clock.time += timeout
            return None
        self._clock.time += self._wait
        return self._items.pop(0)


STATES = [("disconnected", ConnectionFailedError("broke")), ("connecting", None)] * 3


async def test_what_happens_to_the_stream_does_not_extend_the_time_to_wait(view_of, clock):
    view, _ = view_of({})
    queue = EventQueue(view.client.background, 10)
    queue._box = box = Box(clock, 0.4, STATES)
    assert await queue.take(1.0) is None
    assert box.timeouts == [pytest.approx(left) for left in (1.0, 0.6, 0.2)]
    assert clock.time == pytest.approx(1.0)


async def test_after_the_time_to_wait_the_next_event_can_still_be_taken(view_of, clock):
    view, _ = view_of({})
    queue = EventQueue(view.client.background, 10)
    event = Event("put", KeyValue(b"k"), 5)
    queue._box = Box(clock, 0.4, [*STATES[:2], ("data", [event])])
    assert await queue.take(1.0) is None
    assert await queue.take(1.0) is event


async def test_without_a_time_to_wait_there_is_no_deadline(view_of, clock):
    view, _ = view_of({})
    queue = EventQueue(view.client.background, 10)
    event = Event("put", KeyValue(b"k"), 5)
    queue._box = box = Box(clock, 1e6, [*STATES, ("data", [event])])
    assert await queue.take() is event
    assert set(box.timeouts) == {None}


async def test_each_queue_raises_an_error_of_its_own(view_of):
    """The traceback of one that many raise would grow with each."""
    view, _ = view_of({})
    error = ConnectionFailedError("broke")
    queues = [EventQueue(view.client.background, 1) for _ in range(2)]
    for queue in queues:
        queue.fail(error)
        with pytest.raises(ConnectionFailedError, match="broke") as caught:
            await queue.take()
        assert caught.value is not error
