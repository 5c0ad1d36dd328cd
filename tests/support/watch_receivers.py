"""Owners of watches that record what the stream of a client delivers, and what was requested on it."""

from __future__ import annotations

import asyncio
import threading

BOUND = 10  # seconds that nothing here takes
FIELDS = {"key": b"k", "range_end": b""}


class Receiver:
    """Records what a watch receives; ``until`` waits for an output or a state."""

    is_kept = False  # tests hold it themselves

    def __init__(self, keep=True):
        self.notes, self.keep, self._change = [], keep, threading.Condition()

    def deliver(self, output):
        self._note(output.kind, output)
        return self.keep

    def state(self, state, error=None):
        self._note(state, error)

    def _note(self, kind, fact):
        with self._change:
            self.notes.append((kind, fact))
            self._change.notify_all()

    @property
    def kinds(self):
        return [kind for kind, _ in self.notes]

    async def until(self, kind, count=1):
        """Wait until it was notified so often, and return what it was notified of last."""

        def wait():
            with self._change:
                assert self._change.wait_for(lambda: self.kinds.count(kind) >= count, BOUND), self.kinds
            return [fact for one, fact in self.notes if one == kind][-1]

        return await asyncio.to_thread(wait)


def sent(transport, kind="create_request"):
    """The requests of a kind on each stream."""
    return [
        [getattr(message, kind) for message in call.sent if message.HasField(kind)]
        for call in transport.calls
        if call.method == "Watch"
    ]


async def begun(stream, *receivers, start=0):
    """Begin watches, and return their ids once the server has confirmed them."""
    ids = [stream.add(receiver, FIELDS, start) for receiver in receivers]
    for receiver in receivers:
        await receiver.until("created")
    return ids
