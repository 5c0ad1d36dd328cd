"""The renewing of leases in a process that was held up for longer than a ttl."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from etcd_factory.core.line import Line, renewal
from etcd_factory.core.renewer import Renewer
from etcd_factory.io.tasks import Mailbox, Tasks
from etcd_factory.options import ClientOptions
from etcd_factory.policy.hosts import Hosts
from etcd_factory.policy.lease import Renewal

TTL = 9


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


class Held(Tasks):
    """Ports with a clock of their own. Each wait for mail is as long as it was meant to be, the second far longer."""

    def __init__(self, answered):
        self.clock, self.waits, self.answered, self.line = 0.0, 0, answered, Stream(self)

    def now(self):
        return self.clock

    async def stream(self, *call):
        return self.line

    async def sleep(self, seconds):
        self.clock += seconds
        await Tasks.sleep(self, 0.05)  # the stream's task runs meanwhile

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
        """The answer to the second renewal comes only after the first one's ttl."""
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

    client = SimpleNamespace(io=io, options=options, hosts=Hosts(options.hosts), shown=shown, chance=lambda: 0.5)
    return Renewer(client, gone), client


@pytest.mark.parametrize("answered", [True, False])
async def test_answers_that_came_while_the_process_was_held_up_count(answered):
    renewal(1)  # the messages are loaded
    io, lost = Held(answered), []
    renewer, _ = renewer_on(io, lost.append)
    renewer.add(Renewal(1, TTL, 0.0))
    io.line.answer()
    await renewer.run(lambda: io.waits < 2)
    assert io.line.sent == 2
    assert lost == ([] if answered else [1])


@pytest.mark.parametrize("is_over", [True, False])
async def test_an_answer_on_a_stream_that_was_given_up_does_not_count(is_over):
    io, lost = Held(False), []
    renewer, client = renewer_on(io, lost.append)
    renewer._renewals.add(Renewal(1, TTL, 0.0), 0.0)
    renewer._renewals.ask(0.0)
    line = Line(client, "http://a:1", [1])
    if is_over:
        await line.hang_up()
    renewer._heard(line, SimpleNamespace(ID=1, TTL=0))
    assert lost == ([] if is_over else [1])
