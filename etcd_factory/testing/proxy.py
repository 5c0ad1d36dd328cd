"""A TCP proxy in front of one endpoint that injects network faults."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from attrs import frozen

from etcd_factory.compat import Self

from .proxy_link import Link
from .tcp_ports import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

CALL_S = 10.0  # what one call into the proxy's thread may take
PORT_ATTEMPTS = 5
# How many bytes of what clients sent are kept for ``wait_for_request``.
KEPT_BYTES = 1 << 20


@frozen
class Fault:
    """Whose bytes are forwarded: the clients' requests, the target's replies."""

    requests: bool = True
    replies: bool = True


HEALTHY = Fault()
NO_REPLIES = Fault(replies=False)
HALF_OPEN = Fault(requests=False, replies=False)


class FaultProxy:
    """Forwards bytes between clients and ``target`` (``host:port``), and injects faults on request.

    >>> with FaultProxy(server.endpoint) as proxy:  # doctest: +SKIP
    ...     client = ETCDService({"hosts": proxy.endpoint})
    ...     proxy.cut()

    A fault applies when its method returns, to open connections and to new ones, until ``heal()`` or another fault.
    The proxy runs in a thread, from ``start()`` to ``close()``.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        # The delay in each direction, in seconds; ``delay()`` sets it.
        self.pause = 0.0
        (self._port,) = free_ports(1, self)
        self._fault = HEALTHY
        self._links: set[Link] = set()
        self._forgotten: set[Link] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._requests, self._requests_changed = bytearray(), threading.Condition()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint} to {self.target}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        """The endpoint for clients, ``127.0.0.1:port``; final once it is started."""
        return f"{HOST}:{self._port}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The one endpoint, as the ``hosts`` of a client."""
        return (self.endpoint,)

    @property
    def connections(self) -> int:
        """How many connections of clients are open."""
        return sum(link.client.is_open for link in tuple(self._links))

    def start(self) -> Self:
        """Accept connections; does nothing if it is started."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="etcd proxy", daemon=True)
            self._thread.start()
            try:
                self._run(self._bind())
            except OSError:
                self.close()
                raise
        return self

    def close(self) -> None:
        """Break all connections and end the thread; does nothing if it is closed."""
        if self._loop is None or self._thread is None:
            return
        self._run(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_S)
        self._loop.close()
        self._loop = self._thread = None

    def delay(self, seconds: float) -> None:
        """Delay everything by ``seconds`` in each direction; 0 ends the delay."""
        self._run(self._set_delay(seconds))

    def cut(self) -> None:
        """Break all connections with a reset, and refuse new ones."""
        self._run(self._refuse())

    def reset(self) -> None:
        """Break all connections with a reset; new ones are treated as the current fault says."""
        self._run(self._break())

    def half_open(self) -> None:
        """Accept connections and drop all bytes: neither side learns anything, not even that the other closed."""
        self._run(self._set_fault(HALF_OPEN))

    def forget(self) -> None:
        """Drop all bytes of the connections that are open, as a NAT does that has forgotten them; new ones work."""
        self._run(self._forget())

    def drop_replies(self) -> None:
        """Forward requests and drop the target's replies; ``reset()`` or ``cut()`` then breaks the connections."""
        self._run(self._set_fault(NO_REPLIES))

    def heal(self) -> None:
        """End the fault. Breaks connections that lost bytes: what followed would make no sense."""
        self._run(self._set_fault(HEALTHY))

    def wait_for_request(self, part: bytes = b"", timeout: float = 30.0) -> None:
        """Wait until clients' bytes that contain ``part`` were forwarded, since the last fault or ``heal()``.

        gRPC sends messages uncompressed, so the key of a put will do. Raises ``TimeoutError`` after ``timeout``
        seconds.
        """
        with self._requests_changed:
            if not self._requests_changed.wait_for(lambda: bool(self._requests) and part in self._requests, timeout):
                raise TimeoutError(f"no request with {part!r} within {timeout:g} s at {self!r}")

    def link_opened(self, link: Link) -> None:
        """For links: a client has connected."""
        self._links.add(link)
        if self._server is None:  # it was accepted just before the cut
            link.reset()
        elif self._fault is HALF_OPEN:
            link.has_lost_bytes = True
        else:
            host, _, port = self.target.rpartition(":")
            link.dial(host, int(port))

    def passes(self, link: Link, data: bytes, *, is_request: bool) -> bool:
        """For links: whether to forward the bytes."""
        if link in self._forgotten:
            return False
        if not is_request:
            return self._fault.replies
        if self._fault.requests:
            self._keep_request(data)
        return self._fault.requests

    def link_closed(self, link: Link) -> None:
        """For links: both ends are closed."""
        self._links.discard(link)
        self._forgotten.discard(link)

    def _keep_request(self, data: bytes) -> None:
        with self._requests_changed:
            self._requests += data
            del self._requests[:-KEPT_BYTES]
            self._requests_changed.notify_all()

    def _forget_requests(self) -> None:
        with self._requests_changed:
            self._requests.clear()

    def _run(self, body: Coroutine[object, object, None]) -> None:
        """Run a coroutine in the proxy's thread and wait for its end."""
        if self._loop is None:
            body.close()
            raise RuntimeError(f"{self!r} is not started: call start(), or use it in a with statement")
        asyncio.run_coroutine_threadsafe(body, self._loop).result(CALL_S)

    async def _set_delay(self, seconds: float) -> None:
        self._forget_requests()
        self.pause = seconds

    async def _set_fault(self, fault: Fault) -> None:
        self._forget_requests()
        self._fault = fault
        if fault is HEALTHY:
            self.pause = 0.0
            self._reset(link for link in self._links if link.has_lost_bytes)
        if self._server is None:
            await self._listen()

    async def _forget(self) -> None:
        self._forget_requests()
        self._forgotten |= self._links

    async def _break(self) -> None:
        self._forget_requests()
        self._reset(self._links)

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server:
            loop = asyncio.get_running_loop()
            for listening in server.sockets:
                loop.remove_reader(listening)
            await asyncio.sleep(0)  # connections just accepted are opened: closing now would leak them (Python < 3.12)
            server.close()
        await self._break()

    def _reset(self, links: Iterable[Link]) -> None:
        for link in tuple(links):
            link.reset()

    async def _bind(self) -> None:
        """Listen, on another port if a process has taken the chosen one."""
        for left in reversed(range(PORT_ATTEMPTS)):
            try:
                await self._listen()
                break
            except OSError:
                if not left:
                    raise
                (self._port,) = free_ports(1, self)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self).client, HOST, self._port)

    async def _shut_down(self) -> None:
        await self._refuse()
        while self._links or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # a few turns of the loop
            await asyncio.sleep(0)
