"""Mirrors: opening one, what it should hold, and holding up what it asks etcd."""

from __future__ import annotations

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


def is_question(call):
    """Whether a call asks when keys were changed last: of one key by a plain read, of several by a transaction."""
    if call.method == "Txn":
        return all(part.HasField("request_range") for part in call.request.success)
    return call.method == "Range" and call.request.keys_only and not call.request.range_end


class Reads(Held):
    """Holds the requests that a client's mirrors send for linearizable reads, and records them.

    ``sizes`` has the number of keys of each; ``error``, if set, is raised in place of replies.
    """

    def __init__(self, transport):
        self._recorded, self._awaited, self.error = Recorded(transport, is_question), 0, None
        super().__init__(Altered(self._recorded, is_question, self._reply), is_question)

    @property
    def sizes(self):
        return [1 if call.method == "Range" else len(call.request.success) for call in self._recorded.calls]

    async def replied(self):
        """Wait for the next reply."""
        self._awaited += 1
        await self._recorded.until(lambda: len(self._recorded.replies) >= self._awaited)

    def _reply(self, message):
        if self.error is not None:
            raise self.error
        return message
