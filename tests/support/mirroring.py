"""Mirrors: opening one, what it should hold, and holding up what it asks etcd."""

from __future__ import annotations

from etcd_factory.wire import methods

from .faces import settle
from .transports import Altered, Held, Recorded


def open_mirror(client, prefix=""):
    """Open a mirror; await it in either face."""
    return settle(client.mirror(prefix))


async def stored(client, prefix=""):
    """Return what etcd has under a prefix, which a mirror should hold."""
    return {kv.key: kv for kv in await settle(client.get_all().prefix(prefix).kvs())}


async def caught_up(mirror, client):
    """Wait until the mirror has everything that etcd has now."""
    await settle(mirror.wait((await settle(client.get("").exec())).revision))


def read_fresh(mirror, key="k"):
    """Return the text of a linearizable read; await it in either face."""
    return settle(mirror.get(key, fresh=True).string())


class Reads(Held):
    """Holds the requests that a client's mirrors send for linearizable reads, and records them.

    ``sizes`` has the number of keys of each; ``error``, if set, is raised in place of replies.
    """

    def __init__(self, transport):
        self._recorded, self._awaited, self.error = Recorded(transport, methods.READ_TXN), 0, None
        super().__init__(Altered(self._recorded, methods.READ_TXN, self._reply), methods.READ_TXN)

    @property
    def sizes(self):
        return [len(call.request.success) for call in self._recorded.calls]

    async def replied(self):
        """Wait for the next reply."""
        self._awaited += 1
        await self._recorded.until(lambda: len(self._recorded.replies) >= self._awaited)

    def _reply(self, message):
        if self.error is not None:
            raise self.error
        return message
