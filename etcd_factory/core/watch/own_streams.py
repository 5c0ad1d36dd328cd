"""Watches with a stream and a connection of their own.

All watches of a client share one stream, where a large one holds up the others: their events wait behind its own
(etcd-io/etcd#17529, #15402).
"""

from __future__ import annotations

from typing import ClassVar
from weakref import WeakSet

from etcd_factory.core.background import Closing
from etcd_factory.core.call.client import Client

from .stream import WatchStream


class OwnStreams:
    """The streams of single watches, closed with the client."""

    closing: ClassVar = Closing.WATCHES

    def __init__(self, client: Client) -> None:
        self._client = client
        self._open: WeakSet[WatchStream] = WeakSet()

    def open(self) -> WatchStream:
        """Return a stream for one watch; it ends with that. ``TypeError`` if the transport cannot have another one."""
        if not self.can_open:
            raise TypeError(f"own_stream() needs a transport with the method apart(), which {self._name} has not")
        stream = WatchStream(self._client, self._client.transport.apart())
        self._open.add(stream)
        self._client.background.register(stream)
        return stream

    @property
    def can_open(self) -> bool:
        """Whether the transport, which may be the user's, can have another one."""
        return hasattr(self._client.transport, "apart")

    @property
    def _name(self) -> str:
        return type(self._client.transport).__name__

    async def close(self) -> None:
        """End them all."""
        for stream in list(self._open):
            await stream.close()
