"""Another process that puts, so that this one only watches; its stdin says which keys to put, and how often."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from grpc import aio
from typing_extensions import Self

from .stubs import Awaited

SIZE = 100  # bytes of a value, as in other cases


class Writer:
    """Runs the other process."""

    def __init__(self, host: str) -> None:
        command = [sys.executable, "-m", __name__, host]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._stdin = self._process.stdin

    def put(self, times: int, *keys: str) -> None:
        """Request so many puts of each key, all keys concurrently; returns before they are done."""
        self._stdin.write(f"{times} {' '.join(keys)}\n")
        self._stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stdin.close()
        self._process.wait()


def age(value: bytes) -> float:
    """Return the seconds since a value's put began; processes share the clock."""
    return time.monotonic() - float(value)


async def main(host: str) -> None:
    async with aio.insecure_channel(host) as channel:
        stub = Awaited(channel, None)
        for line in sys.stdin:
            times, *keys = line.split()
            for _ in range(int(times)):
                await asyncio.gather(*[write(stub, key) for key in keys])


async def write(stub: Awaited, key: str) -> None:
    await stub.put(key, f"{time.monotonic()!r}".ljust(SIZE))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
