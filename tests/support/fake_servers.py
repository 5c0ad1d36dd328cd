"""``FakeEtcd`` in place of servers: ``--etcd fake`` runs the conformance suite on it.

A client whose host is a fake's endpoint reaches it within the process, by the transport port. The endpoint is a port of
gRPC as well, for what has connections of its own: etcdctl, proxies, ``etcd.raw``, and clients with TLS.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import grpc

from etcd_factory import errors
from etcd_factory.core.face import finish
from etcd_factory.testing import EtcdServer, FakeEtcd, find_binary
from etcd_factory.testing.fake import cluster, member
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

HOST = "127.0.0.1"
CALLS = 64  # at once
ALL_METHODS = {method.path: method for method in vars(methods).values() if isinstance(method, Method)}
FLAG = re.compile(r"--(?:experimental-)?([\w-]+)=(.*)", re.DOTALL)
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
LONG = 3600.0  # seconds; calls without a deadline


class FakeServer(EtcdServer):
    """A ``FakeEtcd`` with the methods of an ``EtcdServer``."""

    def __init__(self, *, binary=None, tls=None, args=(), name="default"):
        self.binary, self.tls, self.args, self.name = binary or find_binary(), tls, tuple(args), name
        self._port, self._grpc, self._stack = 0, None, ExitStack()
        self._etcd = None

    def __repr__(self):
        return f"<FakeServer at {self.endpoint}>"

    def __del__(self):
        """Unlike a process it leaves nothing behind."""

    endpoint = property(lambda self: f"{HOST}:{self._port}")
    peer_url = property(lambda self: cluster.PEER_URL)
    version = property(lambda self: member.VERSION)
    running = property(lambda self: self._grpc is not None)

    def start(self):
        if self.running:
            return self
        if self._etcd is None:
            self._begin()
        else:
            self._etcd.start()
            self._listen(self._port)
        return self

    launch = start

    def await_ready(self):
        return self

    def stop(self):
        self.kill()
        self._stack.close()
        self._etcd = None

    def kill(self):
        if self._grpc is not None:
            self._etcd.stop()
            self._grpc.stop(None).wait()
            self._grpc = None

    _terminate = kill

    def wipe(self):
        self.stop()

    def pause(self):
        self._etcd.pause()

    def resume(self):
        self._etcd.resume()

    def metric(self, name, labels):
        """Return a number that a server's metrics have: of watches, of their streams, of reads over gRPC."""
        streams = self._etcd.member.streams
        if "Range" in labels:
            return self._calls.started["/etcdserverpb.KV/Range"]
        return sum(map(len, streams)) if "watcher_total" in name else len(streams)

    def _begin(self):
        self._listen(self._port)
        self._etcd = FakeEtcd(real_time=True, endpoint=self.endpoint, **options_of(self.args))
        self._calls.etcd = self._etcd
        if self.tls is None:
            self._stack.enter_context(self._etcd.installed(self.url))

    def _listen(self, port):
        self._calls = Calls(self._etcd)
        self._grpc = grpc.server(
            ThreadPoolExecutor(CALLS, "fake"),
            handlers=[self._calls],
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )
        address = f"{HOST}:{port}"
        if self.tls is None:
            self._port = self._grpc.add_insecure_port(address)
        else:
            self._port = self._grpc.add_secure_port(address, credentials_of(self.tls))
        self._grpc.start()


def options_of(args):
    """Return the options of a fake for etcd's flags; those that change nothing here are left out."""
    flags = dict(match.groups() for match in map(FLAG.fullmatch, args) if match)
    found = {}
    if "quota-backend-bytes" in flags:
        found["quota"] = int(flags["quota-backend-bytes"])
    if "watch-progress-notify-interval" in flags:
        number, unit = re.fullmatch(r"(\d+)(\w+)", flags["watch-progress-notify-interval"]).groups()
        found["progress_interval"] = int(number) * UNITS[unit]
    return found


def credentials_of(tls):
    """Return what gRPC's server needs for TLS."""
    key, cert = (path.read_bytes() for path in (tls.key, tls.cert))
    ca = tls.ca.read_bytes() if tls.ca else None
    return grpc.ssl_server_credentials([(key, cert)], ca, require_client_auth=ca is not None)


class Calls(grpc.GenericRpcHandler):
    """Passes the calls of a gRPC server on to a fake, by a transport of the blocking face."""

    def __init__(self, etcd):
        self.etcd, self.started = etcd, Counter()

    def service(self, details):
        method = ALL_METHODS.get(details.method)
        self.started[details.method] += 1
        if method is None:
            return None
        codec = {"request_deserializer": method.types[0].FromString}
        codec["response_serializer"] = method.types[1].SerializeToString
        if method.streams_requests:
            return grpc.stream_stream_rpc_method_handler(partial(self._streams, method), **codec)
        if method.streams_responses:
            return grpc.unary_stream_rpc_method_handler(partial(self._stream, method), **codec)
        return grpc.unary_unary_rpc_method_handler(partial(self._unary, method), **codec)

    def _unary(self, method, request, context):
        left = context.time_remaining()
        transport = self.etcd.transport()
        context.add_callback(lambda: finish(transport.close()))
        call = transport.unary("http://fake", method, request, LONG if left is None else left, metadata_of(context))
        return answered(context, lambda: finish(call))

    def _stream(self, method, request, context):
        yield from self._streams(method, iter([request]), context)

    def _streams(self, method, requests, context):
        transport = self.etcd.transport()
        context.add_callback(lambda: finish(transport.close()))
        stream = answered(context, lambda: finish(transport.stream("http://fake", method, metadata_of(context))))
        threading.Thread(target=pump, args=(requests, stream), name="fake requests", daemon=True).start()
        while (message := answered(context, lambda: finish(stream.receive()))) is not None:
            yield message


def pump(requests, stream):
    """Pass on what a client sends."""
    try:
        for request in requests:
            stream.send(request)
    except Exception:  # the stream has ended
        return


def metadata_of(context):
    """Return the metadata that a client sent."""
    return tuple((key, value) for key, value in context.invocation_metadata() if isinstance(value, str))


def answered(context, call):
    """Return what a call returns; its error ends the call of gRPC."""
    try:
        return call()
    except errors.EtcdError as error:
        context.abort(grpc.StatusCode[error.code.value], error.message)
    except errors.ClientClosedError:
        context.abort(grpc.StatusCode.CANCELLED, "closed")


def replace_servers():
    """Let ``EtcdServer(...)`` return a ``FakeServer`` from now on."""
    EtcdServer.__new__ = staticmethod(lambda cls, *args, **options: object.__new__(FakeServer))
