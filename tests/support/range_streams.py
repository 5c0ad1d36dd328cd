"""A scripted etcd 3.7 that streams ranges, from its published code (server/etcdserver/v3_server.go, v3rpc/key.go).

``RangeServer.script`` answers ``Range`` and ``RangeStream`` of a ``ScriptedTransport``, ``listening`` those of a real
connection; nothing is ever written.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import grpc

from etcd_factory.testing import StreamScript, replies
from etcd_factory.wire import messages, methods

FIRST_CHUNK = 10  # initialStreamChunkLimit
TARGET = 3 << 19  # bytes of a chunk: the default of --max-request-bytes
FILTERS = ("min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision")
UNKNOWN = replies.server_error("unknown method RangeStream for service etcdserverpb.KV", "UNIMPLEMENTED")
PROXY = replies.server_error("RangeStream is not supported by the gRPC proxy", "UNIMPLEMENTED")
COMPACTED = replies.server_error("etcdserver: mvcc: required revision has been compacted")
END_OF_KEYS = b"\0"


class RangeServer:
    """Keys with values, at one revision. ``refuses`` has the hosts that do not stream, and what they say.

    ``breaks`` has what ends the streams to come, each after so many chunks: an error, ``END``, or None, which does not
    end it. Hosts in ``away`` refuse connections. Pages of the revision ``compacted`` are refused. ``open`` counts the
    streams that go on.
    """

    def __init__(self, keys, value=b"v", revision=42):
        self.keys, self.value, self.revision = sorted(keys), value, revision
        self.refuses, self.breaks, self.away = {}, [], ()
        self.compacted = self.open = 0

    @property
    def script(self):
        return {"Range": self.range, "RangeStream": self.stream}

    def range(self, call):
        """Answer a ``Range``."""
        if call.host in self.away:
            return replies.refused()
        return COMPACTED if call.request.revision == self.compacted != 0 else self.found(call.request)

    def stream(self, call):
        """Answer a ``RangeStream``."""
        refused = self.refuses.get(call.host) or unsupported(call.request)
        if refused:
            return refused
        chunks = list(self.chunks(call.request))
        if not self.breaks:
            return Counted(self, *chunks, replies.END)
        after, end = self.breaks.pop(0)
        return Counted(self, *chunks[:after], *filter(None, [end]))

    def found(self, request, start=None, limit=None):
        """Return the keys of a request from ``start`` on, as a ``RangeResponse``."""
        start = request.key if start is None else start
        limit = request.limit if limit is None else limit
        end = request.range_end
        keys = [key for key in self.keys if start <= key and (end == END_OF_KEYS or key < end)]
        kept = keys[:limit] if limit else keys
        value = b"" if request.keys_only else self.value
        kvs = [messages.KeyValue(key=key, value=value, mod_revision=7) for key in kept]
        header = {"revision": self.revision}
        return messages.RangeResponse(header=header, kvs=kvs, count=len(keys), more=len(kept) < len(keys))

    def chunks(self, request):
        """Yield the messages of a stream: header, count and more are only in the last one."""
        start, left, limit, sent = request.key, request.limit or len(self.keys) + 1, FIRST_CHUNK, 0
        while True:
            found = self.found(request, start, min(limit, left))
            left, sent = left - len(found.kvs), sent + len(found.kvs)
            if not found.more or not left:
                found.count += sent - len(found.kvs)
                yield messages.RangeStreamResponse(range_response=found)
                return
            yield messages.RangeStreamResponse(range_response={"kvs": found.kvs})
            start, limit = found.kvs[-1].key + b"\0", adjusted(limit, found.ByteSize())


class Counted(StreamScript):
    """A stream that its server counts."""

    def __init__(self, server, *parts):
        super().__init__(*parts)
        self._server = server

    def opened(self):
        self._server.open += 1

    def discard(self, stream):
        self._server.open -= stream in self._streams
        super().discard(stream)


def adjusted(limit, size):
    """Return how many keys the next chunk has, after one of that size."""
    if size < TARGET // 2:
        return limit * 2
    return max(1, limit // 2) if size > TARGET * 2 else limit


def unsupported(request):
    """Return the refusal of a request that etcd does not stream, None if it does."""
    in_order = request.sort_order == 0 or (request.sort_order, request.sort_target) == (1, 0)
    if not in_order:
        return replies.server_error("RangeStream does not support custom sort orders", "UNIMPLEMENTED")
    if any(getattr(request, name) for name in FILTERS):
        return replies.server_error("RangeStream does not support revision filters", "UNIMPLEMENTED")
    return None


class Handler(grpc.GenericRpcHandler):
    """A ``RangeServer`` for gRPC; ``ended`` is set when a stream has ended, ``sent`` counts the messages of streams."""

    def __init__(self, server):
        self.server, self.ended, self.sent = server, threading.Event(), 0

    def service(self, details):
        unary, stream = methods.RANGE, methods.RANGE_STREAM
        if details.method == unary.path:
            return grpc.unary_unary_rpc_method_handler(self._range, unary.request.FromString, as_bytes)
        if details.method == stream.path and not self.server.refuses:
            return grpc.unary_stream_rpc_method_handler(self._stream, stream.request.FromString, as_bytes)
        return None  # gRPC then says UNIMPLEMENTED

    def _range(self, request, context):
        return self.server.found(request)

    def _stream(self, request, context):
        context.add_callback(self.ended.set)
        after, code = self.server.breaks.pop(0) if self.server.breaks else (None, None)
        for chunk in islice(self.server.chunks(request), after):
            self.sent += 1
            yield chunk
        if code is not None:
            context.abort(code, "the member is going away")


def as_bytes(message):
    return message.SerializeToString()


@contextmanager
def listening(handler):
    """Serve a handler on a port of its own; yields ``host:port``."""
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
