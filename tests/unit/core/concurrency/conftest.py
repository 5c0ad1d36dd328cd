"""A scripted etcd with one queue, in which the contender has lease ff and is the first."""

from __future__ import annotations

import pytest

from etcd_factory.core.concurrency import queue as module
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from tests.support.watching import recorder  # noqa: F401

TTL = 60
LEASE = 255


class Queue:
    """The steps of a script for locks and elections; ``ahead`` are the entries before the contender's own."""

    def __init__(self):
        self.ahead, self.value, self.exists = [], b"", True

    def script(self, **steps):
        """Return a script; ``steps`` replace its own."""
        return {
            "LeaseGrant": replies.lease(LEASE, TTL),
            "LeaseKeepAlive": replies.of("LeaseKeepAlive", ID=LEASE, TTL=TTL),
            "LeaseRevoke": replies.of("LeaseRevoke"),
            "Range": self.read,
            "Txn": self.write,
            **steps,
        }

    def read(self, call):
        """Answer a read: the entry before, the first one, or the contender's own."""
        if not call.request.range_end:
            return replies.get(*self._own(call.request.key))
        if call.request.max_create_revision:
            return replies.get(*self.ahead[-1:])
        return self._first(call.request.key)

    def write(self, call):
        """Answer the creation of the entry, a new value for it, or its deletion."""
        done, *read = call.request.success
        if read:  # the first entry, by whoever enters
            self.exists, self.value = True, done.request_put.value
            put, first = replies.put(revision=5), self._first(read[0].request_range.key)
            return replies.txn(put, first, revision=5)
        if not self.exists:
            return replies.txn(succeeded=False)
        if done.HasField("request_delete_range"):
            self.exists = False
            return replies.txn(replies.delete())
        self.value = done.request_put.value
        return replies.txn(replies.put(revision=5), revision=5)

    def _first(self, prefix):
        return replies.get(*(self.ahead or self._own(prefix + b"ff"))[:1])

    def _own(self, key):
        return [KeyValue(key, self.value, 5, 5, 1, LEASE)] if self.exists else []


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture(autouse=True)
def unguarded(monkeypatch):
    """No holder begins to watch its key in the time that a test takes."""
    monkeypatch.setattr(module, "GUARD_AFTER", 1e6)
