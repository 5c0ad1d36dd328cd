"""Users' functions: refused where they can never run, called in the way of their face."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from functools import partial

import pytest

from etcd_factory.core.face import Async, Sync
from etcd_factory.core.handlers import call_handler, call_listeners, called, checked
from etcd_factory.testing import replies
from tests.support.faces import settle

log = logging.getLogger("etcd_factory.test")


def function(*args):
    return args


async def coroutine_function(*args):
    return args


class Callable:
    """An object that is called like a function."""

    def __call__(self, *args):
        return args


class AsyncCallable:
    """An object that is called like a coroutine function."""

    async def __call__(self, *args):
        return args


FUNCTIONS = [function, print, dict, partial(function, 1), Callable(), Callable().__call__, lambda: 1]
ASYNC = [coroutine_function, partial(coroutine_function, 1), AsyncCallable(), AsyncCallable().__call__]


@pytest.mark.parametrize("face", [Sync, Async])
@pytest.mark.parametrize("wrong", ["print", None, 3, ["f"]], ids=repr)
def test_what_is_no_function_is_an_error(face, wrong):
    with pytest.raises(TypeError, match=f"^a handler must be a function, not {type(wrong).__name__}$"):
        checked(wrong, face)


@pytest.mark.parametrize("one", FUNCTIONS, ids=lambda one: type(one).__name__)
def test_a_function_is_for_both_faces(one):
    assert checked(one, Sync) is checked(one, Async) is one


@pytest.mark.parametrize("one", ASYNC, ids=lambda one: type(one).__name__)
def test_an_async_function_is_for_asyncio_alone(one):
    assert checked(one, Async) is one
    with pytest.raises(TypeError, match=r"is async; for the blocking ETCDService write 'def'$"):
        checked(one, Sync)


async def test_in_asyncio_the_result_is_awaited():
    assert await called(coroutine_function, Async, 1) == await called(function, Async, 1) == (1,)


async def test_a_coroutine_in_the_blocking_face_is_an_error_and_is_closed():
    made = coroutine_function(1)
    with pytest.raises(TypeError, match=r"is async; for the blocking ETCDService write 'def'$"):
        await called(lambda: made, Sync)
    assert inspect.getcoroutinestate(made) == inspect.CORO_CLOSED


async def test_a_single_call_of_a_handler_is_settled_and_its_error_logged(runtime, caplog):
    async def fails(value):
        raise RuntimeError(value)

    def fails_at_once(value):
        raise RuntimeError(value)

    handler = fails_at_once if runtime.face is Sync else fails
    await call_handler(runtime.face, log, "'lost' of a lock", handler, "no good")
    (record,) = caplog.records
    assert (record.getMessage(), str(record.exc_info[1])) == ("a handler of 'lost' of a lock failed", "no good")


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_what_ends_a_program_is_logged_where_the_handler_has_a_thread(runtime, caplog, end):
    def ends():
        raise end

    if runtime.face is Async:
        with pytest.raises(type(end)):
            await call_handler(runtime.face, log, "'lost' of a lock", ends)
        return
    await call_handler(runtime.face, log, "'lost' of a lock", ends)
    (record,) = caplog.records
    assert record.getMessage() == "a handler of 'lost' of a lock failed; a program is ended in its main thread"
    assert record.exc_info[1] is end


# --- where they are registered


async def watcher(client):
    return await settle(client.watch().create())


async def mirror(client):
    return await settle(client.mirror("p"))


async def plain(made):
    return made


PLACES = [
    ("put", lambda client: plain(client.watch())),
    ("put", watcher),
    ("change", mirror),
    ("lost", lambda client: plain(client.lease(5))),
    ("lost", lambda client: plain(client.lock("l"))),
]


@pytest.mark.parametrize(("event", "make"), PLACES, ids=["watch", "watcher", "mirror", "lease", "lock"])
async def test_a_handler_that_can_never_run_is_refused_where_it_is_registered(connect, face, event, make):
    client, _ = connect({"Watch": replies.watch(), "Range": replies.get()})
    made = await make(client)
    with pytest.raises(TypeError, match=r"^a handler must be a function, not str$"):
        made.on(event, "print")
    if face.is_blocking:
        with pytest.raises(TypeError, match=r"is async; for the blocking ETCDService write 'def'$"):
            made.on(event, coroutine_function)
    else:
        made.on(event, coroutine_function)


async def test_listeners_are_called_once_each_whatever_one_of_them_raises(runtime, run, caplog):
    calls = []

    def fails():
        raise RuntimeError("no good")

    listeners = deque([fails, lambda: calls.append(1), lambda: calls.append(2)])
    await run(call_listeners(listeners, log, "a lost lease", lambda: True))
    assert (calls, list(listeners)) == ([1, 2], [])
    assert "a listener of a lost lease failed" in caplog.text


async def test_listeners_are_called_no_more_once_nobody_wants_it(run):
    calls = []
    listeners = deque([lambda: calls.append(1), lambda: calls.append(2)])
    await run(call_listeners(listeners, log, "a lost lease", lambda: not calls))
    assert (calls, len(listeners)) == ([1], 1)
