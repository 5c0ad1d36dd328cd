"""A proxy that breaks a connection after an exact number of bytes, and what was or was not applied then."""

from __future__ import annotations

from functools import partial

import pytest
from attrs import define

from etcd_factory import errors, ops
from etcd_factory.testing import FaultProxy

from .faces import error_of, settle

CONNECTS = 5  # attempts
TTL = 600  # seconds; nothing expires during a test


class OffsetProxy(FaultProxy):
    """Once armed, forwards so many more bytes of one direction, and then breaks the connection that they were on."""

    _left, _of_requests, _way = None, False, ""

    def arm(self, way, offset, *, requests):
        """Break a connection by ``way``, a method's name here, after ``offset`` bytes of its requests or replies."""
        self._way, self._of_requests, self._left = way, requests, offset

    def disarm(self):
        """Break nothing any more."""
        self._left = None

    def passes(self, link, data, *, is_request):
        is_counted = self._left is not None and is_request is self._of_requests
        if not super().passes(link, data, is_request=is_request) or not is_counted:
            return link not in self._forgotten
        if len(data) <= self._left:
            self._left -= len(data)
            return True
        sink = link.target if is_request else link.client
        if self._left and sink.is_open:
            sink.write(data[: self._left])
        self._left = None
        getattr(self, self._way)(link)
        return False

    def end(self, link):
        """Close both sides in order."""
        link.client.write(b"")
        link.target.write(b"")

    def abort(self, link):
        """Reset both sides."""
        link.reset()

    def stall(self, link):
        """Drop everything that follows on this connection."""
        self._forgotten.add(link)


async def connect(client):
    """Let the client have a connection: a read that hears nothing on a stalled one gives it up."""
    for _ in range(CONNECTS):
        if await error_of(client.get("warm").exists) is None:
            return
    pytest.fail("no connection")


@define(eq=False)
class Attempt:
    """One write through the proxy: what it said, and how to see later whether it was applied."""

    text: str
    error: Exception | None
    id: int
    key: str

    def is_wrong(self, is_applied):
        """Whether what the write said contradicts what etcd has."""
        if self.error is None:
            return not is_applied
        return is_applied and not (isinstance(self.error, errors.EtcdError) and self.error.maybe_applied)


class Writes:
    """The writes of a run; each has a key and a number of its own, so that all can be judged at its end."""

    def __init__(self, client, direct, base):
        self._client, self._direct, self._last = client, direct, base
        self.attempts = {"put": [], "delete": [], "txn": [], "grant": [], "revoke": []}

    async def make(self, kind, text, arm):
        """Make one write of a kind; ``arm()`` is called just before it is sent."""
        self._last += 1
        number, key = self._last, f"{kind}/{self._last}"
        if kind == "delete":
            await settle(self._direct.put(key).value("v"))
        if kind == "revoke":
            await settle(self._direct.lease(TTL, id=number).grant())
        call = getattr(self, f"_{kind}")(key, number)
        await connect(self._client)
        arm()
        self.attempts[kind].append(Attempt(f"{kind} {text}", await error_of(call), number, key))

    def _put(self, key, number):
        return partial(self._client.put(key).value, "v")

    def _delete(self, key, number):
        return partial(self._client.delete().key, key)

    def _txn(self, key, number):
        return self._client.if_(key, "version", "==", 0).then(ops.put(key).value("v")).commit

    def _grant(self, key, number):
        return self._client.lease(TTL, id=number).grant

    def _revoke(self, key, number):
        return self._client.lease_of(number).revoke

    async def wrong(self):
        """Return the attempts whose error contradicts what etcd has now."""
        keys = set(await settle(self._direct.get_all().keys()))
        leases = set(await settle(self._direct.leases()))
        applied = {
            "put": lambda one: one.key in keys,
            "delete": lambda one: one.key not in keys,
            "txn": lambda one: one.key in keys,
            "grant": lambda one: one.id in leases,
            "revoke": lambda one: one.id not in leases,
        }
        return [one for kind, all_ in self.attempts.items() for one in all_ if one.is_wrong(applied[kind](one))]
