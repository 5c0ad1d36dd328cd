"""Ports of a client that tests can hold up: what it hears from its streams, and what a mirror asks."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from unittest import mock

from etcd_factory.core.face import Sync
from etcd_factory.wire.methods import READ

BOUND = 30  # seconds


class Gate:
    """Lets pass while it is open; others wait in front of it, as their face does."""

    def __init__(self, io):
        self._io, self._open = io, threading.Event()
        self.open, self.shut = self._open.set, self._open.clear
        self.open()

    async def passed(self):
        if self._io.face is Sync:
            assert self._open.wait(BOUND)
        elif not self._open.is_set():  # what is open is passed without a turn for others
            assert await asyncio.to_thread(self._open.wait, BOUND)


class Streams(Gate):
    """What a client hears from its streams; while it is shut, watches know of nothing new."""

    def __init__(self, io):
        super().__init__(io)
        self._stream = io.stream

    async def __call__(self, *args):
        stream = await self._stream(*args)
        receive = stream.receive

        async def held():
            message = await receive()
            await self.passed()
            return message

        stream.receive = held
        return stream


class Questions(Gate):
    """What a mirror asks etcd; ``asked`` has how many keys each request was about, ``error`` is an answer."""

    def __init__(self, io):
        super().__init__(io)
        self._unary, self.asked, self.error = io.unary, [], None
        self._begun, self._answered = threading.Semaphore(0), threading.Semaphore(0)

    async def __call__(self, host, method, request, *rest):
        if method is not READ:
            return await self._unary(host, method, request, *rest)
        self.asked.append(len(request.success))
        self._begun.release()
        await self.passed()
        if self.error is not None:
            raise self.error
        answer = await self._unary(host, method, request, *rest)
        self._answered.release()
        return answer

    async def begun(self):
        """Wait for the next request."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=BOUND)

    async def answered(self):
        """Wait for the next answer."""
        assert await asyncio.to_thread(self._answered.acquire, timeout=BOUND)


@contextmanager
def in_place(client, name, kind):
    """A gate in the place of one of the client's ports; open at the end."""
    io = client._run.client.io
    with mock.patch.object(io, name, kind(io)) as gate:
        try:
            yield gate
        finally:
            gate.open()


def hearing(client):
    """The streams that a client opens from now on."""
    return in_place(client, "stream", Streams)


def asking(client):
    """What a client's mirrors ask from now on."""
    return in_place(client, "unary", Questions)
