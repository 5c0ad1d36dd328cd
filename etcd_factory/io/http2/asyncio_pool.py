"""The connections of one event loop, shared by the clients whose options allow it, and how they are opened."""

from __future__ import annotations

import asyncio
import socket
import threading
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Coroutine, Hashable
from contextlib import suppress
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from etcd_factory.errors import ClientClosedError, ConnectionFailedError, TLSError, copied
from etcd_factory.io import tls
from etcd_factory.io.runtime import forks
from etcd_factory.options import ClientOptions

from . import dial
from .host import Host, blocks, host, sharing
from .keepalive import PATIENCE
from .opening import check_alpn, failure, may_be_tls, overdue, silent
from .protocol import H2Protocol


class Pool:
    """Connections by host. The clients that use it are counted; the last one that leaves closes them."""

    def __init__(self, loop: AbstractEventLoop, options: ClientOptions) -> None:
        self._loop, self._options = loop, options
        self.protocols: dict[str, H2Protocol] = {}
        self._every: WeakSet[H2Protocol] = WeakSet()  # also those that are used no more, but by calls under way
        self._lifetime = begin(lifetime(self.protocols, self._every))
        self._opening: dict[str, asyncio.Task[H2Protocol | ConnectionFailedError]] = {}
        self.users = 0

    async def connect(self, url: str, deadline: float) -> H2Protocol:
        """Return a connection that works: the one there is if it answers, else a new one, opened once for all."""
        known = self.protocols.get(url)
        if known is not None:
            if await works(known, deadline):
                return known
            if self.protocols.get(url) is known:
                del self.protocols[url]
                known.retire()
        return await self._open_once(url, deadline)

    async def _open_once(self, url: str, deadline: float) -> H2Protocol:
        if not self.users:  # the last one has left
            raise ClientClosedError
        task = self._opening.get(url)
        if task is None:
            task = self._opening[url] = self._loop.create_task(self._open(host(url, self._options)))
            task.add_done_callback(lambda _: self._opening.pop(url, None))
        left = max(0.0, deadline - monotonic())
        if not (await asyncio.wait([task], timeout=left))[0]:
            raise overdue(url.partition("://")[2], left)
        if task.cancelled():
            raise ClientClosedError
        opened = task.result()
        if isinstance(opened, ConnectionFailedError):
            raise copied(opened)
        return opened

    async def _open(self, host: Host) -> H2Protocol | ConnectionFailedError:
        deadline = monotonic() + host.dial_timeout
        protocol = H2Protocol(self._loop, blocks(host), host.keepalive, host.endpoint)
        self._every.add(protocol)
        try:
            await in_time(connect(self._loop, host, protocol, deadline), deadline)
            if await protocol.until(deadline - monotonic(), lambda: protocol.machine.is_established):
                self.protocols[host.url] = protocol
                return protocol
            reason, broken = protocol.machine.reason, protocol.error
        except TLSError as error:
            return failure(host, error, error.message, accepted=False)
        except OSError as error:
            return await self._failure(host, error, "", accepted=False)
        finally:
            if self.protocols.get(host.url) is not protocol:
                protocol.close("not established")
        return await self._failure(host, broken, reason or silent(host), accepted=bool(reason))

    async def _failure(
        self, host: Host, error: Exception | None, reason: str, *, accepted: bool
    ) -> ConnectionFailedError:
        if may_be_tls(host, error, accepted=accepted):
            return await asyncio.to_thread(failure, host, error, reason, accepted=accepted)
        return failure(host, error, reason, accepted=accepted)

    async def leave(self, owner: object) -> None:
        """End the calls of a client; the last one closes the connections."""
        self.users -= 1
        for protocol in list(self._every):
            protocol.end_calls(owner)
        if self.users:
            return
        pools.drop(self)
        for task in list(self._opening.values()):
            task.cancel()
        await self._lifetime.aclose()


async def lifetime(protocols: dict[str, H2Protocol], every: WeakSet[H2Protocol]) -> AsyncGenerator[None, None]:
    """Close connections as soon as this generator is closed.

    An event loop closes its generators when it ends, and when nobody has them any more: so do the connections of a
    client that nobody closes, without a warning of asyncio's beside our own.
    """
    try:
        yield
    finally:
        ending = list(every)
        protocols.clear()
        for protocol in ending:
            protocol.close("the client is closed")
        for protocol in ending:
            await protocol.wait_closed()


