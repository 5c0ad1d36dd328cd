"""Renewing leases: what wakes the renewer, what it does without a server, and after the process was held up."""

from __future__ import annotations

import logging
from collections import deque
from types import SimpleNamespace

import pytest

from etcd_factory.core.call.client import Client
from etcd_factory.core.face import finish
from etcd_factory.core.lease.renewer import LATE, LINGER, LIVED, LONGEST_WAIT, TICK, Renewer
from etcd_factory.core.lease.schedule import Renewal
from etcd_factory.core.lease.stream import KeepAliveStream
from etcd_factory.errors import ClientClosedError, ConnectionFailedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime, Mailbox
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, StreamScript
from etcd_factory.wire import messages

TTL = 9
THIRD = TTL / 3
LONG = 60
MANY = 20  # turns: more than it takes


def renewer_on(runtime, transport, on_lost):
    """Return a renewer on these, and its client."""
    client = Client(transport, runtime, ClientOptions(hosts=["a:1"]))
    return Renewer(client, on_lost), client


class Turns:
    """Whether a renewer continues: for as long as ``wanted``, unless it turns too often."""

    def __init__(self, wanted):
        self.count, self._wanted, self.idle = 0, wanted, []

    def __call__(self, idle):
        self.count += 1
        self.idle.append(idle)
        return self.count < MANY and self._wanted()


class Delayed(AsyncioRuntime):
    """A runtime with a clock of its own. The second wait for mail takes far longer than it should."""

    def __init__(self, answered):
        self.clock, self.waits = 0.0, 0
        self.answered, self.script = answered, StreamScript()

    def now(self):
        return self.clock

    async def sleep(self, seconds):
        self.clock += seconds
        await AsyncioRuntime.sleep(self, 0.05)  # the task of the stream runs meanwhile

    def mailbox(self, size):
        runtime, box = self, Mailbox(size)

        class Box:
            put = box.put

            async def get(self, timeout=None):
                if timeout and (mail := await box.get(0.1)) is None:
                    return runtime.hold_up(timeout)
                return mail if timeout else await box.get(timeout)

        return Box()

    def hold_up(self, seconds):
        """The response to the first renewal comes only after the ttl of the grant."""
        self.waits += 1
        if self.waits == 1:
            self.clock += seconds
        else:
            self.clock = TTL + 1
            if self.answered:
                self.script.push(messages.LeaseKeepAliveResponse(ID=1, TTL=TTL))


@pytest.mark.parametrize("answered", [True, False])
async def test_responses_that_came_while_the_process_was_held_up_count(answered):
    messages.LeaseKeepAliveRequest()  # the messages are loaded
    runtime, lost = Delayed(answered), []
    transport = ScriptedTransport({"LeaseKeepAlive": runtime.script})
    renewer, _ = renewer_on(runtime, transport, lost.append)
    renewer.add(Renewal(1, TTL, 0.0))
    await renewer.run(Turns(lambda: runtime.waits < 2))
    assert [len(call.sent) for call in transport.calls] == [1]
    assert lost == ([] if answered else [1])


@pytest.mark.parametrize("is_closed", [True, False])
async def test_a_response_on_a_stream_that_was_given_up_does_not_count(is_closed):
    lost = []
    renewer, client = renewer_on(Delayed(False), ScriptedTransport([]), lost.append)
    renewer._schedule.add(Renewal(1, TTL, 0.0), 0.0)
    assert renewer._schedule.request(THIRD) == [1]
    stream = KeepAliveStream(client, "http://a:1", [1])
    if is_closed:
        await stream.close()
    renewer._answered(stream, SimpleNamespace(ID=1, TTL=0))
    assert lost == ([] if is_closed else [1])


class Away:
    """A runtime and a transport with a clock of their own, and no server. Waiting without mail takes the time."""

    def __init__(self):
        self.clock, self.tries, self.mail = 0.0, [], deque()
        self.meanwhile = lambda: None

    lock = AsyncioRuntime.lock
    face = AsyncioRuntime.face

    def now(self):
        return self.clock

    def random(self):
        return 0.5

    def mailbox(self, size):
        return self

    def put(self, mail):
        self.mail.append(mail)

    async def get(self, timeout=None):
        if timeout and not self.mail:
            self.meanwhile()
            self.clock += 0.0 if self.mail else timeout
        return self.mail.popleft() if self.mail else None

    async def stream(self, *call):
        self.tries.append(self.clock)
        raise ConnectionFailedError("of the test")

    def spawn(self, body, name):
        finish(body)
        return self

    async def join(self, timeout):
        return True

    def before(self, time):
        """Continue until then."""
        return Turns(lambda: self.clock < time)


@pytest.fixture
def away():
    return Away()


