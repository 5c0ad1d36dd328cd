"""Finding the hosts where they are not just configured: from DNS SRV records, or from the cluster's members."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from attrs import frozen

from etcd_factory.core.background import Background, Closing
from etcd_factory.core.ports import Q, R, Runtime
from etcd_factory.errors import ConfigError, ConnectionFailedError, PermissionDeniedError
from etcd_factory.options import ClientOptions
from etcd_factory.options.hosts import host, is_secure, is_srv
from etcd_factory.wire import messages, methods
from etcd_factory.wire.methods import Method

from .endpoints import Endpoints

if TYPE_CHECKING:
    from etcd_factory.wire.messages import Member

log = logging.getLogger("etcd_factory.hosts")

CLOSE_TIMEOUT = 5.0  # seconds that ending the background work may take


class Call(Protocol):
    """Makes one unary call, with its retries."""

    async def __call__(self, method: Method[Q, R], request: Q, timeout: float) -> R:
        """Return the response."""
        ...


class Syncing(Protocol):
    """The part of a client that follows the members."""

    runtime: Runtime
    options: ClientOptions
    discovery: Discovery


@frozen(eq=False)
class Discovery:
    """Looks up the hosts of one client and gives them to its endpoints."""

    options: ClientOptions
    endpoints: Endpoints
    call: Call
    background: Background[Any]

    async def find(self, timeout: float) -> None:
        """Look up the hosts, and begin to follow the members if the option ``sync`` asks for it."""
        if self.endpoints.known:
            return
        before = [url for url in self.endpoints.urls if not is_srv(url)]
        try:
            found = await self._configured(timeout)
        except ConnectionFailedError as error:
            if not before:
                raise
            log.warning("%s; trying the hosts known before", error)
            found = []
        self.endpoints.replace([*found, *before] if self.options.sync or not found else found)
        if self.options.sync:
            self.background.get(MemberSync)

    async def _configured(self, timeout: float) -> list[str]:
        """Return the configured hosts, those of a domain looked up."""
        found: list[str] = []
        for url in self.options.hosts:
            found += await self._records(url, timeout) if is_srv(url) else [url]
        return found

    async def _records(self, url: str, timeout: float) -> list[str]:
        scheme = "https" if self.options.secure else "http"
        domain = url.partition("://")[2]
        addresses = await self.background.runtime.lookup(domain, self.options.secure, timeout)
        return [host(f"{scheme}://{name}:{port}") for name, port in addresses]

    async def sync(self, timeout: float) -> tuple[str, ...]:
        """Replace the hosts by the members' client URLs, and return them.

        Raises ``ConnectionFailedError`` if no member advertises one that these options can use.
        """
        reply = await self.call(methods.MEMBER_LIST, messages.MemberListRequest(linearizable=True), timeout)
        urls = tuple(usable(reply.members, self.options))
        if not urls:
            advertised = ", ".join(url for member in reply.members for url in member.clientURLs) or "none"
            raise ConnectionFailedError(f"no member advertises a usable client URL (advertised: {advertised})")
        if set(urls) != set(self.endpoints.urls):
            log.info("the members are at %s", ", ".join(urls))
        self.endpoints.replace(urls)
        return urls


def usable(members: Iterable[Member], options: ClientOptions) -> Iterable[str]:
    """Yield the client URLs of started members that are no learners; with TLS only https ones."""
    for member in members:
        for url in () if member.isLearner else member.clientURLs:
            try:
                known = host(url)
            except ConfigError as error:
                log.debug("ignoring a member's client URL: %s", error)
                continue
            if is_secure(known) == options.secure:
                yield known


class MemberSync:
    """Follows the members of the cluster, every ``options.sync`` seconds."""

    closing: ClassVar = Closing.MEMBER_SYNC

    def __init__(self, client: Syncing) -> None:
        self._client, self._stop = client, client.runtime.signal()
        self._task = client.runtime.spawn(self._run(), "etcd_factory sync")

    async def _run(self) -> None:
        client, level = self._client, logging.WARNING  # what fails again and again is warned of once
        while not await self._stop.wait(client.options.sync):
            try:
                await client.discovery.sync(client.options.timeout)
            except PermissionDeniedError as error:
                log.log(level, "may not list the members, keeping the hosts: %s", error)
                level = logging.DEBUG
            except Exception as error:  # nothing that a member advertises may end this task
                log.log(level, "could not list the members, keeping the hosts: %s", error)
                level = logging.DEBUG
            else:
                level = logging.WARNING

    async def close(self) -> None:
        """End it."""
        self._stop.set()
        await self._task.join(CLOSE_TIMEOUT)
