"""The connections of a blocking client, shared by those whose options allow it, and how they are opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from time import monotonic
from weakref import WeakSet, WeakValueDictionary

from etcd_factory.errors import ClientClosedError, ConnectionFailedError, TLSError, copied
from etcd_factory.io import tls
from etcd_factory.io.runtime import forks
from etcd_factory.options import ClientOptions

from . import dial
from .channel import Channel, SecureChannel
from .host import Host, blocks, host, sharing
from .keepalive import PATIENCE
from .line import Line
from .opening import check_alpn, failure, overdue, silent

# Streams have a connection of their own: whoever reads one may wait there for hours, and each answer to a call beside
# it would have to be handed to another thread.
Key = tuple[str, bool]  # a host, and whether it is for streams

CLOSED = "the client is closed"


class Pool:
    """Connections by host and use. The clients that use it are counted; the last one that leaves closes them."""

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._lock = options, threading.Lock()
        self.lines: dict[Key, Line] = {}
        self._every: WeakSet[Line] = WeakSet()  # also those that are used no more, but by calls under way
        self._opening: dict[Key, Future[Line | None]] = {}
        self._closed = False
        self.users = 0

    def connect(self, key: Key, deadline: float) -> Line:
        """Return a connection that works: the one there is if it answers, else a new one, opened once for all."""
        known = self.lines.get(key)
        if known is not None:
            if known.machine.is_usable and known.answers(min(PATIENCE, (deadline - monotonic()) / 2)):
                return known
            with self._lock:
                if self.lines.get(key) is known:
                    del self.lines[key]
            known.retire()
        return self._open_once(key, deadline)

    def _open_once(self, key: Key, deadline: float) -> Line:
        """Return a connection that one thread opens for all who wait."""
        start, mine = monotonic(), Future[Line | None]()
        try:
            while True:
                with self._lock:
                    if self._closed:
                        raise ClientClosedError
                    if key in self.lines:  # another thread was faster
                        return self.lines[key]
                    future = self._opening.setdefault(key, mine)
                if future is mine:
                    return self._open(key, mine, start, deadline)
                line = awaited(future, key[0], start, deadline)
                if line is not None:
                    return line
        except BaseException:  # perhaps an interrupt: others wait no longer
            self._give_up(key, mine)
            raise

    def _give_up(self, key: Key, future: Future[Line | None]) -> None:
        """Open it no more; others who wait must try themselves."""
        with self._lock:
            if self._opening.get(key) is future:
                del self._opening[key]
        if not future.done():
            future.set_result(None)

    def _open(self, key: Key, future: Future[Line | None], start: float, deadline: float) -> Line:
        """Open a connection; others who wait for it get it, or its error."""
        try:
            line = opened(host(key[0], self._options), start, deadline, self._enter)
        except (ClientClosedError, ConnectionFailedError) as error:
            future.set_exception(error)
            raise
        with self._lock:
            del self._opening[key]
            if not self._closed:
                self.lines[key] = line
        future.set_result(line)
        return line

    def _enter(self, line: Line) -> None:
        """Know a connection before it is established: to close the client ends the wait for that too."""
        with self._lock:
            self._every.add(line)
            closed = self._closed
        if closed:
            line.close(CLOSED)

    def doubt(self, url: str, since: float) -> None:
        """Look soon whether a host is alive, where nothing was heard of it since then."""
        for streams in (False, True):
            line = self.lines.get((url, streams))
            if line is not None:
                line.doubt(since)

    def leave(self, owner: object) -> None:
        """End the calls of a client; the last one closes the connections."""
        with self._lock:
            self.users -= 1
            last, lines = self.users == 0, list(self._every)
            if last:
                self._closed = True
                self.lines.clear()
        for line in lines:
            line.end_calls(owner)
        if last:
            pools.drop(self)
            for line in lines:
                line.close(CLOSED)


def awaited(future: Future[Line | None], url: str, start: float, deadline: float) -> Line | None:
    """Return the connection that another thread opens, None if that thread gave up."""
    try:
        return future.result(min(max(0.0, deadline - monotonic()), threading.TIMEOUT_MAX))
    except FutureTimeoutError:
        raise overdue(url.partition("://")[2], deadline - start) from None
    except (ClientClosedError, ConnectionFailedError) as error:
        raise copied(error) from error.__cause__


def opened(host: Host, start: float, deadline: float, enter: Callable[[Line], object]) -> Line:
    """Return a new connection to a host.

    Raises ``ConnectionFailedError``, or ``DeadlineExceededError`` at the caller's deadline; the request was not sent.
    ``enter`` is called with it before it is established.
    """
    limit = min(start + host.dial_timeout, deadline)
    try:
        channel = connected(host, limit)
    except TLSError as error:
        raise failure(host, error, error.message, accepted=False) from None
    except (OSError, EOFError) as error:
        if isinstance(error, TimeoutError) and monotonic() >= deadline:
            raise overdue(host.endpoint, deadline - start) from error
        raise failure(host, error, str(error), accepted=isinstance(error, EOFError)) from error
    line = Line(channel, blocks(host), host.keepalive, host.endpoint)
    try:
        enter(line)
        if line.until(lambda: line.machine.is_established, limit - monotonic()):
            return line
        reason, broken = line.machine.reason, line.error
    finally:
        if not line.machine.is_established:
            line.close("not established")
    if reason == CLOSED:
        raise ClientClosedError
    if not reason and monotonic() >= deadline:
        raise overdue(host.endpoint, deadline - start)
    raise failure(host, broken, reason or silent(host), accepted=bool(reason))


def connected(host: Host, deadline: float) -> Channel:
    """Return a connected socket, with TLS if the host has it."""
    context = tls.context(host.tls) if host.is_secure else None  # reads files
    sock = dial.connect(host, deadline)
    try:
        dial.tune(sock, host.keepalive)
        if context is None:
            return Channel(sock)
        channel = SecureChannel(sock, context, host.server_name, deadline)
        check_alpn(channel.protocol)
        return channel
    except BaseException:
        sock.close()
        raise


class Pools:
    """The pools of all clients of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: WeakValueDictionary[Hashable, Pool] = WeakValueDictionary()
        forks.register(self)

    def enter(self, options: ClientOptions) -> Pool:
        """Return the pool that a client may use."""
        key = sharing(options)
        with self._lock:
            pool = self._shared.get(key) if key is not None else None
            if pool is None:
                pool = Pool(options)
                if key is not None:
                    self._shared[key] = pool
            pool.users += 1
            return pool

    def drop(self, pool: Pool) -> None:
        """Give a pool to nobody any more."""
        with self._lock:
            for key in [key for key, one in self._shared.items() if one is pool]:
                del self._shared[key]

    def forget(self) -> object:
        """Start without pools in a forked child."""
        left = self._lock, self._shared
        self._lock, self._shared = threading.Lock(), WeakValueDictionary()
        return left


pools = Pools()
