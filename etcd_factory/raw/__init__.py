"""python-etcd3's client on the options of ours, for code that is written for it."""

from __future__ import annotations

import threading
from typing import Any

from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime import forks
from etcd_factory.options import ClientOptions


class Raw:
    """The place of one python-etcd3 client, which is made when it is first asked for."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._guard = threading.Lock()
        self._client: Any = None
        self._closed = False
        forks.watch(self)

    def get(self) -> Any:
        """The client. Making it does no I/O."""
        with self._guard:
            if self._closed:
                raise ClientClosedError
            if self._client is None:
                from .client import RawClient  # with python-etcd3, tenacity and six, for those who ask for it

                self._client = RawClient(self._options)
            return self._client

    def close(self) -> None:
        """Close the client, if there is one."""
        with self._guard:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def forget(self) -> Any:
        """Drop the client without touching it."""
        left = self._guard, self._client
        self._guard, self._client = threading.Lock(), None
        return left
