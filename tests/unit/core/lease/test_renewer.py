"""The renewing of leases: what wakes it, what it does while no server is there, or after it was held up for long."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

import pytest

from etcd_factory.core.call.endpoints import Endpoints
from etcd_factory.core.face import finish
from etcd_factory.core.lease.renewer import Renewer
from etcd_factory.core.lease.schedule import Renewal
from etcd_factory.core.lease.stream import KeepAliveStream, renewal
from etcd_factory.errors import ConnectionFailedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime, Mailbox
from etcd_factory.options import ClientOptions

TTL = 9
THIRD = TTL / 3
LONG = 60
MANY = 20  # turns: more than it takes


class Turns:
    """Whether a renewer is to go on: for as long as ``wanted``, if it does not turn in vain."""

    def __init__(self, wanted):
        self.count, self._wanted = 0, wanted

    def __call__(self):
        self.count += 1
        return self.count < MANY and self._wanted()


class Stream:
    """Answers when it is told to."""

    def __init__(self, io):
        self._box, self.sent = Mailbox(100), 0

    async def send(self, message):
        self.sent += 1

    async def receive(self):
        return await self._box.get()

    async def close(self):
        self._box.close()

    def answer(self):
        self._box.put(SimpleNamespace(ID=1, TTL=TTL))


class Held(AsyncioRuntime):
    """Ports with a clock of their own. Each wait for mail is as long as it was meant to be, the second far longer."""

    def __init__(self, answered):
        self.clock, self.waits, self.answered, self.line = 0.0, 0, answered, Stream(self)

    def now(self):
        return self.clock

    async def stream(self, *call):
        return self.line

    async def sleep(self, seconds):
        self.clock += seconds
        await AsyncioRuntime.sleep(self, 0.05)  # the stream's task runs meanwhile

    def mailbox(self, size):
        io, box = self, Mailbox(size)

        class Box:
            put = box.put

            async def get(self, timeout=None):
                if timeout and (mail := await box.get(0.1)) is None:
                    return io.held_up(timeout)
                return mail if timeout else await box.get(timeout)

        return Box()

    def held_up(self, seconds):
        """The answer to the first renewal comes only after the ttl of the grant."""
        self.waits += 1
        if self.waits == 1:
            self.clock += seconds
        else:
            self.clock = TTL + 1
            if self.answered:
                self.line.answer()


def renewer_on(io, gone):
    """A renewer on these ports, and its client."""
    options = ClientOptions(hosts=["a:1"])

    async def shown(timeout):
        return ()

    client = SimpleNamespace(io=io, options=options, hosts=Endpoints(options.hosts), shown=shown, chance=lambda: 0.5)
    return Renewer(client, gone), client


@pytest.mark.parametrize("answered", [True, False])
async def test_answers_that_came_while_the_process_was_held_up_count(answered):
    renewal(1)  # the messages are loaded
    io, lost = Held(answered), []
    renewer, _ = renewer_on(io, lost.append)
    renewer.add(Renewal(1, TTL, 0.0))
    await renewer.run(Turns(lambda: io.waits < 2))
    assert io.line.sent == 1
    assert lost == ([] if answered else [1])


@pytest.mark.parametrize("is_over", [True, False])
async def test_an_answer_on_a_stream_that_was_given_up_does_not_count(is_over):
    io, lost = Held(False), []
    renewer, client = renewer_on(io, lost.append)
    renewer._renewals.add(Renewal(1, TTL, 0.0), 0.0)
    assert renewer._renewals.ask(THIRD) == [1]
    line = KeepAliveStream(client, "http://a:1", [1])
    if is_over:
        await line.hang_up()
    renewer._heard(line, SimpleNamespace(ID=1, TTL=0))
    assert lost == ([] if is_over else [1])


class Away:
    """Ports with a clock of their own, and no server. Who waits for mail in vain finds the time gone by."""

    def __init__(self):
        self.clock, self.tries, self.mail = 0.0, [], deque()
        self.meanwhile = lambda: None

    def now(self):
        return self.clock

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
        """To go on until then."""
        return Turns(lambda: self.clock < time)


@pytest.fixture
def io():
    return Away()


@pytest.fixture
def renewer(io):
    """A renewer with a lease that is due when a third of its ttl has passed."""
    one, _ = renewer_on(io, lambda lease: None)
    one.add(Renewal(1, TTL, 0.0))
    return one


def test_it_rests_while_no_server_is_there_and_the_lease_that_it_tried_was_dropped(io, renewer):
    renewer.add(Renewal(2, LONG, 0.0))
    io.meanwhile = lambda: renewer.drop(1) if io.tries else None
    turns = io.before(LONG / 3)
    finish(renewer.run(turns))
    assert turns.count < MANY
    assert io.tries == [THIRD, LONG / 3]


MAIL = {
    "a lease that is due later": (lambda renewer: renewer.add(Renewal(2, LONG, 0.0)), False),
    "a lease that is due sooner": (lambda renewer: renewer.add(Renewal(2, 3, 0.0)), True),
    "one that is dropped": (lambda renewer: renewer.drop(1), False),
    "one that somebody else has renewed": (lambda renewer: renewer.learn(1, TTL, 1.0), False),
    "one that somebody else has found gone": (lambda renewer: renewer.learn(1, 0, 1.0), True),
    "the end": (lambda renewer: renewer.wake(), True),
}


@pytest.mark.parametrize("name", MAIL)
def test_it_is_woken_only_by_what_cannot_wait(io, renewer, name):
    happens, wakes = MAIL[name]
    woken = []

    def meanwhile():
        happens(renewer)
        woken.append(bool(io.mail))

    io.meanwhile = meanwhile
    finish(renewer.run(Turns(lambda: not woken)))
    assert woken == [wakes]


def test_what_could_wait_is_known_before_a_lease_is_tried(io, renewer):
    def meanwhile():
        renewer.drop(1)
        renewer.add(Renewal(2, LONG, 0.0))

    io.meanwhile = meanwhile
    finish(renewer.run(io.before(LONG / 3)))
    assert io.tries == [LONG / 3]


def test_a_lease_that_comes_while_it_waits_and_is_due_sooner_is_tried_in_its_time(io, renewer):
    io.meanwhile = lambda: renewer.add(Renewal(2, 3, 0.0))
    finish(renewer.run(io.before(1.0)))
    assert io.tries == [1.0]