@pytest.fixture
def renewer(away):
    """A renewer with a lease that is due when a third of its ttl has passed."""
    one, _ = renewer_on(away, away, lambda lease: None)
    one.add(Renewal(1, TTL, 0.0))
    return one


def test_it_rests_without_a_server_once_the_lease_that_it_tried_was_dropped(away, renewer):
    renewer.add(Renewal(2, LONG, 0.0))
    away.meanwhile = lambda: renewer.drop(1) if away.tries else None
    turns = away.before(LONG / 3)
    finish(renewer.run(turns))
    assert turns.count < MANY
    assert away.tries == [THIRD, LONG / 3]


MAIL = {
    "a lease that is due later": (lambda renewer: renewer.add(Renewal(2, LONG, 0.0)), False),
    "a lease that is due sooner": (lambda renewer: renewer.add(Renewal(2, 3, 0.0)), True),
    "a lease is dropped": (lambda renewer: renewer.drop(1), False),
    "a renewal made elsewhere": (lambda renewer: renewer.renewed(1, TTL, 1.0), False),
    "a renewal made elsewhere that found the lease gone": (lambda renewer: renewer.renewed(1, 0, 1.0), True),
    "the end": (lambda renewer: renewer.wake(), True),
}


@pytest.mark.parametrize("name", MAIL)
def test_only_what_cannot_wait_wakes_it(away, renewer, name):
    happens, wakes = MAIL[name]
    woken = []

    def meanwhile():
        happens(renewer)
        woken.append(bool(away.mail))

    away.meanwhile = meanwhile
    finish(renewer.run(Turns(lambda: not woken)))
    assert woken == [wakes]


def test_a_lease_that_is_dropped_before_it_looks_is_never_scheduled(away, renewer):
    renewer.add(Renewal(2, LONG, 0.0))
    renewer.drop(2)
    added = []
    renewer._schedule.add = lambda lease, now: added.append(lease.id)
    finish(renewer.run(Turns(lambda: not added)))
    assert added == [1]


@pytest.mark.parametrize("again", [True, False])
def test_a_lease_that_is_dropped_and_added_again_before_it_looks_is_renewed(away, renewer, again):
    renewer._read_waiting()
    for _ in range(2):
        renewer.drop(1)
        if again:
            renewer.add(Renewal(1, TTL, 0.0))
    renewer._read_waiting()
    assert len(renewer._schedule) == again


def test_short_leases_beside_a_long_one_wake_it_once_in_a_while(away):
    renewer, _ = renewer_on(away, away, lambda lease: None)
    renewer.add(Renewal(1, 3600, 0.0))
    woken = []

    def meanwhile():
        away.clock += TICK
        renewer.add(Renewal(2, TTL, away.clock))
        renewer.drop(2)
        woken.append(bool(away.mail))

    away.meanwhile = meanwhile
    finish(renewer.run(Turns(lambda: len(woken) < 2)))
    assert woken == [True, False]


def test_without_a_lease_it_says_after_a_while_that_it_is_idle(away, renewer):
    renewer.drop(1)
    turns = Turns(lambda: not (turns.idle and turns.idle[-1]))
    finish(renewer.run(turns))
    assert (turns.idle, away.clock) == ([False, False, True], LINGER)


def test_it_is_not_idle_if_a_lease_came_and_went_meanwhile(away, renewer):
    def meanwhile():
        if away.clock < LINGER:
            renewer.add(Renewal(2, TTL, away.clock))
            renewer.drop(2)
            assert not away.mail  # none of it wakes anybody

    renewer.drop(1)
    away.meanwhile = meanwhile
    turns = Turns(lambda: not (turns.idle and turns.idle[-1]))
    finish(renewer.run(turns))
    assert (turns.idle, away.clock) == ([False, False, False, True], 2 * LINGER)


def test_mail_that_could_wait_is_read_before_a_lease_is_renewed(away, renewer):
    def meanwhile():
        renewer.drop(1)
        renewer.add(Renewal(2, LONG, 0.0))

    away.meanwhile = meanwhile
    finish(renewer.run(away.before(LONG / 3)))
    assert away.tries == [LONG / 3]


def test_a_lease_that_comes_while_it_waits_and_is_due_sooner_is_renewed_in_its_time(away, renewer):
    away.meanwhile = lambda: renewer.add(Renewal(2, 3, 0.0))
    finish(renewer.run(away.before(1.0)))
    assert away.tries == [1.0]


