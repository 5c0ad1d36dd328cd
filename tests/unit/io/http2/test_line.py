"""A connection that threads share: who reads, who writes, and how it ends whatever happens to them."""

from __future__ import annotations

import socket
import threading
from functools import partial
from math import inf
from time import monotonic

import pytest

from etcd_factory.errors import ClientClosedError, ConnectionFailedError, DeadlineExceededError
from etcd_factory.io.http2 import keepalive
from etcd_factory.io.http2.calls import Blocks, framed
from etcd_factory.io.http2.channel import Channel
from etcd_factory.io.http2.line import Line
from etcd_factory.io.http2.thread_call import ThreadCall
from etcd_factory.options import Keepalive
from tests.support.h2_server import BOUND, Wire, answering, in_thread
from tests.support.http2 import REQUEST, data, goaway, headers, message, window
from tests.support.places import places

SHORT = 0.1  # seconds, of what is not answered
THREADS = 32
MOST = 500  # places of a call where an interrupt may come
LARGE = 1 << 22  # bytes, more than a socket's buffers take
OWNER, OTHER = object(), object()


class Striking(Channel):
    """A socket whose method is interrupted, as Ctrl-C interrupts whatever the main thread does, once ``strikes``."""

    strikes = None

    def _strike(self, name):
        if self.strikes == name:
            self.strikes = None
            raise KeyboardInterrupt

    def wait(self, timeout, *, write=False):
        ready = super().wait(timeout, write=write)
        self._strike("wait")
        return ready

    def receive(self):
        self._strike("receive")
        return super().receive()

    def send(self, data):
        self._strike("send")
        return super().send(data)

    def flush(self):
        sent = super().flush()
        if not sent:
            self._strike("flush")
        return sent


@pytest.fixture
def join():
    """A function that returns a line and the server's end of it."""
    wires = []

    def make(*given, script=None, options=Keepalive()):  # noqa: B008
        near, far = socket.socketpair()
        channel = Striking(near)
        line, wire = Line(channel, Blocks("http", "etcd", "test"), options, "etcd:2379"), Wire(far)
        wires.append((line, wire))
        if script is not None:
            in_thread(wire.run, script)
        else:
            wire.establish(*given)
        assert line.until(lambda: line.machine.is_established, BOUND)
        return line, wire

    yield make
    for line, wire in wires:
        line.close("the test is over")
        wire.close()


def begin(line, *, seconds=BOUND, content=b"question", owner=OWNER, is_stream=False):
    """Start a call; returns it."""
    start = monotonic()
    call = ThreadCall("etcd:2379", owner, start, start + seconds)
    call.refill = not is_stream
    line.start(call, REQUEST, framed(content), not is_stream)
    return call


def finish(line, call):
    """Wait for a call; returns its message, or raises its error."""
    line.news(call)
    if call.error is not None:
        raise call.error
    return call.messages[0]


def until_reading(line, call):
    """Wait until a thread reads for all."""
    while line.reader is not call:
        assert monotonic() < call.start + BOUND


def until_waiting(line, *calls):
    """Wait until threads wait for the one that reads."""
    while not set(calls) <= set(line._waiting):
        assert monotonic() < calls[0].start + BOUND


def led(line, *, seconds=BOUND, followers=1):
    """A call whose thread reads, and others whose threads wait for it; each with its outcome."""
    leader = begin(line, seconds=seconds)
    reading = in_thread(finish, line, leader)
    until_reading(line, leader)
    calls = [begin(line) for _ in range(followers)]
    waiting = [in_thread(finish, line, call) for call in calls]
    until_waiting(line, *calls)
    return (leader, reading), list(zip(calls, waiting, strict=True))


# --- reading


def test_of_many_threads_each_gets_its_own_answer(join):
    def echo(wire):
        wire.establish()
        asked = {}
        while (one := wire.hear()) is not None:
            if one.name == "DATA":
                asked[one.stream_id] = one.data[5:]
                if "END_STREAM" in one.flags:
                    wire.answer(one.stream_id, asked.pop(one.stream_id))

    line, _ = join(script=echo)

    def work(number):
        return [finish(line, begin(line, content=f"{number} {turn}".encode())) for turn in range(50)]

    working = [in_thread(work, number) for number in range(THREADS)]
    for number, done in enumerate(working):
        assert done() == [f"{number} {turn}".encode() for turn in range(50)]
    assert (line.reader, line._waiting) == (None, {})


