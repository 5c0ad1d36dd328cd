"""A member's whole store, written to a file that exists as a whole or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from os import PathLike
from typing import TYPE_CHECKING

from etcd_factory.core.call.rpc import without_scheme
from etcd_factory.core.call.stall import StallTimeout, begin
from etcd_factory.core.call.view import View
from etcd_factory.core.handlers import called
from etcd_factory.core.ports import File, Runtime
from etcd_factory.errors import Code, EtcdError
from etcd_factory.model.cluster import Snapshot
from etcd_factory.wire import messages, methods

if TYPE_CHECKING:
    from etcd_factory.wire.messages import SnapshotResponse

    SnapshotStream = StallTimeout[SnapshotResponse]

DIGEST = sha256().digest_size
BLOCK = 1 << 20  # bytes written at once: in asyncio each write is a hop to a thread
SECTOR = 512  # bytes; the store is a whole number of them, and its digest follows

Progress = Callable[[int, int], object]
Report = Callable[[], Awaitable[object]]


class Part:
    """The bytes that have arrived: written to a file in blocks, and checked against the digest that comes last."""

    def __init__(self, file: File) -> None:
        self.file, self.size = file, 0
        self._block = bytearray()
        self._digest, self._tail = sha256(), b""

    def add(self, data: bytes) -> bool:
        """Take bytes, the last of which are the digest of all before them; returns whether a block is full."""
        self._block += data
        self.size += len(data)
        return len(self._block) >= BLOCK

    def flush(self) -> None:
        """Write the block."""
        block, self._block = bytes(self._block), bytearray()
        self.file.write(block)
        known = self._tail + block
        self._digest.update(known[:-DIGEST])
        self._tail = known[-DIGEST:]

    def fault(self, total: int) -> str:
        """Return what is wrong with the bytes."""
        if self.size != total or self.size % SECTOR != DIGEST:
            return f"the snapshot is incomplete: {self.size} of {total} bytes"
        return "" if self._digest.digest() == self._tail else "the snapshot does not match its checksum"


async def save(view: View, path: str | PathLike[str], on_progress: Progress | None, host: str) -> Snapshot:
    """Write a member's snapshot to ``path``."""
    runtime = view.client.runtime
    # Only its owner can read the file: a snapshot has all keys, and the users' passwords as hashes.
    file = await runtime.aside(partial(runtime.file, path))
    try:
        part = Part(file)
        version = await download(view, host, part, on_progress)
        await runtime.aside(file.commit)
        return Snapshot(file.path, part.size, version)
    finally:
        await runtime.aside(file.discard)


async def download(view: View, host: str, part: Part, on_progress: Progress | None) -> str:
    """Receive all messages, check the bytes and return the version of the store."""
    client = view.client
    send = partial(begin, client.transport, client.runtime)
    (stream, first), url = await client.call_endpoint(
        methods.SNAPSHOT, messages.SnapshotRequest(), view.timeout, host, send
    )
    if first is None:
        await stream.close()
        raise EtcdError("the server sent no snapshot", code=Code.DATA_LOSS, endpoint=without_scheme(url))
    stream.limit = view.timeout
    total = len(first.blob) + first.remaining_bytes + DIGEST

    async def report() -> None:
        if on_progress is not None:
            await called(on_progress, client.runtime.face, part.size, total)

    try:
        last = await receive(
            client.runtime,
            stream,
            first,
            part,
            report,
        )
    finally:
        await stream.close()
    if fault := part.fault(total):
        raise EtcdError(fault, code=Code.DATA_LOSS, endpoint=without_scheme(url))
    return last.version


async def receive(
    runtime: Runtime,
    stream: SnapshotStream,
    message: SnapshotResponse,
    part: Part,
    report: Report,
) -> SnapshotResponse:
    """Write all messages, and report after each; returns the last one."""
    while True:
        if part.add(message.blob):
            await runtime.aside(part.flush)
        await report()
        following = await stream.receive()
        if following is None:
            await runtime.aside(part.flush)
            return message
        message = following
