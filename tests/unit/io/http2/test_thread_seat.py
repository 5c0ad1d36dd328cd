"""Reading a stream in place of the thread that waits for it: who gets a message, and who reads when nobody sits."""

from __future__ import annotations

from contextlib import suppress
from math import inf
from queue import Empty
from time import monotonic

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import InternalError
from etcd_factory.io.http2 import thread_seat as seat_module
from etcd_factory.io.http2.threads import ThreadTransport
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages, methods
from tests.support.h2_server import BOUND, in_thread
from tests.support.http2 import GOOD, data, headers, message, trailers
from tests.support.seats import MINE, OTHERS, prepare_mine

TICK = 0.01
MANY = 701  # messages, each seventh for the thread of the stream, and so the last


class Watch:
    """A stream, the server's end of it, a thread that receives from it, and what seats have kept."""

    def __init__(self, server, transport):
        opening = in_thread(finish, transport.stream(server.url, methods.WATCH, (), messages.WatchRequest()))
        self.wire = server.wire().establish()
        self.stream = opening()
        self.line, self.call = self.stream._line, self.stream._call
        self.id = self.wire.request()
        self.kept = []
        self.wire.say(headers(self.id))

    def say(self, *ids):
        """Send a message of each watch."""
        parts = [messages.WatchResponse(watch_id=one).SerializeToString() for one in ids]
        self.wire.say(*[data(self.id, message(part)) for part in parts])

    def receive(self):
        """Receive in another thread, which waits by now; returns a function that waits for the message."""
        receiving = in_thread(lambda: finish(self.stream.receive()))
        self.until(lambda: self.line.reader is self.call)
        return receiving

    def seat(self):
        return self.stream.seat(prepare_mine(self.kept, lambda reply: MINE))

    def sit(self, seat, timeout=BOUND):
        """Wait on a seat in another thread, which sits there by now; returns a function that waits for its end."""
        sitting = in_thread(seat.get, timeout)
        self.until(lambda: self.line.reader is seat)
        return sitting

    def until(self, condition):
        """Wait for another thread, without a part in how those wait."""
        end = monotonic() + BOUND
        while not condition():
            assert monotonic() < end


@pytest.fixture
def watch(serve):
    options = {"keepalive": {"time": 10 * BOUND}}  # a PING would end a wait that nobody else ends
    server, transport = serve(), ThreadTransport(ClientOptions.of(options))
    yield Watch(server, transport)
    finish(transport.close())


