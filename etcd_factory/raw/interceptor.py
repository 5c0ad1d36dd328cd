"""What python-etcd3's calls lack: the token, and a pause before a broken watch reconnects."""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc
from attrs import frozen

from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.core.call.token import AuthToken
from etcd_factory.core.face import finish
from etcd_factory.core.ports import Metadata
from etcd_factory.errors import ClientClosedError, EtcdError, InvalidAuthTokenError
from etcd_factory.io.grpc.channel import translate
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.wire import methods


@frozen
class Details:
    """What is changed about a call; gRPC takes the rest from the call itself."""

    metadata: Metadata


class Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Adds the token to every call, and retries a call with a new one if it was refused."""

    def __init__(self, options: ClientOptions, channel: grpc.Channel) -> None:
        self._options = options
        self._token = AuthToken(options.auth, SingleFlight(ThreadRuntime()))
        login = methods.AUTHENTICATE
        self._login: Any = channel.unary_unary(login.path, login.serialize, login.parse)
        self._paused = 0.0
        self.closed = threading.Event()

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make a unary call, and retry it if its token was refused: nothing was applied then."""
        token = self._fetch()
        call = continuation(self._details(client_call_details, token), request)
        if not token or not self._refused(call.exception()):
            return call
        self._token.drop(token)
        again = self._fetch()
        return call if again == token else continuation(self._details(client_call_details, again), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make a call with a stream of responses."""
        return continuation(self._details(client_call_details, self._fetch()), request)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Open a stream in both directions: of watches, or of lease keep-alives."""
        if client_call_details.method == methods.WATCH.path:
            self._pause()
        try:
            token = self._fetch()
        except EtcdError as error:
            raise error.__cause__ or error from None  # the watching thread handles only gRPC's errors
        return continuation(self._details(client_call_details, token), request_iterator)

    def _pause(self) -> None:
        # The watching thread reopens a stream as soon as one breaks, for ever: 100 % CPU while a server is away.
        self.closed.wait(max(0.0, self._paused - time.monotonic()))
        if self.closed.is_set():
            raise ClientClosedError
        self._paused = time.monotonic() + self._options.retry.maximum

    def _details(self, details: Any, token: Metadata) -> Details:
        return Details((*(details.metadata or ()), *token))

    def _refused(self, error: Any) -> bool:
        return isinstance(error, grpc.RpcError) and isinstance(self._translated(error), InvalidAuthTokenError)

    def _translated(self, error: grpc.RpcError) -> EtcdError:
        return translate(error, self._options.hosts[0])

    def _fetch(self) -> Metadata:
        return finish(self._token.fetch(self._authenticate, self._options.timeout))

    async def _authenticate(self, request: Any, timeout: float) -> Any:
        try:
            return self._login(request, timeout)
        except grpc.RpcError as error:
            raise self._translated(error) from error
