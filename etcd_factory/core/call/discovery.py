"""Who the hosts are, where that is not just written down: DNS has them, or the members tell."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from etcd_factory.errors import ConfigError, ConnectionFailedError, EtcdFactoryError
from etcd_factory.options import ClientOptions
from etcd_factory.options.hosts import host, is_secure, is_srv
from etcd_factory.wire import messages, methods

if TYPE_CHECKING:
    from .client import Client

log = logging.getLogger("etcd_factory.hosts")

BOUND = 5.0  # seconds that ending the background work may take


async def find(client: Client, timeout: float) -> None:
    """Look the hosts up, and begin to follow the members where that is wanted."""
    if client.hosts.known:
        return
    options = client.options
    before = [url for url in client.hosts.urls if not is_srv(url)]
    try:
        found = await written(client, timeout)
    except ConnectionFailedError as error:
        if not before:
            raise
        log.warning("%s; the hosts known before are tried again", error)
        found = []
    client.hosts.replace([*found, *before] if options.sync or not found else found)
    if options.sync:
        client.io.keep("sync", lambda: Syncer(client))


async def written(client: Client, timeout: float) -> list[str]:
    """The hosts that the options name, those of a domain looked up."""
    found: list[str] = []
    for url in client.options.hosts:
        found += await records(client, url, timeout) if is_srv(url) else [url]
    return found


async def records(client: Client, url: str, timeout: float) -> list[str]:
    """The hosts of a domain."""
    scheme = "https" if client.options.secure else "http"
    addresses = await client.io.lookup(url.partition("://")[2], client.options.secure, timeout)
    return [host(f"{scheme}://{name}:{port}") for name, port in addresses]


async def sync(client: Client, timeout: float) -> tuple[str, ...]:
    """Go on with the hosts that the members tell."""
    reply = await client.call(methods.MEMBER_LIST, messages.MemberListRequest(linearizable=True), timeout)
    urls = tuple(usable(reply.members, client.options))
    if not urls:
        told = ", ".join(url for member in reply.members for url in member.clientURLs) or "none"
        raise ConnectionFailedError(f"the members tell no client URL that these options can use; they tell: {told}")
    if set(urls) != set(client.hosts.urls):
        log.info("the members are at %s", ", ".join(urls))
    client.hosts.replace(urls)
    return urls


def usable(members: Iterable[Any], options: ClientOptions) -> Iterable[str]:
    """The client URLs of members that answer: started, and no learners. With TLS only those that have it."""
    for member in members:
        for url in () if member.isLearner else member.clientURLs:
            try:
                known = host(url)
            except ConfigError as error:
                log.debug("a member's client URL is passed over: %s", error)
                continue
            if is_secure(known) == options.secure:
                yield known


class Syncer:
    """Looks from time to time which members there are; ``client.io.keep`` has one for each client."""

    def __init__(self, client: Client) -> None:
        self._client, self._stop = client, client.io.signal()
        self._task = client.io.spawn(self._run(), "etcd_factory sync")

    async def _run(self) -> None:
        client = self._client
        while not await self._stop.wait(client.options.sync):
            try:
                await sync(client, client.options.timeout)
            except EtcdFactoryError as error:
                log.warning("the members could not be looked up, the hosts stay as they are: %s", error)

    async def close(self) -> None:
        """End it."""
        self._stop.set()
        await self._task.join(BOUND)
