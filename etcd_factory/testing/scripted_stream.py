"""What a scripted server does on a stream: replies to the client's messages, and messages that it sends unasked."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message
from typing_extensions import TypeIs

from etcd_factory.io.runtime import threads
from etcd_factory.io.runtime.asyncio import Signal as AsyncioSignal

T = TypeVar("T")
Q = TypeVar("Q")  # the client's messages
R = TypeVar("R")  # the server's messages


class End(Enum):
    """The type of ``END``."""

    END = "end of the stream"

    def __repr__(self) -> str:
        return "END"


END = End.END
"""A part of a stream: the server ends it without an error."""

Part: TypeAlias = R | Exception | End
Parts: TypeAlias = Sequence[Part[R]] | Part[R] | None


class StreamScript(Generic[Q, R]):
    """What the server does on one stream, or on one after another: a step of a ``ScriptedTransport``.

    ``parts`` is what the server sends, in order, once the client has sent its first message: messages, exceptions that
    break the stream, ``END``. ``reply`` is called with each message of the client and returns what the server answers:
    one part, a list of them, or None; answers come before ``parts``. An exception or ``END`` ends only this stream: if
    the client opens another one on the same script, that gets the parts that follow.

    >>> StreamScript(ConnectionError("broke"), END)
    <StreamScript: ConnectionError('broke'), END>
    """

    def __init__(self, *parts: Part[R], reply: Callable[[Q], Parts[R]] | None = None) -> None:
        self._parts, self._reply = deque(map(checked, parts)), reply
        self._guard = threading.Lock()
        self._streams: list[ScriptedStream[Q, R]] = []

    def __repr__(self) -> str:
        left = ", ".join(map(name_of, self.left)) or "no parts left"
        return f"<{type(self).__name__}: {left}>"

    @property
    def left(self) -> tuple[Part[R], ...]:
        """The parts that no client has received yet."""
        return tuple(self._parts)

    def push(self, *parts: Part[R]) -> None:
        """Send more parts, now or as soon as the client has opened a stream. May be called from any thread."""
        with self._guard:
            self._parts.extend(map(checked, parts))
            streams = tuple(self._streams)
        for stream in streams:
            stream.wake()

    def open(self, sent: list[Q], *, has_request: bool) -> ScriptedStream[Q, R]:
        """Return a stream that plays the rest of this script, and adds what the client sends to ``sent``.

        ``has_request`` if the client sends nothing more than one request.
        """
        stream = ScriptedStream(self, sent, is_started=has_request)
        with self._guard:
            self._streams.append(stream)
        self.opened()
        return stream

    def discard(self, stream: ScriptedStream[Q, R]) -> None:
        """Forget a stream that has ended."""
        with self._guard:
            if stream in self._streams:
                self._streams.remove(stream)

    def take(self) -> Part[R] | None:
        """Take the next part out; None if none can be sent now."""
        with self._guard:
            return self._parts.popleft() if self._parts and self.is_ready(self._parts[0]) else None

    # --- for subclasses

    def opened(self) -> None:
        """A client has opened a stream."""

    def answer(self, message: Q) -> Parts[R]:
        """Return the reply to a client's message."""
        return self._reply(message) if self._reply else None

    def is_ready(self, part: Part[R]) -> bool:  # noqa: ARG002
        """Whether the client can understand this part by now; until then it holds up all that follow."""
        return True

    def prepare(self, part: R) -> R:
        """Return the message to send for a part; the part itself is not changed."""
        return copy.deepcopy(part)


class ScriptedStream(Generic[Q, R]):
    """One open stream; implements the port ``Stream`` on threads and on asyncio."""

    def __init__(self, script: StreamScript[Q, R], sent: list[Q], *, is_started: bool) -> None:
        self.script = script
        self._sent, self._is_started = sent, is_started
        self._replies: deque[Part[R]] = deque()
        self._waiter: Waiter | None = None
        self._error: Exception | None = None
        self._is_over = False

    def send(self, message: Q) -> None:
        """Record a message of the client, and queue the reply to it."""
        self._sent.append(message)
        try:
            answer = self.script.answer(message)
        except Exception as error:
            answer = error
        self._replies.extend(parts_of(answer))
        self._is_started = True
        self.wake()

    async def receive(self) -> R | None:
        """Return the next message; None at the end. Raises the exception that breaks the stream."""
        part = await self._next()
        if part is not None and not isinstance(part, (Exception, End)):
            return self.script.prepare(part)
        self.abort(None)
        if isinstance(part, Exception):
            raise part
        return None

    async def close(self) -> None:
        """End the stream; ``receive`` then returns None."""
        self.abort(None)

    def abort(self, error: Exception | None) -> None:
        """End the stream; ``receive`` then raises this error."""
        self._is_over, self._error = True, self._error or error
        self.script.discard(self)
        self.wake()

    def wake(self) -> None:
        """Let the receiver look again."""
        if self._waiter is not None:
            self._waiter.wake()

    async def _next(self) -> Part[R] | None:
        while True:
            self._waiter = waiter = Waiter()  # before it looks, so that no wake-up is missed
            if self._is_over:
                return self._error
            part = self._take()
            if part is not None:
                return part
            await waiter.wait()

    def _take(self) -> Part[R] | None:
        if self._replies:
            return self._replies.popleft()
        return self.script.take() if self._is_started else None


class Waiter:
    """Lets one thread, or one task of an event loop, wait until any thread wakes it."""

    def __init__(self) -> None:
        self._loop = running_loop()
        self._signal = threads.Signal() if self._loop is None else AsyncioSignal()

    def wake(self) -> None:
        """End the wait."""
        if self._loop is None:
            self._signal.set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._signal.set)

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait for ``wake``; false if ``timeout`` seconds pass first."""
        return await self._signal.wait(timeout)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def parts_of(answer: Parts[R]) -> Sequence[Part[R]]:
    """Return the parts of a reply, as a sequence."""
    if answer is None:
        return ()
    return answer if is_several(answer) else (answer,)


def is_several(answer: Parts[R]) -> TypeIs[Sequence[Part[R]]]:
    """Whether these are several parts."""
    return isinstance(answer, Sequence)


def checked(part: T) -> T:
    """Return the part; ``TypeError`` for what a stream cannot play."""
    if not isinstance(part, (Message, Exception, End)):
        raise TypeError(f"a part of a stream is a message, an exception or END, not {part!r}")
    return part


def name_of(part: object) -> str:
    """Return what a step or a part is called in errors."""
    return type(part).__name__ if isinstance(part, Message) else repr(part)
