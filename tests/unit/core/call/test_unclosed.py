"""Clients that were dropped without being closed."""

from __future__ import annotations

import gc

import pytest

from etcd_factory.core.background import Closing
from etcd_factory.core.call import unclosed
from etcd_factory.core.call.unclosed import handle, warn
from etcd_factory.core.call.view import View


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
