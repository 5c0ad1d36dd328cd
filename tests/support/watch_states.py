"""Responses of a watch stream, and what a ``WatchMux`` made of them."""

from __future__ import annotations

from etcd_factory.wire import messages

FIELDS = {"key": b"k"}
FIRST = 10  # the revision of a server that nothing has been written to


def reply(id=0, revision=FIRST, **fields):  # noqa: A002
    """Return a response of the server."""
    header = messages.ResponseHeader(revision=revision)
    return messages.WatchResponse(header=header, watch_id=id, **fields)


def event(revision, number=0):
    """Return an event of that revision."""
    return messages.Event(kv=messages.KeyValue(key=f"k{number}".encode(), mod_revision=revision))


def kinds(outputs):
    """Return what the outputs say, and for which watches."""
    return [(output.id, output.kind) for output in outputs]


def events_of(outputs):
    """Return the events of the outputs, by their revisions and keys."""
    delivered = [output.events for output in outputs if output.kind == "events"]
    return [[(one.kv.mod_revision, one.kv.key) for one in events] for events in delivered]


def running(mux, count=1, start=0):
    """Return so many watches that the server has confirmed."""
    entries = [mux.add(FIELDS, start) for _ in range(count)]
    for entry in entries:
        mux.create(entry)
    for entry in entries:
        mux.received(reply(entry.id, created=True))
    return entries