def test_the_reader_hands_over_when_its_own_answer_is_there(join):
    line, wire = join()
    (_, reading), [(second, following), (third, last)] = led(line, followers=2)
    first_id, *ids = wire.requests(3)
    wire.answer(first_id, b"first")
    assert reading() == b"first"
    until_reading(line, second)
    for id, content in zip(ids, (b"second", b"third"), strict=True):  # noqa: A001
        wire.answer(id, content)
    assert (following(), last()) == (b"second", b"third")
    assert third.is_done


def test_the_reader_wakes_whose_answer_it_reads(join):
    line, wire = join()
    (_, reading), [(_, following)] = led(line)
    first, second = wire.requests(2)
    wire.answer(second, b"second")
    assert following() == b"second"
    wire.answer(first, b"first")
    assert reading() == b"first"


def test_the_reader_hands_over_at_its_deadline(join):
    line, wire = join()
    (_, reading), [(_, following)] = led(line, seconds=SHORT)
    first, second = wire.requests(2)
    with pytest.raises(DeadlineExceededError):
        reading()
    assert wire.until("RST_STREAM").stream_id == first
    wire.answer(second, b"second")
    assert following() == b"second"


def test_who_waits_for_the_reader_ends_at_its_own_deadline(join):
    line, wire = join()
    leader = begin(line)
    reading = in_thread(finish, line, leader)
    until_reading(line, leader)
    with pytest.raises(DeadlineExceededError):
        finish(line, begin(line, seconds=SHORT))
    wire.answer(wire.request(), b"first")
    assert reading() == b"first"


def test_a_cancelled_reader_ends_and_hands_over(join):
    line, wire = join()
    (leader, reading), [(_, following)] = led(line)
    line.cancel(leader)
    with pytest.raises(IndexError):
        reading()
    first, second = wire.requests(2)
    assert wire.until("RST_STREAM").stream_id == first
    wire.answer(second, b"second")
    assert following() == b"second"


def test_a_stream_may_wait_for_ever(join):
    line, wire = join()
    call = ThreadCall("etcd:2379", OWNER, monotonic(), inf)
    call.refill = False
    line.start(call, REQUEST, framed(b""), False)
    receiving = in_thread(finish, line, call)
    id = wire.until("HEADERS").stream_id  # noqa: A001
    wire.say(headers(id), data(id, message(b"news")))
    assert receiving() == b"news"
    line.cancel(call)


# --- writing


def roomy(join):
    """A line whose server accepts all, as far as the socket does."""
    line, wire = join((4, (1 << 31) - 1))
    wire.say(window(0, 1 << 30))
    line.look()
    return line, wire


def test_a_writer_that_finds_the_socket_full_goes_on_when_it_is_read(join):
    line, wire = roomy(join)
    calling = in_thread(lambda: finish(line, begin(line, content=bytes(LARGE))))
    stream = wire.request()
    wire.answer(stream, b"done")
    assert calling() == b"done"


