"""python-etcd3's client on our options, for code that is written for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime import forks
from etcd_factory.options import ClientOptions

if TYPE_CHECKING:
    from .client import RawClient


class Raw:
    """Holds one python-etcd3 client, created at its first use."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._client: RawClient | None = None
        self._closed = False
        forks.register(self)

    @property
    def in_use(self) -> bool:
        """Whether the client was created."""
        return self._client is not None

    def get(self) -> RawClient:
        """Return the client. Creating it does no I/O."""
        with self._lock:
            if self._closed:
                raise ClientClosedError
            if self._client is None:
                from .client import RawClient  # loads python-etcd3, tenacity and six

                self._client = RawClient(self._options)
            return self._client

    def close(self) -> None:
        """Close the client, if there is one."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def forget(self) -> object:
        """Drop the client without touching it."""
        left = self._lock, self._client
        self._lock, self._client = threading.Lock(), None
        return left
