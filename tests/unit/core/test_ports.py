"""What implements the ports has their methods, with the same parameters, coroutine functions where they are.

Type checkers compare the types too: ``tests/types/ports_.py``.
"""

from __future__ import annotations

import inspect

import pytest

from etcd_factory.core import ports
from etcd_factory.io.grpc.asyncio import AsyncioTransport
from etcd_factory.io.grpc.asyncio import Stream as AsyncioStream
from etcd_factory.io.grpc.threads import Stream as ThreadStream
from etcd_factory.io.grpc.threads import ThreadTransport
from etcd_factory.io.http2.task_seat import Seat as TaskSeat
from etcd_factory.io.http2.thread_seat import Seat as ThreadSeat
from etcd_factory.io.runtime import asyncio, threads
from etcd_factory.io.runtime.files import AtomicFile
from etcd_factory.testing import ScriptedTransport
from etcd_factory.testing.scripted_stream import ScriptedStream

IMPLEMENTATIONS = [
    (ports.Transport, ThreadTransport),
    (ports.Transport, AsyncioTransport),
    (ports.Transport, ScriptedTransport),
    (ports.Stream, ThreadStream),
    (ports.Stream, AsyncioStream),
    (ports.Stream, ScriptedStream),
    (ports.Runtime, threads.ThreadRuntime),
    (ports.Runtime, asyncio.AsyncioRuntime),
    (ports.Promise, threads.Promise),
    (ports.Promise, asyncio.Promise),
    (ports.Mailbox, threads.Mailbox),
    (ports.Mailbox, asyncio.Mailbox),
    (ports.Signal, threads.Signal),
    (ports.Signal, asyncio.Signal),
    (ports.Gate, threads.Gate),
    (ports.Gate, asyncio.Gate),
    (ports.Task, threads.Task),
    (ports.Task, asyncio.Task),
    (ports.File, AtomicFile),
    (ports.Seat, TaskSeat),
    (ports.Seat, ThreadSeat),
]
METHODS = [
    (port, kind, name)
    for port, kind in IMPLEMENTATIONS
    for name, member in vars(port).items()
    if inspect.isfunction(member) and not name.startswith("_")
]


def parameters(function):
    """The names of the parameters without ``self``; None for a class or function without a signature in Python."""
    try:
        names = [*inspect.signature(function).parameters]
    except ValueError:
        return None
    return names[1:] if names[:1] == ["self"] else names


@pytest.mark.parametrize(
    ("port", "kind", "name"), METHODS, ids=[f"{kind.__module__}.{kind.__name__}.{name}" for _, kind, name in METHODS]
)
def test_an_implementation_has_the_methods_of_its_port(port, kind, name):
    wanted, found = getattr(port, name), getattr(kind, name)
    assert inspect.iscoroutinefunction(found) is inspect.iscoroutinefunction(wanted)
    assert parameters(found) in (parameters(wanted), None)


@pytest.mark.parametrize("kind", [threads.Signal, asyncio.Signal])
async def test_a_signal_has_the_functions_of_its_port(kind):
    assert all(callable(getattr(kind(), name)) for name in ("set", "clear", "is_set"))


def test_every_port_is_implemented_here():
    defined = {
        one
        for one in vars(ports).values()
        if isinstance(one, type) and getattr(one, "_is_protocol", False) and one.__module__ == ports.__name__
    }
    assert {port for port, _ in IMPLEMENTATIONS} == defined