def begin(generator: AsyncGenerator[None, None]) -> AsyncGenerator[None, None]:
    """Run a generator, which does not wait, to its first ``yield``."""
    with suppress(StopIteration):
        generator.asend(None).__await__().__next__()
    return generator


async def works(protocol: H2Protocol, deadline: float) -> bool:
    """Return whether a connection that was silent, or accepts no more bytes, can be used."""
    left = deadline - monotonic()
    if not protocol.machine.is_usable:
        return False
    if protocol.is_paused:
        return await protocol.until(left, lambda: not protocol.is_paused)
    return await protocol.answers(min(PATIENCE, left / 2))


async def in_time(body: Coroutine[Any, Any, None], deadline: float) -> None:
    """Run a coroutine. Raises ``TimeoutError`` at the deadline."""
    task = asyncio.ensure_future(body)
    try:
        done, _ = await asyncio.wait([task], timeout=max(0.0, deadline - monotonic()))
    finally:
        task.cancel()
    if not done:
        raise TimeoutError("the connection could not be established in time")
    task.result()


async def connect(loop: AbstractEventLoop, host: Host, protocol: H2Protocol, deadline: float) -> None:
    """Connect a protocol to a host. Raises ``OSError``, of which TLS's errors are, or ``TLSError``."""
    secure: dict[str, Any] = {}
    if host.is_secure:
        context = await asyncio.to_thread(tls.context, host.tls)  # reads files
        secure = {"ssl": context, "server_hostname": host.server_name}
    transport: Any
    if host.path:
        transport, _ = await loop.create_unix_connection(lambda: protocol, host.path, **secure)
    elif host.proxy is not None:
        sock = await tunnel(host, deadline)
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock, **secure)
    else:
        # side by side only where there may be several: asyncio loses a socket if it is cancelled as one wins
        stagger = None if dial.is_literal(host.name) else dial.STAGGER
        transport, _ = await loop.create_connection(
            lambda: protocol, host.name, host.port, happy_eyeballs_delay=stagger, **secure
        )
    dial.tune(transport.get_extra_info("socket"), host.keepalive)
    if host.is_secure:
        check_alpn(transport.get_extra_info("ssl_object").selected_alpn_protocol())


async def tunnel(host: Host, deadline: float) -> socket.socket:
    """Return a socket that a thread connects through a proxy; one that comes too late is closed."""
    dialing = asyncio.ensure_future(asyncio.to_thread(dial.connect, host, deadline))
    try:
        sock = await asyncio.shield(dialing)
    except asyncio.CancelledError:
        dialing.add_done_callback(discard)
        raise
    sock.setblocking(False)
    return sock


def discard(dialing: asyncio.Future[socket.socket]) -> None:
    """Close a socket that nobody waits for any more, if there is one."""
    if not dialing.cancelled() and dialing.exception() is None:
        dialing.result().close()


class Pools:
    """The pools of all clients of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: WeakKeyDictionary[AbstractEventLoop, WeakValueDictionary[Hashable, Pool]] = WeakKeyDictionary()
        forks.register(self)

    def enter(self, loop: AbstractEventLoop, options: ClientOptions) -> Pool:
        """Return the pool that a client may use."""
        key = sharing(options)
        with self._lock:
            if loop not in self._shared:
                for other in [one for one in self._shared if one.is_closed()]:
                    del self._shared[other]
            shared = self._shared.setdefault(loop, WeakValueDictionary())
            pool = shared.get(key) if key is not None else None
            if pool is None:
                pool = Pool(loop, options)
                if key is not None:
                    shared[key] = pool
            pool.users += 1
            return pool

    def drop(self, pool: Pool) -> None:
        """Give a pool to nobody any more."""
        with self._lock:
            for shared in self._shared.values():
                for key in [key for key, one in shared.items() if one is pool]:
                    del shared[key]

    def forget(self) -> object:
        """Start without pools in a forked child."""
        left = self._lock, self._shared
        self._lock, self._shared = threading.Lock(), WeakKeyDictionary()
        return left


pools = Pools()
