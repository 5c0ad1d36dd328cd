"""Errors as gRPC raises them."""

from __future__ import annotations

import grpc


class Failed(grpc.RpcError):
    """A call that ended with a status."""

    def __init__(self, status, details="of the test"):
        self._status, self._details = status, details

    def code(self):
        return self._status

    def details(self):
        return self._details
