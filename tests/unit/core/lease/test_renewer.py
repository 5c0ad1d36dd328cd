"""Renewing leases: what wakes the renewer, what it does without a server, and after the process was held up."""

from __future__ import annotations

import logging
from collections import deque
from types import SimpleNamespace

import pytest

from etcd_factory.core.call.client import Client
from etcd_factory.core.face import finish
from etcd_factory.core.lease.renewer import Renewer
from etcd_factory.core.lease.schedule import Renewal
from etcd_factory.core.lease.stream import KeepAliveStream
from etcd_factory.errors import ConnectionFailedError
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
        self.count, self._wanted = 0, wanted

    def __call__(self):
        self.count += 1
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
