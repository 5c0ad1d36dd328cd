"""What an etcd server answers, built from plain values: steps and parts for a ``ScriptedTransport``.

>>> from etcd_factory.testing import ScriptedTransport, replies
>>> script = {
...     "Range": replies.get({"config/level": "debug"}),
...     "Watch": replies.watch(replies.put_event("config/level", "info"), replies.lost()),
... }
>>> ScriptedTransport(script)
<ScriptedTransport: 0 calls, left: WatchResponse, ConnectionFailedError('the connection broke')>

A lock makes the calls ``LeaseGrant``, ``Txn`` (creates its key, and reads the first one), in the background a stream
``LeaseKeepAlive`` and after 0.2 s a ``Watch`` of its key, and at the end ``LeaseRevoke``; an election makes the same.
If the first key is another's, it also makes ``Range`` (the key before its own, for whose deletion it waits in a
``Watch``) until there is none, then ``Range`` (its own key).

Keys are whole keys, with the client's namespace. ``revision`` is the store's when it replied. Keys with more to them
than a value are ``KeyValue``s of ``etcd_factory.model``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import asdict, evolve

from etcd_factory.errors import Code, ConnectionFailedError, EtcdError, error_of
from etcd_factory.model import KeyValue
from etcd_factory.wire import messages

from .script import METHODS, NO_REPLY, Call, check_method
from .scripted_stream import END, StreamScript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .script import Answer
    from .scripted_stream import Part

    Text: TypeAlias = "str | bytes"
    Found: TypeAlias = "Mapping[str, Text] | Mapping[bytes, Text] | KeyValue"

__all__ = [
    "END",
    "NO_REPLY",
    "StreamScript",
    "WatchScript",
    "canceled",
    "delayed",
    "delete",
    "delete_event",
    "events",
    "get",
    "keep_alive",
    "lease",
    "lost",
    "of",
    "progress",
    "put",
    "put_event",
    "refused",
    "server_error",
    "txn",
    "watch",
]

RESULTS = {
    "RangeResponse": "response_range",
    "PutResponse": "response_put",
    "DeleteRangeResponse": "response_delete_range",
    "TxnResponse": "response_txn",
}
log = logging.getLogger("etcd_factory.testing")

PUT, DELETE = 0, 1  # types of events
ALL_WATCHES = -1  # the id of a message for all watches of a stream


def of(method: str, **fields: object) -> messages.Message:
    """Return the reply of any method of etcd, from the fields of its message: ``of("Status", version="3.5.21")``."""
    check_method(method)
    reply: messages.Message = METHODS[method].types[1](**fields)
    return reply


def get(*found: Found, revision: int = 1, more: bool = False) -> messages.RangeResponse:
    """Return the reply to a read: ``get({"key": "value"})``, ``get()`` if there is no key.

    ``more`` if there are keys beyond a limit.
    """
    kvs = [key_value(kv, revision) for kv in key_values(found)]
    return messages.RangeResponse(header=header(revision), kvs=kvs, count=len(kvs), more=more)


def put(*, previous: KeyValue | None = None, revision: int = 1) -> messages.PutResponse:
    """Return the reply to a put."""
    prev_kv = key_value(previous, revision) if previous else None
    return messages.PutResponse(header=header(revision), prev_kv=prev_kv)


def delete(deleted: int = 1, *, previous: Sequence[KeyValue] = (), revision: int = 1) -> messages.DeleteRangeResponse:
    """Return the reply to a delete: how many keys it deleted."""
    prev_kvs = [key_value(kv, revision) for kv in previous]
    return messages.DeleteRangeResponse(header=header(revision), deleted=deleted, prev_kvs=prev_kvs)


def txn(*results: messages.Message, succeeded: bool = True, revision: int = 1) -> messages.TxnResponse:
    """Return the reply to a transaction: the replies to the operations of the branch that was taken."""
    responses = [{RESULTS[type(result).__name__]: result} for result in results]
    return messages.TxnResponse(header=header(revision), succeeded=succeeded, responses=responses)


def lease(id: int = 1, ttl: int = 10) -> messages.LeaseGrantResponse:  # noqa: A002
    """Return the reply to the grant of a lease; ``ttl`` in seconds."""
    return messages.LeaseGrantResponse(ID=id, TTL=ttl)


def keep_alive(*ttls: int) -> StreamScript[messages.LeaseKeepAliveRequest, messages.LeaseKeepAliveResponse]:
    """Return a stream that renews leases: each renewal is answered by the next ttl in seconds, then by the last one.

    0 says that the lease is gone. Without arguments every ttl is 10.
    """
    left = [*ttls] or [10]

    def renew(request: messages.LeaseKeepAliveRequest) -> messages.LeaseKeepAliveResponse:
        ttl = left.pop(0) if len(left) > 1 else left[0]
        return messages.LeaseKeepAliveResponse(ID=request.ID, TTL=ttl)

    return StreamScript(reply=renew)


def refused(message: str = "connection refused") -> ConnectionFailedError:
    """Return the error of a call that certainly never left: the client retries it, writes too."""
    error = ConnectionFailedError(message)
    error.sent = False
    return error


def lost(message: str = "the connection broke") -> ConnectionFailedError:
    """Return the error of a connection that broke after the request left.

    The client retries reads; the error of a write has ``maybe_applied``. As a part of a stream it breaks the stream.
    """
    return ConnectionFailedError(message)


def server_error(message: str, code: Code | str | None = None) -> EtcdError:
    """Return the error for a server's message, such as ``etcdserver: mvcc: database space exceeded``.

    ``code`` is its gRPC status; by default the usual one of its class.
    """
    error = error_of(Code(code or Code.UNKNOWN), message)
    error.code = Code(code or error.status)
    return error


def delayed(seconds: float, answer: Answer) -> Callable[[Call], Answer]:
    """Return a step that takes ``seconds`` in the server: too long for calls with a shorter timeout.

    No time passes: such a call fails at once with ``DeadlineExceededError``, any other is answered at once.
    """
    return lambda call: NO_REPLY if call.timeout is not None and call.timeout <= seconds else answer


def put_event(
    key: Text, value: Text, *, revision: int = 0, lease: int = 0, previous: KeyValue | None = None, watch: int = 1
) -> messages.WatchResponse:
    """Return what a watch receives for a put; ``revision`` is by default the next one of the stream.

    ``watch`` is its number: a client numbers its watches from 1 in the order of their creation. An event waits until
    there is a watch of its number, and all that follow wait with it, which is logged as a warning.
    """
    kv = KeyValue(encode(key), encode(value), revision, revision, 1, lease)
    return event(PUT, kv, previous, watch)


def delete_event(
    key: Text, *, revision: int = 0, previous: KeyValue | None = None, watch: int = 1
) -> messages.WatchResponse:
    """Return what a watch receives for a delete; see ``put_event``."""
    return event(DELETE, KeyValue(encode(key), mod_revision=revision), previous, watch)


def event(kind: int, kv: KeyValue, previous: KeyValue | None, watch: int) -> messages.WatchResponse:
    """Return a message with one event."""
    fields: dict[str, Any] = {"type": kind, "kv": asdict(kv), "prev_kv": asdict(previous) if previous else None}
    return messages.WatchResponse(watch_id=watch, events=[fields])


def events(*single: messages.WatchResponse) -> messages.WatchResponse:
    """Return several events of one revision as one message."""
    changes = [change for message in single for change in message.events]
    return messages.WatchResponse(watch_id=single[0].watch_id, events=changes)


def progress(revision: int = 0, *, watch: int = 1) -> messages.WatchResponse:
    """Return the notice that a watch has received everything up to ``revision``, by default the stream's last one."""
    return messages.WatchResponse(header=header(revision), watch_id=watch)


