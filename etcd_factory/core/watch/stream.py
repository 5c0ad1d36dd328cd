"""The one stream that carries a client's watches, kept up in the background for as long as there are any."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.retry import backoff
from etcd_factory.core.ports import Stream
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    EtcdError,
    EtcdFactoryError,
    InvalidAuthTokenError,
    PermissionDeniedError,
)
from etcd_factory.wire import messages, methods

from .rollback import RollbackDetector
from .state import WatchEntry, WatchMux, WatchOutput

log = logging.getLogger("etcd_factory.watch")

LEADER = (("hasleader", "true"),)  # a member that is cut off from its peers then ends the stream
REFUSED = (InvalidAuthTokenError, PermissionDeniedError)
BOUND = 5.0  # seconds that ending the background work may take


class Receiver(Protocol):
    """A watch's owner, told what happens to it. What it does must not wait."""

    def tell(self, out: WatchOutput) -> bool:
        """Something for this watch; false ends it."""
        ...

    def state(self, kind: str, error: Exception | None = None) -> None:
        """The stream is ``connecting``, or ``disconnected`` by an error."""


class WatchStream:
    """Carries the watches; ``client.io.keep`` has one for each client, in asyncio for each loop."""

    def __init__(self, client: Client) -> None:
        self._client, self._io = client, client.io
        self._guard = client.guard()
        self._machine = WatchMux()
        self._receivers: dict[int, Receiver] = {}
        self._stream: Stream | None = None
        self._task: Any = None
        self._stop = self._io.signal()
        self._doubts = RollbackDetector(client, self._refuse)
        self._closed = self._lived = False
        self.error: Exception | None = None  # why there is no stream, where there is none

    async def add(self, receiver: Receiver, fields: Mapping[str, Any], start: int) -> int:
        """Begin a watch; what happens to it is told to the receiver."""
        with self._guard:
            if self._closed:
                raise ClientClosedError
            state = self._machine.add(fields, start)
            self._receivers[state.id] = receiver
            if self._stream is not None:  # inside the guard: the answers come in the order of the requests
                await self._send(self._stream, {"create_request": self._machine.create(state)})
            if self._task is None:
                self._task = self._io.spawn(self._run(), "etcd_factory watch")
        return state.id

    async def remove(self, id: int) -> None:  # noqa: A002
        """End a watch; the last one ends the stream too."""
        with self._guard:
            self._receivers.pop(id, None)
            server_id, stream = self._machine.remove(id), self._stream
            last = not self._machine.watches
        if stream is not None and last:
            await stream.close()
        elif stream is not None and server_id is not None:
            await self._send(stream, {"cancel_request": {"watch_id": server_id}})
        if last:
            self._stop.set()

    async def close(self) -> None:
        """End all watches; their owners are told that the client is closed."""
        with self._guard:
            self._closed, task, stream = True, self._task, self._stream
            receivers = dict(self._receivers)
            self._receivers.clear()
            self._machine.watches.clear()
        for id, receiver in receivers.items():  # noqa: A001
            receiver.tell(WatchOutput(id, "closed"))
        self._stop.set()
        if stream is not None:
            await stream.close()
        if task is not None:
            await task.join(BOUND)

    async def _send(self, stream: Stream, request: Mapping[str, Any]) -> None:
        try:
            await stream.send(messages.WatchRequest(**request))
        except EtcdFactoryError as error:  # the stream is broken: what reads it finds out and begins anew
            log.debug("a watch request could not be sent: %s", error)

    async def _run(self) -> None:
        failures = 0
        while self._wanted():
            try:
                await self._session()
            except ClientClosedError:
                return
            except InvalidAuthTokenError as error:
                failures = 1 if self._lived else failures + 1
                log.info("the watch stream begins anew, with a new token: %s", error)
                if failures > 1:  # a new one did not help
                    await self._stop.wait(backoff(self._client.options.retry, failures, self._client.chance()))
            except Exception as error:
                if not self._machine.watches:
                    continue
                failures = 1 if self._lived else failures + 1
                wait = backoff(self._client.options.retry, failures, self._client.chance())
                log.info("the watch stream broke, next attempt in %.3f s: %s", wait, error)
                self.error = error
                self._all("disconnected", error)
                await self._stop.wait(wait)

    def _wanted(self) -> bool:
        """Whether there is a watch left; where there is none the task is over."""
        with self._guard:
            if self._machine.watches and not self._closed:
                self._stop.clear()
                return True
            self._task = None
            return False

    async def _session(self) -> None:
        """One stream, from its opening until it breaks."""
        self._lived = False
        self._all("connecting")
        client = self._client
        token = await client.shown(client.options.timeout)
        host = client.hosts.pick(self._io.now())
        stream = await self._io.stream(host, methods.WATCH, (*token, *LEADER))
        try:
            await self._serve(stream, host)
        except EtcdError as error:
            if isinstance(error, InvalidAuthTokenError):
                client.token.drop(token)
            elif self._machine.watches:
                client.hosts.failed(host, self._io.now())
            raise
        finally:
            with self._guard:
                self._stream = None
            await stream.close()

    async def _serve(self, stream: Stream, host: str) -> None:
        with self._guard:
            requests = self._machine.connected()
            for request in requests:
                await self._send(stream, {"create_request": request})
            self._stream = stream if requests else None
        if not requests:
            return
        while (reply := await stream.receive()) is not None:
            if not self._lived:
                self._lived, self.error = True, None
                self._client.hosts.answered(host)
            with self._guard:
                outs = [(self._receivers.get(out.id), out) for out in self._machine.received(reply)]
            for receiver, out in outs:
                await self._deliver(stream, receiver, out)
        raise ConnectionFailedError("the server ended the stream", endpoint=host)

    async def _deliver(self, stream: Stream, receiver: Receiver | None, out: WatchOutput) -> None:
        if out.kind == "stray":
            return await self._send(stream, {"cancel_request": {"watch_id": out.id}})
        if receiver is None:
            return None
        if out.kind == "behind":
            assert out.state is not None
            return self._doubts.add(out.state)
        if self._revived(out):
            raise InvalidAuthTokenError(str(out.error))  # the stream begins anew, with a new token
        if out.kind == "error":
            with self._guard:
                self._receivers.pop(out.id, None)
        return None if receiver.tell(out) else await self.remove(out.id)

    async def _refuse(self, state: WatchEntry, error: EtcdError) -> None:
        """End a watch that the server would leave waiting."""
        with self._guard:
            receiver, stream = self._receivers.pop(state.id, None), self._stream
            server_id = self._machine.remove(state.id)
        if stream is not None and server_id is not None:
            await self._send(stream, {"cancel_request": {"watch_id": server_id}})
        if receiver is not None:
            receiver.tell(WatchOutput(state.id, "error", error=error))

    def _revived(self, out: WatchOutput) -> bool:
        """Whether a watch refused for its stream's token is asked for once more.

        etcd before 3.5.5 calls a token that it does not know a missing permission.
        """
        if not isinstance(out.error, REFUSED) or self._client.options.auth is None:
            return False
        if out.state is None or out.state.server_id is not None or out.state.renewals:
            return False
        out.state.renewals += 1
        with self._guard:
            self._machine.watches[out.id] = out.state
        return True

    def _all(self, kind: str, error: Exception | None = None) -> None:
        for receiver in list(self._receivers.values()):
            receiver.state(kind, error)
