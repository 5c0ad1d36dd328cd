"""The one stream that carries a client's watches, reconnected in the background for as long as there are any."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol
from weakref import WeakValueDictionary

from etcd_factory import model
from etcd_factory.core.background import Closing
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.hooks import report
from etcd_factory.core.call.outage import Outage
from etcd_factory.core.call.rpc import HAS_LEADER
from etcd_factory.core.ports import Seat, Stream, Task, Transport
from etcd_factory.errors import (
    AuthenticationFailedError,
    ClientClosedError,
    ConnectionFailedError,
    EtcdError,
    EtcdFactoryError,
    InvalidAuthTokenError,
    PermissionDeniedError,
    TLSError,
)
from etcd_factory.wire import messages, methods

from .progress import ProgressRequests
from .reading import Reading, prepare
from .rollback import RollbackDetector
from .state import WatchEntry, WatchMux, WatchOutput

if TYPE_CHECKING:
    from etcd_factory.wire.messages import WatchRequest, WatchResponse

    Requests = Stream[WatchRequest, WatchResponse]

log = logging.getLogger("etcd_factory.watch")

TOKEN_REFUSED = (InvalidAuthTokenError, PermissionDeniedError)
REFUSALS = (AuthenticationFailedError, InvalidAuthTokenError, PermissionDeniedError)
LIVED = 1.0  # seconds after which a stream that breaks has worked
CLOSE_TIMEOUT = 5.0  # seconds that ending the background work may take
USUAL = ("events", "progress", "created")  # outputs that are only for their receiver

State = Literal["connecting", "connected", "disconnected"]


class Receiver(Protocol):
    """The owner of a watch; its methods must not wait."""

    is_kept: bool  # by the stream, until the watch ends

    def deliver(self, output: WatchOutput) -> bool:
        """Take an output of the watch; returns False to end it."""
        ...

    def state(self, state: State, error: Exception | None = None) -> None:
        """The stream is ``connecting``, or ``disconnected`` by an error."""


class WatchStream:
    """Carries the watches of a client, in asyncio those of one event loop; or one, on an ``own`` transport."""

    closing: ClassVar = Closing.WATCHES

    def __init__(self, client: Client, own: Transport | None = None) -> None:
        self._client, self._runtime = client, client.runtime
        self._own, self._transport = own, own or client.transport
        self._lock = self._runtime.lock()
        self._mux = WatchMux()
        self._progress = ProgressRequests(client, self._mux, self._request_progress)
        self._receivers: WeakValueDictionary[int, Receiver] = WeakValueDictionary()
        self._kept: dict[int, Receiver] = {}
        self._stream: Requests | None = None
        self._left: set[Requests] = set()  # by their last watch, and to be ended
        self._task: Task | None = None
        self._runner: object = None  # who serves the watches; one whose stream was ended with its last watch ends too
        self._stop = self._runtime.signal()
        self._rollback = RollbackDetector(client, self._refuse)
        self._outage = Outage("watches", log, self._runtime.now)
        self._closed = self._answered = self._broken = False
        self._opened = 0.0
        self._refused: float | None = None  # since when it is refused
        self.error: Exception | None = None  # why there is no stream at the moment

    def add(self, receiver: Receiver, fields: Mapping[str, Any], start: int) -> int:
        """Begin a watch whose outputs go to the receiver; returns its id."""
        messages.WatchCreateRequest(**fields, start_revision=start)  # raises now what would end the stream later
        with self._lock:
            if self._closed:
                raise ClientClosedError
            entry = self._mux.add(fields, start)
            try:
                self._begin(entry, receiver)
            except BaseException:  # an interrupt: nobody knows the watch
                self._pop(entry.id)
                self._mux.remove(entry.id)
                raise
        return entry.id

    def _begin(self, entry: WatchEntry, receiver: Receiver) -> None:
        self._receivers[entry.id] = receiver
        if receiver.is_kept:
            self._kept[entry.id] = receiver
        if self._stream is not None:  # inside the lock: responses come in the order of the requests
            receiver.state("connecting")  # an open stream does not report it
            send(self._stream, create_request=self._mux.create(entry))
        if self._runner is None:
            runner = object()
            self._task = self._runtime.spawn(self._run(runner), "etcd_factory watch")
            self._runner = runner  # now: an interrupt may come before it runs, which the lock lets it do after this

    def keep(self, id: int, receiver: Receiver) -> None:  # noqa: A002
        """Hold a receiver until its watch ends; others go when their user drops them, and their watch with them."""
        with self._lock:
            if id in self._receivers:
                self._kept[id] = receiver

    def _pop(self, id: int) -> Receiver | None:  # noqa: A002
        receiver = self._receivers.pop(id, None)  # first: that it is kept may be all that holds it
        self._kept.pop(id, None)
        return receiver

    async def remove(self, id: int) -> None:  # noqa: A002
        """End a watch; the last one ends the stream too."""
        with self._lock:
            self._pop(id)
            server_id, stream = self._mux.remove(id), self._stream
            last = not self._mux.watches
            if last:  # what is added from now on needs another stream
                self._left |= {stream} if stream is not None else set()
                self._stream = self._runner = None
        if last:
            await self._end_left()
        elif stream is not None and server_id is not None:
            send(stream, cancel_request={"watch_id": server_id})

    async def _end_left(self) -> None:
        """End streams without watches, and whoever serves them or waits to open one."""
        self._stop.set()
        for stream in tuple(self._left):
            await stream.close()
            self._left.discard(stream)
        await self._close_own()

    async def _close_own(self) -> None:
        if self._own is not None:
            await self._own.close()

    def request_progress(self, id: int) -> None:  # noqa: A002
        """Ask for a progress mark of a watch until it comes."""
        self._progress.add(id)

    def _request_progress(self) -> None:
        if (stream := self._stream) is not None:
            send(stream, progress_request={})

    async def close(self) -> None:
        """End all watches; their receivers get an output of kind ``closed``."""
        with self._lock:
            self._closed, task, stream = True, self._task, self._stream
            receivers = dict(self._receivers)
            self._receivers.clear()
            self._kept.clear()
            self._mux.watches.clear()
        for id, receiver in receivers.items():  # noqa: A001
            deliver(receiver, WatchOutput(id, "closed"))
        self._stop.set()
        if stream is not None:
            await stream.close()
        if task is not None:
            await task.join(CLOSE_TIMEOUT)
        await self._close_own()

    def forget(self) -> object:
        """Leave to the parent in a forked child a connection of its own; that of the client is the client's."""
        return self, self._own and self._own.forget()

    async def _run(self, runner: object) -> None:
        failures = 0
        while self._wanted(runner):
            try:
                await self._connect(runner)
            except ClientClosedError:
                return
            except Exception as error:
                if not self._serves(runner):
                    continue
                failures = 1 if self._has_lived() else failures + 1
                self._broke(error)
                if isinstance(error, InvalidAuthTokenError) and failures == 1:
                    log.debug("reconnecting the watch stream with a new token: %s", error)
                    continue
                wait = self._client.backoff(failures)
                self._outage.failed(error)
                log.debug("the watch stream broke, reconnecting in %.3f s: %s", wait, error)
                self._disconnected(error)
                await self._stop.wait(wait)

    def _broke(self, error: Exception) -> None:
        self._broken = True
        endpoint = (error.endpoint if isinstance(error, EtcdError) else "") or self._client.endpoint
        report(self._client.hooks, model.activity.Disconnected("watch", endpoint, type(error)))

    def _has_lived(self) -> bool:
        """Whether the last stream worked for a while; one that ends at once must not be opened again at once."""
        return self._answered and self._runtime.now() - self._opened >= LIVED

    def _disconnected(self, error: Exception) -> None:
        self.error = error
        self._report("disconnected", error)
        now = self._runtime.now()
        if not self._is_refusal(error, now):
            self._refused = None
            return
        self._refused = now if self._refused is None else self._refused
        self._end_refused(error, certain=now - self._refused >= self._client.options.timeout)

    def _is_refusal(self, error: Exception, now: float) -> bool:
        """Whether a call would raise this error, rather than try again."""
        if isinstance(error, TLSError):
            return self._client.endpoints.all_failed(now)
        return isinstance(error, REFUSALS) or not isinstance(error, EtcdError)

    def _end_refused(self, error: Exception, *, certain: bool) -> None:
        """End the watches that have never begun; once it is ``certain`` that trying again does not help, all."""
        with self._lock:
            ended = [id for id, entry in self._mux.watches.items() if certain or not entry.confirmed]  # noqa: A001
            receivers = [(id, self._pop(id)) for id in ended]  # noqa: A001
            for id in ended:  # noqa: A001
                self._mux.remove(id)
        for id, receiver in receivers:  # noqa: A001
            if receiver is not None:
                deliver(receiver, WatchOutput(id, "error", error=error))

    def _wanted(self, runner: object) -> bool:
        """Whether there is a watch for this task; if not it ends."""
        with self._lock:
            if self._runner is not runner:
                return False
            if self._mux.watches and not self._closed:
                self._stop.clear()
                return True
            self._task = self._runner = None
            return False

    def _serves(self, runner: object) -> bool:
        """Whether there are watches, and they are this task's."""
        return self._runner is runner and bool(self._mux.watches)

    async def _connect(self, runner: object) -> None:
        """Open one stream and serve it until it breaks."""
        self._answered, self._opened = False, self._runtime.now()
        self._report("connecting")
        client = self._client
        await client.discover(client.options.timeout)
        host = client.endpoints.pick(self._runtime.now())
        try:
            await self._open(host, runner)
        except EtcdError as error:
            if self._serves(runner) and not isinstance(error, REFUSALS):
                client.endpoints.failed(host, self._runtime.now())
            raise

    async def _open(self, host: str, runner: object) -> None:
        client = self._client
        token = await client.auth_metadata(client.options.timeout)
        stream = await self._transport.stream(host, methods.WATCH, (*token, *HAS_LEADER))
        try:
            await self._serve(stream, host, runner)
        except InvalidAuthTokenError:
            client.token.drop(token)
            raise
        except EtcdError:
            if self._stream is stream:  # else it was ended here, with its last watch
                raise
        finally:
            with self._lock:
                self._stream = None if self._stream is stream else self._stream
            await stream.close()

    async def _serve(self, stream: Requests, host: str, runner: object) -> None:
        if not self._resume(stream, runner):
            return
        while (reply := await stream.receive()) is not None:
            if not self._answered:
                self._works(host)
            await self._received(stream, reply)
        if self._stream is stream:
            raise ConnectionFailedError("the server ended the stream", endpoint=host)

    def _works(self, host: str) -> None:
        """Note that the stream has its first response."""
        self._answered, self.error, self._refused = True, None, None
        again, self._broken = self._broken, False
        self._outage.ended()
        self._client.endpoints.answered(host)
        report(self._client.hooks, model.activity.Connected("watch", host.partition("://")[2], again))

    async def _received(self, stream: Requests, reply: WatchResponse) -> None:
        """Deliver what a response means; apart, for while the stream waits it must not hold a receiver."""
        with self._lock:
            if self._stream is not stream:  # its last watch has ended, and those there are now are not its own
                return
            outputs = [(self._receivers.get(output.id), output) for output in self._mux.received(reply)]
        for receiver, output in outputs:
            if receiver is None or output.kind not in USUAL or not deliver(receiver, output):
                await self._handle(stream, receiver, output)

    def seat(self, watch: Reading) -> Seat | None:
        """Return what lets who waits for events of the only watch read the stream; None if it cannot."""
        seat = getattr(self._stream, "seat", None)
        return seat(partial(prepare, self._mux, watch)) if seat is not None and len(self._mux.watches) == 1 else None

    def _resume(self, stream: Requests, runner: object) -> bool:
        """Request all watches on a new stream; returns whether there are any."""
        with self._lock:
            if self._runner is not runner:
                return False
            requests = self._mux.reconnected()
            for request in requests:
                send(stream, create_request=request)
            self._stream = stream if requests else None
        return bool(requests)

    async def _handle(self, stream: Requests, receiver: Receiver | None, output: WatchOutput) -> None:
        """Deal with an output that is not for the receiver alone, or whose receiver is gone or ends the watch."""
        if output.kind == "stray":
            return send(stream, cancel_request={"watch_id": output.id})
        if receiver is None or output.kind in USUAL:  # dropped by its user, or it has enough
            return await self.remove(output.id)
        if output.kind == "behind":
            assert output.entry is not None
            return self._rollback.add(output.entry)
        if self._token_refused(output):
            raise InvalidAuthTokenError(str(output.error))  # reconnects with a new token
        if output.kind == "error":
            with self._lock:
                self._pop(output.id)
        return None if deliver(receiver, output) else await self.remove(output.id)

    async def _refuse(self, entry: WatchEntry, error: EtcdError) -> None:
        """End a watch that the server would let wait."""
        with self._lock:
            receiver, stream = self._pop(entry.id), self._stream
            server_id = self._mux.remove(entry.id)
        if stream is not None and server_id is not None:
            send(stream, cancel_request={"watch_id": server_id})
        if receiver is not None:
            deliver(receiver, WatchOutput(entry.id, "error", error=error))

    def _token_refused(self, output: WatchOutput) -> bool:
        """Whether a watch was refused because of the stream's token; it is then kept, to be requested once more.

        etcd before 3.5.5 answers an unknown token with "permission denied".
        """
        if not isinstance(output.error, TOKEN_REFUSED) or self._client.options.auth is None:
            return False
        if output.entry is None or output.entry.server_id is not None or output.entry.token_renewals:
            return False
        output.entry.token_renewals += 1
        with self._lock:
            self._mux.watches[output.id] = output.entry
        return True

    def _report(self, state: State, error: Exception | None = None) -> None:
        for receiver in list(self._receivers.values()):
            receiver.state(state, error)


def deliver(receiver: Receiver, output: WatchOutput) -> bool:
    """Hand an output over; whatever is wrong with one watch ends only that one."""
    try:
        return receiver.deliver(output)
    except Exception as error:
        log.exception("a watch could not take what it received, and ends")
        with suppress(Exception):
            receiver.deliver(WatchOutput(output.id, "error", error=error))
        return False


def send(stream: Requests, **request: Mapping[str, Any]) -> None:
    """Send a watch request; if the stream is broken, whoever reads it finds out and reconnects."""
    try:
        stream.send(messages.WatchRequest(**request))
    except EtcdFactoryError as error:
        log.debug("a watch request could not be sent: %s", error)
