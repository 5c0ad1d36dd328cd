"""Clients that were never closed: they are warned of at the line that made them, and what they do ends."""

from __future__ import annotations

import gc
import sys
import threading
import warnings

import pytest

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.core.background import Closing
from etcd_factory.core.call import unclosed
from etcd_factory.core.call.unclosed import handle, release, warn
from etcd_factory.core.call.view import View
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import settle
from tests.support.leasing import until_workers

BOUND = 10  # seconds that nothing here takes
HOST = "a:1"
TEXT = f"an etcd client of http://{HOST} was never closed; use it with 'with' or 'async with'"
SCRIPT = {
    "LeaseGrant": replies.lease(7, 60),
    "LeaseRevoke": replies.of("LeaseRevoke"),
    "LeaseKeepAlive": replies.keep_alive(60),
}


def unclosed_warnings(caught):
    return [one for one in caught if issubclass(one.category, ResourceWarning) and HOST in str(one.message)]


def used():
    """Use a blocking client; return the line that made it, and its transport."""
    transport = ScriptedTransport(SCRIPT)
    client = ETCDService({"hosts": [HOST]}, transport=transport)
    line = sys._getframe().f_lineno - 1
    client.lease(60).grant()
    return line, transport


async def used_in_asyncio():
    """The same in asyncio."""
    transport = ScriptedTransport(SCRIPT)
    client = AsyncETCDService({"hosts": [HOST]}, transport=transport)
    line = sys._getframe().f_lineno - 1
    await client.lease(60).grant()
    return line, transport


async def forgotten(use):
    """Use a client, and forget it."""
    made = await settle(use())
    gc.collect()
    return made


FACES = pytest.mark.parametrize("use", [used, used_in_asyncio])


@FACES
async def test_a_client_that_works_in_the_background_is_warned_of_at_the_line_that_made_it(use):
    with pytest.warns(ResourceWarning, match="was never closed") as caught:
        line, _ = await forgotten(use)
    (warning,) = unclosed_warnings(caught)
    assert (warning.filename, warning.lineno, str(warning.message)) == (__file__, line, TEXT)
    await until_workers()


@FACES
async def test_what_it_does_in_the_background_ends_and_its_leases_are_revoked(use):
    with pytest.warns(ResourceWarning, match="was never closed"):
        _, transport = await forgotten(use)
    await until_workers()
    assert [call.method for call in transport.calls][-1] == "LeaseRevoke"


def test_many_forgotten_clients_leave_no_threads():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(20):
            used()
        gc.collect()
    for thread in threading.enumerate():
        if thread.name.startswith("etcd_factory lease"):
            thread.join(BOUND)
            assert not thread.is_alive()


def test_a_client_without_background_work_is_not_warned_of(recwarn):
    ETCDService({"hosts": [HOST]}, transport=ScriptedTransport([replies.get()])).get("k").string()
    gc.collect()
    assert unclosed_warnings(recwarn) == []


@pytest.mark.parametrize(
    "keep",
    [
        lambda client: client.namespace("ns/"),
        lambda client: client.with_options(timeout=3),
        lambda client: client.lease(60),
        lambda client: client.get("k"),
    ],
    ids=["a namespace", "other options", "a lease", "a builder"],
)
async def test_whoever_has_a_part_of_it_has_the_client(recwarn, keep):
    client = ETCDService({"hosts": [HOST]}, transport=ScriptedTransport(SCRIPT))
    client.lease(60).grant()
    kept = keep(client)
    del client
    gc.collect()
    assert unclosed_warnings(recwarn) == []
    held = [kept]
    del kept
    with pytest.warns(ResourceWarning, match="was never closed"):
        held.clear()  # no garbage collection is needed
    await until_workers()


async def test_a_closed_client_is_not_warned_of(recwarn):
    with ETCDService({"hosts": [HOST]}, transport=ScriptedTransport(SCRIPT)) as client:
        client.lease(60).grant()
    del client
    gc.collect()
    assert unclosed_warnings(recwarn) == []


async def test_a_handle_that_was_released_calls_the_function_in_place_of_warning(recwarn):
    client, calls = ETCDService({"hosts": [HOST]}, transport=ScriptedTransport(SCRIPT)), []
    client.lease(60).grant()
    core, held = client._run.client, [handle(client._run.client)]
    release(client._run.handle, lambda: calls.append("service"))
    release(held[0], lambda: calls.append("handle"))
    held.clear()
    assert calls == ["handle"]
    del client
    assert calls == ["handle", "service"]
    assert unclosed_warnings(recwarn) == []
    assert core.keeps_leases
    await settle(core.close())
    await until_workers()


def test_the_callers_line_is_the_last_one_outside_of_the_package():
    assert unclosed.caller() == (__file__, sys._getframe().f_lineno)


class Worker:
    """Works in the background of a client."""

    closing = Closing.WATCHES

    def __init__(self, client):
        pass

    async def close(self):
        return None


def test_the_warning_names_the_hosts_and_the_line():
    with pytest.warns(ResourceWarning, match="client of a:1, b:1 was never closed; use it with 'with'") as caught:
        warn(["a:1", "b:1"], ("program.py", 3))
    assert (caught[0].filename, caught[0].lineno) == ("program.py", 3)


def test_at_interpreter_exit_there_is_no_warning(monkeypatch, recwarn):
    """Modules are gone before their objects."""
    monkeypatch.setattr(unclosed, "warnings", None)
    warn(["a:1"], ("program.py", 3))
    assert not recwarn.list


async def test_a_client_that_works_when_its_last_view_is_dropped_is_warned_of(client_of):
    client, _ = client_of([])
    view = View(client, b"", 5.0, handle(client))
    client.background.get(Worker)
    with pytest.warns(ResourceWarning, match="was never closed"):
        del view


async def test_one_that_never_worked_gets_no_background_for_that(client_of, recwarn):
    """It would refer back to the client, which then would not be freed, and warned of by its transport, at once."""
    client, _ = client_of([])
    view = View(client, b"", 5.0, handle(client))
    del view
    assert client.working() == []
    assert client._background is None
    gc.collect()
    assert not recwarn.list
