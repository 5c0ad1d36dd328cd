"""What implements the ports of the core, as type checkers see it."""

from pathlib import Path
from typing import Any

from etcd_factory import ClientOptions
from etcd_factory.core.ports import File, Gate, Mailbox, Promise, Runtime, Signal, Stream, Task, Transport
from etcd_factory.io.grpc.asyncio import AsyncioTransport
from etcd_factory.io.grpc.threads import ThreadTransport
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.files import AtomicFile
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.testing import ScriptedTransport
from etcd_factory.wire import methods
from etcd_factory.wire.messages import WatchRequest, WatchResponse

transports: list[Transport] = [ThreadTransport(ClientOptions()), AsyncioTransport(ClientOptions())]
scripted: Transport = ScriptedTransport([])
runtimes: list[Runtime] = [ThreadRuntime(), AsyncioRuntime()]
file: File = AtomicFile(Path("snapshot.db"))


async def streams() -> None:
    """The stream of each transport has the messages of its method."""
    threads = await ThreadTransport(ClientOptions()).stream("http://a:1", methods.WATCH, ())
    tasks = await AsyncioTransport(ClientOptions()).stream("http://a:1", methods.WATCH, ())
    one: Stream[WatchRequest, WatchResponse] = threads
    other: Stream[WatchRequest, WatchResponse] = tasks
    one.send(WatchRequest())
    other.send(WatchRequest())


def waiting(runtime: ThreadRuntime | AsyncioRuntime) -> None:
    """What runtimes wait on."""
    signal: Signal = runtime.signal()
    gate: Gate = runtime.gate()
    promise: Promise[Any] = runtime.promise()
    box: Mailbox[Any] = runtime.mailbox(1)

    async def body() -> None: ...

    task: Task = runtime.spawn(body(), "task")
    del signal, gate, promise, box, task