def test_after_a_broken_stream_it_pauses_and_tries_another_host():
    """The pauses double; the lease is lost when its ttl has passed."""
    away, lost = Away(), []
    client = Client(away, away, ClientOptions(hosts=["a:1", "b:1"], retry={"initial": 1, "maximum": 4}))
    hosts, open_stream = [], away.stream

    async def stream(host, *call):
        hosts.append(host)
        return await open_stream(host, *call)

    away.stream = stream
    renewer = Renewer(client, lost.append)
    renewer.add(Renewal(1, TTL, 0.0))
    finish(renewer.run(Turns(lambda: not lost)))
    assert (lost, away.clock) == ([1], TTL)
    assert away.tries == [THIRD, THIRD + 0.75, THIRD + 2.25, THIRD + 5.25]
    assert hosts[:2] == ["http://b:1", "http://a:1"]


def test_a_host_that_does_not_answer_in_time_is_left_for_another(away, renewer, caplog):
    """A response may take a third of the ttl."""
    caplog.set_level(logging.INFO, "etcd_factory.lease")
    renewer._read_waiting()
    assert renewer._schedule.request(THIRD) == [1]
    stream = renewer._stream = KeepAliveStream(renewer._client, "http://a:1", [1])
    finish(renewer._act(2 * THIRD - 0.1))
    assert (stream.is_closed, renewer._schedule.due()) == (False, None)
    finish(renewer._act(2 * THIRD))
    assert (stream.is_closed, renewer._schedule.due()) == (True, 2 * THIRD)
    assert "http://a:1 does not answer in time; renewing leases on another host" in caplog.text


# --- what a server, or a defect, must not bring about


def stream_of(renewer, *, connected=True):
    """A stream of the renewer that is over."""
    stream = KeepAliveStream(renewer._client, "http://a:1", [1])
    stream.is_connected = connected
    return stream


@pytest.mark.parametrize("ttl", [1 << 62, (1 << 63) - 1])
def test_a_ttl_that_no_clock_holds_does_not_end_it(away, renewer, ttl):
    renewer._read_waiting()
    renewer._schedule.request(THIRD)
    renewer._answered(stream_of(renewer), SimpleNamespace(ID=1, TTL=ttl))
    assert renewer._wait(THIRD) == LONGEST_WAIT
    away.clock = THIRD
    renewer.add(Renewal(2, LONG, 0.0))
    finish(renewer.run(away.before(LONG / 3)))
    assert away.tries == [LONG / 3]


def test_an_error_inside_does_not_end_it(away, renewer, caplog):
    expired, errors = renewer._schedule.expired, [OverflowError("of the test"), ValueError("of the test")]

    def failing(now):
        if errors:
            raise errors.pop()
        return expired(now)

    renewer._schedule.expired = failing
    away.sleep = slept(away)
    finish(renewer.run(away.before(THIRD + 1)))
    assert THIRD <= away.tries[0] <= THIRD + 3 * LATE
    assert caplog.text.count("renewing leases failed, and goes on") == 2


def slept(away):
    async def sleep(seconds):
        away.clock += seconds

    return sleep


def test_streams_that_end_after_their_first_response_are_reopened_after_growing_pauses(away, renewer):
    pauses = []
    for _ in range(4):
        renewer._opened = away.clock
        renewer._disconnected(stream_of(renewer), None)
        pauses.append(renewer._reconnect - away.clock)
    assert pauses == sorted({*pauses})


def test_pauses_begin_again_after_a_stream_that_has_lived(away, renewer):
    pauses = []
    for _ in range(3):
        renewer._opened = away.clock
        away.clock += LIVED
        renewer._disconnected(stream_of(renewer), None)
        pauses.append(renewer._reconnect - away.clock)
    assert pauses == [pytest.approx(pauses[0])] * 3


def test_what_is_to_be_done_later_is_done_in_its_time(away, renewer):
    done = []
    renewer.call_later(1.0, lambda: done.append(away.clock))
    finish(renewer.run(away.before(THIRD)))
    assert done == [1.0]


def test_what_is_to_be_done_within_a_tenth_of_a_second_is_done_together(away, renewer):
    done = []
    for at in (0.0, 0.25, 0.5, 0.75, 1.01):
        away.clock = TICK * at
        renewer.call_later(1.0, lambda: done.append(away.clock))
    away.clock = TICK
    finish(renewer.run(away.before(THIRD)))
    assert done == [pytest.approx(1.0 + TICK * late) for late in (0, 1, 1, 1, 2)]


@pytest.mark.parametrize(("error", "logged"), [(ValueError("odd"), True), (ClientClosedError(), False)])
def test_what_fails_there_does_not_end_it(away, renewer, caplog, error, logged):
    def fails():
        raise error

    renewer.call_later(1.0, fails)
    finish(renewer.run(away.before(THIRD)))
    assert away.tries == [THIRD]
    assert ("what was to be done with a lease failed" in caplog.text) is logged
