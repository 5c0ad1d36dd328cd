"""A member's whole store, written to a file that is there in full or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from types import TracebackType
from typing import Any

from typing_extensions import Self

from etcd_factory.core.call.rpc import bare
from etcd_factory.core.call.stall import StallTimeout
from etcd_factory.core.call.view import View
from etcd_factory.core.ports import IO, Metadata, value_of
from etcd_factory.errors import Code, EtcdError
from etcd_factory.model.cluster import Snapshot
from etcd_factory.wire import messages, methods
from etcd_factory.wire.methods import Method

DIGEST = sha256().digest_size
SECTOR = 512  # bytes; the store is a whole number of them, and its digest follows

Progress = Callable[[int, int], Any]


class Part:
    """The file on its way, beside the one that it becomes. What is not kept is removed.

    Only its owner reads it: a snapshot has all keys, and the users' passwords as hashes.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        handle, part = mkstemp(".part", f"{path.name}.", path.parent)
        self._part, self._file = Path(part), os.fdopen(handle, "wb")
        self._digest, self._tail = sha256(), b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Add bytes; the last ones may be the digest of all before them."""
        self._file.write(data)
        self.size += len(data)
        known = self._tail + data
        self._digest.update(known[:-DIGEST])
        self._tail = known[-DIGEST:]

    def fault(self, total: int) -> str:
        """What is wrong with what has come."""
        if self.size != total or self.size % SECTOR != DIGEST:
            return f"the snapshot is not whole: {self.size} bytes came of {total}"
        return "" if self._digest.digest() == self._tail else "the snapshot does not match its checksum"

    def keep(self) -> None:
        """Put it safely on disk, in the place of an older one."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._part, self.path)


async def save(view: View, file: str | os.PathLike[str], told: Progress | None, host: str) -> Snapshot:
    """The snapshot that a member sends, in ``file``."""
    with Part(Path(file)) as part:
        begun = partial(begin, view.client.io)
        (flow, first), url = await view.client.visit(
            methods.SNAPSHOT, messages.SnapshotRequest(), view.timeout, host, begun
        )
        flow.limit = view.timeout
        try:
            total = len(first.blob) + first.remaining_bytes + DIGEST
            last = await copy(flow, first, part, lambda: told and told(part.size, total))
        finally:
            await flow.close()
        if fault := part.fault(total):
            raise EtcdError(fault, code=Code.DATA_LOSS, endpoint=bare(url))
        await view.client.io.aside(part.keep)
    return Snapshot(part.path, part.size, last.version)


async def begin(
    io: IO, host: str, method: Method, request: Any, timeout: float, metadata: Metadata
) -> tuple[StallTimeout, Any]:
    """The stream and its first message, before which all may still be tried again."""
    flow = StallTimeout(io, await io.stream(host, method, metadata, request), timeout, bare(host))
    try:
        if (first := await flow.receive()) is not None:
            return flow, first
        raise EtcdError("the server sent no snapshot", code=Code.DATA_LOSS, endpoint=bare(host))
    except BaseException:
        await flow.close()
        raise


async def copy(flow: StallTimeout, message: Any, part: Part, tell: Callable[[], Any]) -> Any:
    """Write all messages, and tell after each; gives the last one."""
    while True:
        part.write(message.blob)
        await value_of(tell())
        following = await flow.receive()
        if following is None:
            return message
        message = following
