"""python-etcd3's ``Etcd3Client`` on the options of our clients."""

from __future__ import annotations

from inspect import iscoroutinefunction
from threading import Event
from typing import TYPE_CHECKING, Any

import grpc

from etcd_factory.errors import ConfigError
from etcd_factory.io.grpc.channel import arguments, target
from etcd_factory.io.grpc.credentials import credentials
from etcd_factory.options import ClientOptions
from etcd_factory.options.hosts import is_srv

from .interceptor import Calls

if TYPE_CHECKING:

    class Etcd3Client:
        """python-etcd3 has no types; this is what type checkers see."""

        def __init__(self, host: str, port: str, **options: Any) -> None: ...
        def close(self) -> None:
            """Close the channel."""

    class Watcher:
        """Its watches."""

        def __init__(self, stub: Any, timeout: float) -> None: ...
        def _run(self) -> None: ...

    etcdrpc: Any

else:
    from etcd3 import Etcd3Client, etcdrpc
    from etcd3.watch import Watcher


class RawWatcher(Watcher):
    """Its watches; their thread ends with the client, while python-etcd3's own dies with a traceback."""

    def __init__(self, channel: grpc.Channel, timeout: float, closed: Event) -> None:
        super().__init__(etcdrpc.WatchStub(channel), timeout)
        self._closed = closed

    def _run(self) -> None:
        try:
            super()._run()
        except Exception:
            if not self._closed.is_set():
                raise


class RawClient(Etcd3Client):
    """An ``etcd3.Etcd3Client`` of the first host.

    It authenticates with call credentials, which grpcio 1.45 and later refuse on plaintext (grpc/grpc#29643); here its
    channel adds the token.
    """

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        if is_srv(options.hosts[0]):
            raise ConfigError(f"etcd.raw needs a host, and cannot look up {options.hosts[0]}")
        if options.auth is not None and iscoroutinefunction(options.auth.token):
            raise ConfigError("auth.token: etcd.raw blocks, in asyncio too, and cannot await an async function")
        host, _, port = target(options.hosts[0]).rpartition(":")
        secure = "" if options.secure else None  # the path of its CA, which is not opened: see _get_secure_creds
        super().__init__(host, port, ca_cert=secure, timeout=options.timeout, grpc_options=arguments(options))
        self.watcher = RawWatcher(self.channel, options.timeout, self._calls.closed)

    def _get_secure_creds(self, *paths: str | None) -> grpc.ChannelCredentials:
        del paths
        return credentials(self._options.tls)

    @property
    def channel(self) -> grpc.Channel:
        """The channel that all its calls use."""
        return self._channel

    @channel.setter
    def channel(self, opened: grpc.Channel) -> None:
        self._calls = Calls(self._options, opened)
        self._channel = grpc.intercept_channel(opened, self._calls)

    def close(self) -> None:
        """End its calls, its watches and the channel."""
        self._calls.closed.set()
        super().close()