def canceled(reason: str = "", *, compact_revision: int = 0, watch: int = 1) -> messages.WatchResponse:
    """Return the end of a watch by the server; with ``compact_revision`` because its next revision was compacted."""
    return messages.WatchResponse(
        watch_id=watch, canceled=True, cancel_reason=reason, compact_revision=compact_revision
    )


def watch(*parts: Part[messages.WatchResponse], revision: int = 1) -> WatchScript:
    """Return the stream of a client's watches: confirms and cancels them as the client asks, and sends ``parts``.

    An event is sent as soon as its watch is created. ``revision`` is the store's at the beginning; events without a
    revision get the next one. ``WatchScript.push`` sends more events later.
    """
    return WatchScript(*parts, revision=revision)


class WatchScript(StreamScript["messages.WatchRequest", "messages.WatchResponse"]):
    """The stream of a client's watches; made by ``watch``. ``revision`` is the store's, raised by events."""

    def __init__(self, *parts: Part[messages.WatchResponse], revision: int = 1) -> None:
        super().__init__(*parts)
        self.revision = revision
        self._created: set[int] = set()
        self._missed: set[int] = set()  # watches for which messages wait

    def opened(self) -> None:
        """A client has opened a stream, which has no watches yet."""
        self._created = set()

    def answer(self, message: messages.WatchRequest) -> messages.WatchResponse:
        """Confirm that a watch is created or canceled, or send progress."""
        kind = message.WhichOneof("request_union")
        if kind == "create_request":
            return self._create(message.create_request)
        if kind == "cancel_request":
            return canceled(watch=message.cancel_request.watch_id)
        return progress(watch=ALL_WATCHES)

    def is_ready(self, part: Part[messages.WatchResponse]) -> bool:
        """Whether the watch that a message is for has been created."""
        number = getattr(part, "watch_id", ALL_WATCHES)
        if number in self._created or (number == ALL_WATCHES and self._created):
            return True
        if self._created and number not in self._missed:
            self._missed.add(number)
            there = ", ".join(map(str, sorted(self._created)))
            log.warning("a message for watch %d waits, and all that follow: the watches so far are %s", number, there)
        return False

    def prepare(self, part: messages.WatchResponse) -> messages.WatchResponse:
        """Return the message with the store's revision; events without a revision get the next one."""
        sent = super().prepare(part)
        next_revision = self.revision + 1
        for change in sent.events:
            change.kv.mod_revision = change.kv.mod_revision or next_revision
            if change.type == PUT:
                change.kv.create_revision = change.kv.create_revision or change.kv.mod_revision
            self.revision = max(self.revision, change.kv.mod_revision)
        sent.header.revision = sent.header.revision or self.revision
        return sent

    def _create(self, request: messages.WatchCreateRequest) -> messages.WatchResponse:
        # The server is at least where the client resumes: another script may have sent what came before.
        self.revision = max(self.revision, request.start_revision - 1)
        self._created.add(request.watch_id)
        return messages.WatchResponse(watch_id=request.watch_id, created=True)


def header(revision: int) -> dict[str, int]:
    """Return the fields of a reply's header."""
    return {"revision": revision}


def key_values(found: Sequence[Found]) -> list[KeyValue]:
    """Return keys and values as ``KeyValue``s."""
    kvs: list[KeyValue] = []
    for one in found:
        kvs += [one] if isinstance(one, KeyValue) else [KeyValue(encode(k), encode(v)) for k, v in one.items()]
    return kvs


def key_value(kv: KeyValue, revision: int) -> messages.KeyValue:
    """Return a key as etcd sends it; by default it was created at ``revision``."""
    if not kv.mod_revision:
        kv = evolve(kv, create_revision=revision, mod_revision=revision, version=1)
    return messages.KeyValue(**asdict(kv))


def encode(text: Text) -> bytes:
    """Return a key or a value as bytes."""
    return text.encode() if isinstance(text, str) else text
