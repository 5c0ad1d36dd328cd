"""A transport that plays a script, to test code on an etcd client without a server."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Awaitable
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast

from etcd_factory.compat import Self
from etcd_factory.errors import ClientClosedError, DeadlineExceededError, EtcdError
from etcd_factory.wire.methods import Method

from .borrowed import Borrowed
from .script import NO_REPLY, Call, Script, ScriptError, can_answer, is_stream
from .scripted_stream import ScriptedStream, StreamScript, name_of, running_loop

if TYPE_CHECKING:
    from etcd_factory.core.ports import Metadata

    from .script import Answer, Step, Steps

Q = TypeVar("Q")
R = TypeVar("R")


class ScriptedTransport:
    """Answers a client's calls from a script; pass it as ``transport`` of either service.

    >>> from etcd_factory import ETCDService
    >>> from etcd_factory.testing import ScriptedTransport, replies
    >>> script = [replies.get({"color": "red"}), replies.put()]
    >>> with ScriptedTransport(script) as transport, ETCDService(transport=transport) as etcd:
    ...     etcd.get("color").string()
    ...     etcd.put("color").value("blue").revision
    'red'
    1
    >>> transport.calls[1]
    <Call KV.Put key=b'color' value=b'blue' at http://127.0.0.1:2379, timeout 5 s>

    The script is a list of steps that answer calls in order, or a mapping from names of etcd's methods (``Range``,
    ``Put``, ``DeleteRange``, ``Txn``, ``LeaseGrant``, ``Watch``, ...) to steps, for calls whose order does not matter:
    a list there is used up in order, a single step answers every call. A step in place of the script answers all calls.

    A step is

    - a reply: a message, as ``etcd_factory.testing.replies`` builds it;
    - an exception, which is raised: ``replies.refused()`` if the request never left (the client retries it),
      ``replies.lost()`` if it may have been applied, any ``EtcdError`` for what a server answers;
    - ``NO_REPLY``: the timeout passes, without waiting for it;
    - a ``StreamScript``, such as ``replies.watch()``, for a call that opens a stream;
    - a function of the ``Call`` that returns one of these; in asyncio it may be a coroutine function.

    A call that the script does not expect raises ``ScriptError`` at once; ``done()`` and the end of the ``with`` block
    raise it again, since background work (watches, renewals of leases) logs errors and retries. They also raise it if
    steps are left.
    """

    def __init__(self, script: Steps) -> None:
        self.calls: list[Call] = []
        self._script = Script(script)
        self._guard = threading.Lock()
        self._streams: list[ScriptedStream[Any, Any]] = []
        self._unexpected: dict[str, ScriptError] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<ScriptedTransport: {len(self.calls)} calls, {self._remaining()}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.done()

    def done(self) -> None:
        """Check that the script was used up and every call expected; raises ``ScriptError`` if not."""
        for error in self._unexpected.values():
            raise error
        if self._left():
            raise ScriptError(f"the script was not used up; {self._remaining()}; the calls were: {self.calls}")

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Answer one call by the next step. Part of the transport port; ``timeout`` is in seconds."""
        call = Call(host, method.service, method.name, request, timeout, metadata)
        answer = await self._answer(call)
        if error := failure(answer, call):
            raise error
        return cast("R", copy.deepcopy(answer))

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> ScriptedStream[Q, R]:
        """Open a stream that plays the next step. Part of the transport port."""
        call = Call(host, method.service, method.name, request, None, metadata)
        answer = await self._answer(call)
        stream = script_of(answer, call).open(call.sent, has_request=request is not None)
        with self._guard:
            self._streams.append(stream)
        return stream

    async def close(self) -> None:
        """End all streams; later calls raise ``ClientClosedError``. Part of the transport port."""
        with self._guard:
            self._closed = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.abort(ClientClosedError())

    def apart(self) -> Borrowed:
        """Return a transport of the same script. Part of the transport port."""
        return Borrowed(self)

    def forget(self) -> object:
        """Replace the lock in a forked child, which another thread may hold. Part of the transport port."""
        forgotten, self._guard = self._guard, threading.Lock()
        return forgotten

    async def _answer(self, call: Call) -> object:
        answer = await resolve(self._take(call), call)
        if not can_answer(answer, call):
            raise self._error(call, f"{name_of(answer)} cannot answer it")
        return answer

    def _take(self, call: Call) -> Step:
        with self._guard:
            if self._closed:
                raise ClientClosedError
            self.calls.append(call)
            step = self._script.next(call)
            if step is None:
                raise self._error(call, "no step for it")
            if not (callable(step) or can_answer(step, call)):
                raise self._error(call, f"the next step is {name_of(step)}")
            self._script.use(call)
            return step

    def _error(self, call: Call, problem: str) -> ScriptError:
        error = ScriptError(f"unexpected call {len(self.calls)}: {call!r}; {problem}; {self._remaining()}")
        return self._unexpected.setdefault(call.method, error)  # the first one, where background work retries

    def _left(self) -> list[object]:
        scripts = [*self._script.streams, *(stream.script for stream in self._streams)]
        parts = [part for script in dict.fromkeys(scripts) for part in script.left]
        return [*self._script.left, *parts]

    def _remaining(self) -> str:
        return f"left: {', '.join(map(name_of, self._left())) or 'nothing'}"


async def resolve(step: Step, call: Call) -> object:
    """Return the answer of a step: what a function returns, else the step itself."""
    if not callable(step) or isinstance(step, type):
        return step
    answer = step(call)
    if not isawaitable(answer):
        return answer
    if running_loop() is None:
        if iscoroutine(answer):
            answer.close()
        raise TypeError("an async step needs an AsyncETCDService; for a blocking one write 'def'")
    return await in_time(answer, call.timeout)


async def in_time(answer: Awaitable[Answer], timeout: float | None) -> Answer:
    """Return the answer, or ``NO_REPLY`` if it takes longer than ``timeout`` seconds."""
    task = asyncio.ensure_future(answer)
    try:
        finished, _ = await asyncio.wait([task], timeout=timeout)
        return task.result() if finished else NO_REPLY
    finally:
        task.cancel()


def script_of(answer: object, call: Call) -> StreamScript[Any, Any]:
    """Return what the server does on a stream; a failure comes at the first message, as on a real stream."""
    if is_stream(answer):
        return answer
    error = failure(answer, call) if answer is not NO_REPLY else None
    return StreamScript(error) if error else StreamScript()


def failure(answer: object, call: Call) -> Exception | None:
    """Return the exception to raise for an answer, if it is one; an ``EtcdError`` as a copy with its endpoint."""
    if answer is NO_REPLY:
        answer = DeadlineExceededError(f"no reply within {call.timeout:g} s")
    if isinstance(answer, type):
        answer = answer()
    if not isinstance(answer, EtcdError):
        return answer if isinstance(answer, Exception) else None
    error = copy.copy(answer)  # the client sets attributes of it, and a step may be used more than once
    error.endpoint = error.endpoint or call.host.partition("://")[2]
    return error