def test_whoever_sits_keeps_a_message_and_wakes_no_other_thread(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    watch.say(MINE)
    sitting()
    assert (seat.is_filled, watch.kept) == (True, [MINE])
    watch.say(OTHERS)
    assert receiving().watch_id == OTHERS


def test_messages_that_came_together_are_kept_together_and_the_first_for_others_wakes_the_thread_of_the_stream(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    watch.say(MINE, MINE, OTHERS)
    sitting()
    assert (seat.is_filled, watch.kept) == (True, [MINE, MINE])
    assert receiving().watch_id == OTHERS


def test_a_message_for_others_wakes_the_thread_of_the_stream_and_the_seat_goes_on_waiting(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    watch.say(OTHERS, MINE)
    assert receiving().watch_id == OTHERS
    assert finish(watch.stream.receive()).watch_id == MINE
    seat.put(None)
    sitting()
    assert (seat.is_filled, watch.kept) == (False, [])


@pytest.mark.parametrize("timeout", [0.0, TICK, 10 * TICK])
def test_a_seat_ends_at_its_timeout(watch, timeout):
    receiving = watch.receive()
    with pytest.raises(Empty):
        watch.seat().get(timeout)
    watch.say(OTHERS)
    assert receiving().watch_id == OTHERS


def test_a_seat_that_waits_a_short_time_leaves_the_thread_that_reads_alone(watch):
    receiving = watch.receive()
    with pytest.raises(Empty):
        watch.seat().get(TICK)
    assert watch.line.reader is watch.call
    watch.say(OTHERS)
    assert receiving().watch_id == OTHERS


def test_but_it_takes_what_is_there_while_nobody_reads(watch, monkeypatch):
    monkeypatch.setattr(seat_module, "ABSENCE", BOUND)  # the thread of the stream stays away for all of the test
    watch.receive()
    sitting = watch.sit(watch.seat())
    watch.say(MINE)
    sitting()
    watch.say(MINE)
    while len(watch.kept) < 2:  # it may be under way
        with suppress(Empty):
            watch.seat().get(0.0)


def test_a_seat_that_is_woken_ends_though_nothing_was_kept(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    seat.put(None)
    sitting()
    assert not seat.is_filled
    watch.say(OTHERS)
    assert receiving().watch_id == OTHERS


def test_once_it_is_woken_nothing_is_kept_as_what_was_delivered_before_comes_first(watch):
    receiving, seat = watch.receive(), watch.seat()
    seat.put(None)
    watch.call.messages.append(messages.WatchResponse(watch_id=MINE).SerializeToString())
    seat.get(BOUND)
    assert (seat.is_filled, watch.kept) == (False, [])
    assert receiving().watch_id == MINE


def test_only_one_sits_at_a_time(watch):
    watch.receive()
    first, second = watch.seat(), watch.seat()
    sitting = watch.sit(first)
    with pytest.raises(Empty):
        second.get(10 * TICK)
    assert watch.call.seat is first
    watch.say(MINE)
    sitting()
    assert (first.is_filled, second.is_filled) == (True, False)


def test_the_thread_of_the_stream_leaves_news_to_whoever_sat_down_meanwhile(watch):
    call, seat = watch.call, watch.seat()
    assert not call.sit(seat)
    call.is_awaited = True
    assert call.sit(seat)
    assert not call.leave_news()
    call.rise(seat, is_served=False)
    assert call.leave_news()
    assert not call.sit(seat)


def test_news_for_the_thread_of_the_stream_wake_it_while_it_stays_away(watch, monkeypatch):
    monkeypatch.setattr(seat_module, "ABSENCE", BOUND)
    receiving, sitting = watch.receive(), watch.sit(watch.seat())
    watch.say(MINE)
    sitting()
    watch.until(lambda: watch.call._looks < inf)
    sitting = watch.sit(seat := watch.seat())
    watch.say(OTHERS)
    assert receiving().watch_id == OTHERS
    seat.put(None)
    sitting()


def test_nobody_sits_while_the_thread_of_the_stream_is_busy(watch):
    watch.say(MINE)
    with pytest.raises(Empty):
        watch.seat().get(10 * TICK)
    assert watch.kept == []
    assert finish(watch.stream.receive()).watch_id == MINE


def test_the_end_of_the_stream_is_for_its_thread(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    watch.wire.say(trailers(watch.id, GOOD))
    assert receiving() is None
    seat.put(None)
    sitting()
    assert not seat.is_filled


def test_closing_the_stream_ends_whoever_sits_and_its_thread(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    finish(watch.stream.close())
    assert receiving() is None
    seat.put(None)
    sitting()


def test_a_malformed_message_is_an_error_for_the_thread_of_the_stream(watch):
    receiving, seat = watch.receive(), watch.seat()
    sitting = watch.sit(seat)
    watch.wire.say(data(watch.id, message(b"\xff")))
    with pytest.raises(InternalError):
        receiving()
    seat.put(None)
    sitting()


def test_an_interrupt_of_whoever_sits_leaves_the_stream_to_its_thread(watch, monkeypatch):
    receiving, seat = watch.receive(), watch.seat()
    real = watch.line.news

    def interrupted(call):
        if call is seat:
            raise KeyboardInterrupt
        real(call)

    with monkeypatch.context() as patch:
        patch.setattr(watch.line, "news", interrupted)
        with pytest.raises(KeyboardInterrupt):
            seat.get(BOUND)
    watch.say(OTHERS)
    assert receiving().watch_id == OTHERS


def test_all_messages_come_in_order_however_often_somebody_sits_down_and_rises(watch):
    """Who receives a message begins to wait again only when it is noted."""
    seen = watch.kept
    parts = [
        messages.WatchResponse(watch_id=MINE if number % 7 else OTHERS, header={"revision": number})
        for number in range(MANY)
    ]

    def receive():
        while len(seen) < MANY:
            seen.append(finish(watch.stream.receive()).header.revision)

    prepare = prepare_mine(seen, lambda reply: reply.header.revision)

    def speak():
        for part in parts:
            watch.wire.say(data(watch.id, message(part.SerializeToString())))

    receiving, speaking = in_thread(receive), in_thread(speak)
    while len(seen) < MANY - 1:  # the last one is for its thread
        with suppress(Empty):
            watch.stream.seat(prepare).get(TICK)
    receiving()
    speaking()
    assert seen == [*range(MANY)]
