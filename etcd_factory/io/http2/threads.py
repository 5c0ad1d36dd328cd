"""The transport on threads, without a thread of its own: whoever waits reads for all."""

from __future__ import annotations

import socket
import struct
import threading
import time
from _thread import allocate_lock
from typing import Any

from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .calls import Blocks, Call, framed
from .connection import Connection

BUFFER = 1 << 16


class ThreadCall(Call):
    __slots__ = ("deadline", "lock", "timeout")

    def __init__(self, endpoint, timeout, deadline):
        super().__init__(endpoint)
        self.timeout, self.deadline = timeout, deadline
        self.lock = None


class Line:
    def __init__(self, sock, endpoint, blocks):
        self.sock, self.endpoint, self.blocks = sock, endpoint, blocks
        self.machine = Connection()
        self._lock = threading.Lock()
        self._reading = self._writing = False
        self._waiting: dict[ThreadCall, None] = {}
        self.heard = 0.0

    def start(self, call, block, data, end):
        with self._lock:
            self.machine.request(call, block, data, end)
            if self._writing:
                return
            self._writing = True
            out = self.machine.take()
        self._write(out)

    def _write(self, out):
        try:
            while out:
                self.sock.sendall(out)
                with self._lock:
                    out = self.machine.take()
                    if not out:
                        self._writing = False
        except BaseException:
            self.broken()
            raise

    def wait(self, call):
        while True:
            with self._lock:
                if call.is_done:
                    return
                if not self._reading:
                    self._reading = True
                    break
                call.lock = lock = allocate_lock()
                lock.acquire()
                self._waiting[call] = None
            lock.acquire(timeout=call.deadline - time.monotonic())
            with self._lock:
                self._waiting.pop(call, None)
                call.lock = None
        self._read(call)

    def _read(self, call):
        recv = self.sock.recv
        try:
            while True:
                data = recv(BUFFER)
                with self._lock:
                    news = self.machine.receive(data)
                    for one in news:
                        if one is not call and one.lock is not None:
                            one.lock.release()
                            one.lock = None
                            self._waiting.pop(one, None)
                    out = b"" if self._writing else self.machine.take()
                    if out: self._writing = True
                    if call.is_done:
                        self._reading = False
                        for other in self._waiting:
                            other.lock.release()
                            other.lock = None
                            del self._waiting[other]
                            break
                if out:
                    self._write(out)
                if call.is_done:
                    return
        except BaseException:
            self.broken()
            raise

    def broken(self):
        self.sock.close()


class ThreadTransport:
    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._lines = {}
        self._lock = threading.Lock()

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        line = self._lines.get(host)
        if line is None:
            line = self._connect(host)
        call = ThreadCall(line.endpoint, timeout, time.monotonic() + timeout)
        line.start(call, line.blocks.get(method, timeout, metadata), framed(method.serialize(request)), True)
        line.wait(call)
        if call.error is not None:
            raise call.error
        return method.decode(call.messages[0] if call.messages else None, host)

    def _connect(self, host: str) -> Line:
        with self._lock:
            if host in self._lines: return self._lines[host]
            endpoint = host.partition("://")[2]
            name, _, port = endpoint.rpartition(":")
            sock = socket.create_connection((name, int(port)))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
            line = Line(sock, endpoint, Blocks("http", endpoint, "etcd-factory"))
            self._lines[host] = line
            return line

    async def close(self) -> None:
        pass

    def forget(self) -> object:
        return None