def test_a_writer_reads_while_the_peer_is_stuck_in_writing(join):
    """Both sides send more than the sockets take: whoever only wrote would wait for ever."""
    line, wire = roomy(join)
    first = begin(line)
    stream = wire.request()
    large = message(bytes(LARGE // 2))
    parts = [data(stream, large[at : at + 16_000]) for at in range(0, len(large), 16_000)]
    saying = in_thread(wire.say, headers(stream), *parts)
    begin(line, content=bytes(LARGE))
    saying()
    assert first.messages or first.wanted


def test_others_add_to_what_a_writer_sends(join):
    line, wire = roomy(join)
    large = in_thread(lambda: finish(line, begin(line, content=bytes(LARGE))))
    wire.until("DATA")
    small = in_thread(lambda: finish(line, begin(line, content=b"small")))
    for _ in range(2):
        stream = wire.request()
        wire.answer(stream, str(stream).encode())
    assert {large(), small()} == {b"1", b"3"}


def test_a_peer_that_never_reads_is_left(join):
    line, wire = join((4, (1 << 31) - 1), options=Keepalive(10, SHORT))
    wire.say(window(0, 1 << 30))
    line.look()
    with pytest.raises(ConnectionFailedError, match="the server accepts no more bytes") as caught:
        finish(line, begin(line, content=bytes(LARGE)))
    assert caught.value.sent


# --- interrupts


def assert_over(line, wire):
    """It is closed on both sides, and holds nobody up."""
    wire.rest()
    assert (line.machine.is_closed, line._channel.sock.fileno()) == (True, -1)
    assert line.liveness.trusted == -inf
    with pytest.raises(ConnectionFailedError) as caught:
        finish(line, begin(line))
    assert caught.value.sent is False


def test_an_interrupt_of_a_reader_that_waits_leaves_the_connection_to_the_others(join):
    line, wire = join()
    (_, reading), [(_, following)] = led(line)
    first, second = wire.requests(2)
    line._channel.strikes = "wait"
    wire.say(headers(first))  # after which the reader waits again
    with pytest.raises(KeyboardInterrupt):
        reading()
    wire.answer(second, b"second")
    assert following() == b"second"
    assert line.machine.is_usable


def test_an_interrupt_of_the_reader_while_it_reads_ends_the_connection_for_all(join):
    line, wire = join()
    leader = begin(line)
    reading = in_thread(finish, line, leader)
    until_reading(line, leader)
    calls = [begin(line) for _ in range(3)]
    waiting = [in_thread(finish, line, call) for call in calls]
    until_waiting(line, *calls)
    wire.requests(4)
    line._channel.strikes = "receive"
    wire.say(headers(1))
    with pytest.raises(KeyboardInterrupt):
        reading()
    for done in waiting:
        with pytest.raises(ConnectionFailedError, match="interrupted") as caught:
            done()
        assert caught.value.sent
    assert_over(line, wire)


def test_an_interrupt_of_the_reader_before_it_wakes_whose_answer_it_read_holds_nobody_up(join):
    line, wire = join()
    (_, reading), _ = led(line, followers=0)
    call = begin(line, seconds=4 * BOUND)
    following, report = in_thread(finish, line, call), line._report
    until_waiting(line, call)

    def strike(calls):
        line._report = report
        raise KeyboardInterrupt

    line._report = strike
    wire.answer(wire.requests(2)[1], b"second")
    with pytest.raises(KeyboardInterrupt):
        reading()
    assert following() == b"second"


@pytest.mark.parametrize("end", [partial(Line.close, message="closed"), partial(Line.end_calls, owner=OWNER)])
def test_an_interrupt_at_any_place_of_an_end_holds_nobody_up(join, end):
    for place in places(MOST):
        line, wire = join()
        (_, reading), [(_, following)] = led(line)
        with place:
            end(line)
        wire.close()
        for ended in (reading, following):
            with pytest.raises((ClientClosedError, ConnectionFailedError)):
                ended()


def test_a_call_that_nobody_told_of_the_end_of_its_connection_ends(join):
    line, _ = join()
    call = begin(line)
    line.machine.is_closed = True
    with pytest.raises(ConnectionFailedError):
        finish(line, call)


def test_an_interrupt_of_a_writer_before_a_byte_ends_the_connection_for_all(join):
    line, wire = join()
    leader = begin(line)
    reading = in_thread(finish, line, leader)
    until_reading(line, leader)
    line._channel.strikes = "send"
    with pytest.raises(KeyboardInterrupt):
        begin(line)
    with pytest.raises(ConnectionFailedError, match="interrupted"):
        reading()
    assert_over(line, wire)


def test_an_interrupt_of_a_writer_within_a_frame_ends_the_connection_for_all(join):
    line, wire = roomy(join)
    leader = begin(line)
    reading = in_thread(finish, line, leader)
    until_reading(line, leader)
    line._channel.strikes = "flush"
    with pytest.raises(KeyboardInterrupt):
        begin(line, content=bytes(LARGE))
    with pytest.raises(ConnectionFailedError, match="interrupted"):
        reading()
    assert_over(line, wire)


# --- signs of life


def test_an_idle_reader_asks_for_a_sign_of_life_and_ends_without_one(join, monkeypatch):
    monkeypatch.setattr(keepalive, "INTERVAL", 0.0)
    line, wire = join(options=Keepalive(SHORT, SHORT))
    with pytest.raises(ConnectionFailedError, match="did not answer a PING within"):
        finish(line, begin(line))
    assert "PING" in wire.rest()


def test_one_that_is_answered_goes_on(join, monkeypatch):
    monkeypatch.setattr(keepalive, "INTERVAL", 0.0)
    line, wire = join(options=Keepalive(SHORT, BOUND))
    calling = in_thread(lambda: finish(line, begin(line)))
    for _ in range(3):
        wire.pong()
    wire.answer(1, b"late")
    assert calling() == b"late"


def test_a_server_answers_in_time_or_not(join):
    line, wire = join()
    asking = in_thread(line.answers, BOUND)
    wire.pong()
    assert asking()
    assert not line.answers(SHORT)


def test_streams_of_a_doubted_connection_end_and_calls_do_not(join, monkeypatch):
    monkeypatch.setattr(keepalive, "DOUBT", SHORT)
    line, wire = join()
    stream, call = begin(line, is_stream=True), begin(line)
    receiving, calling = in_thread(finish, line, stream), in_thread(finish, line, call)
    wire.requests(1)
    line.doubt(monotonic())
    with pytest.raises(ConnectionFailedError, match="the server is silent"):
        receiving()
    assert not line.machine.is_usable
    wire.until("PING")
    wire.answer(call.id, b"late")
    assert calling() == b"late"
    wire.rest()


# --- ends


def test_a_retired_connection_ends_with_its_last_call(join):
    line, wire = join()
    calling = in_thread(lambda: finish(line, begin(line)))
    stream = wire.request()
    line.retire()
    assert not line.machine.is_usable
    wire.answer(stream, b"last")
    assert calling() == b"last"
    assert "HEADERS" not in wire.rest()


def late(line):
    """Begin a call in a thread, up to where it waits or has ended; returns its outcome."""
    call = begin(line, seconds=inf)
    calling = in_thread(finish, line, call)
    while not (call.is_done or line.reader is call or call in line._waiting):
        assert monotonic() < call.start + BOUND
    return calling


def test_calls_that_begin_while_an_unused_connection_ends_are_refused_and_hang_nobody(join, monkeypatch):
    line, _ = join()
    calls, send = [], line._channel.send

    def sending(data):
        if not calls:  # the last bytes are being sent
            calls.extend([late(line), late(line)])
        return send(data)

    monkeypatch.setattr(line._channel, "send", sending)
    line.retire()
    assert len(calls) == 2
    for calling in calls:
        with pytest.raises(ConnectionFailedError) as caught:
            calling()
        assert not caught.value.sent


def test_a_look_finds_the_end_of_an_idle_connection(join):
    line, wire = join()
    wire.say(goaway(0))
    line.look()
    assert (line.machine.is_usable, line._channel.sock.fileno()) == (False, -1)
    assert "HEADERS" not in wire.rest()


def test_closing_a_client_ends_its_calls_only(join):
    line, wire = join()
    mine, other = begin(line), begin(line, owner=OTHER)
    ending, going = in_thread(finish, line, mine), in_thread(finish, line, other)
    line.end_calls(OWNER)
    with pytest.raises(ClientClosedError):
        ending()
    assert wire.until("RST_STREAM").stream_id == mine.id
    wire.answer(other.id, b"other")
    assert going() == b"other"


def test_closing_ends_all_who_wait_and_tells_the_peer(join):
    line, wire = join()
    (_, reading), others = led(line, followers=3)
    line.close("over")
    for done in (reading, *(done for _, done in others)):
        with pytest.raises(ConnectionFailedError):
            done()
    assert wire.rest()[-1] == "GOAWAY"
    assert line._channel.sock.fileno() == -1


def test_the_peer_is_told_even_if_who_read_was_faster(join):
    line, wire = join()
    _, reading = led(line, followers=0)[0]
    wake = line._channel.wake

    def wake_and_wait():
        line._channel.wake = wake
        wake()
        with pytest.raises(ConnectionFailedError):
            reading()

    line._channel.wake = wake_and_wait  # close() calls it before it writes
    line.close("over")
    assert wire.rest()[-1] == "GOAWAY"


def test_it_closes_its_socket_once_nobody_uses_it(join):
    """A number of a closed file may be another one's: who still reads it must not find that."""
    line, wire = join()
    (_, reading), _ = led(line, followers=0)
    wire.close()
    with pytest.raises(ConnectionFailedError, match=r"the server closed the connection|the connection broke"):
        reading()
    assert (line.reader, line._channel.sock.fileno()) == (None, -1)


def test_calls_and_closing_at_once_hang_nobody(join):
    line, _ = join(script=answering)
    gone = threading.Event()

    def work():
        while True:
            try:
                finish(line, begin(line))
            except ConnectionFailedError:
                assert gone.is_set() or line.machine.is_closed
                return True

    working = [in_thread(work) for _ in range(THREADS)]
    finish(line, begin(line))
    gone.set()
    line.close("over")
    assert all(done() for done in working)
    assert line._channel.sock.fileno() == -1
