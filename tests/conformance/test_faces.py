"""Statements of the wrong face say which is right, and an unknown choice is an error that lists the known ones."""

from __future__ import annotations

import inspect

import pytest

from etcd_factory import AsyncETCDService, ops
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, settle

ENTERED = {
    "lease": ("Lease", lambda c: c.lease(5)),
    "lock": ("Lock", lambda c: c.lock("name")),
}
OPENED = {
    "watch": ("Watcher", lambda c: c.watch().create()),
    "mirror": ("Mirror", lambda c: c.mirror("p/")),
}
SCRIPT = {"Watch": replies.watch(), "Range": replies.get()}


@pytest.fixture
async def client(face):
    """A service on a script that lets watches and mirrors be opened."""
    one = face.service(transport=ScriptedTransport(SCRIPT))
    yield one
    await closed(one)


def statements(face):
    """How to enter and iterate in the face, and what the error of the other face's statement says."""
    kind, other = ("blocking", "__aenter__") if face.is_blocking else ("asyncio", "__enter__")
    return other, f"of an? {kind} client: enter it with '{'with' if face.is_blocking else 'async with'}'"


@pytest.mark.parametrize("name", ENTERED)
async def test_the_with_statement_of_the_other_face_is_a_type_error_that_says_which_to_write(face, client, name):
    title, build = ENTERED[name]
    method, text = statements(face)
    with pytest.raises(TypeError, match=f"{title} {text}"):
        await settle(getattr(build(client), method)())


@pytest.mark.parametrize("name", OPENED)
async def test_the_with_statement_of_the_other_face_is_a_type_error_for_what_is_open_too(face, client, name):
    title, build = OPENED[name]
    method, text = statements(face)
    opened = await settle(build(client))
    with pytest.raises(TypeError, match=f"{title} {text}"):
        await settle(getattr(opened, method)())


async def running(client):
    return await settle(client.watch().create())


async def reading(client):
    return client.get_all()


ITERATED = {"get_all": reading, "watcher": running}


@pytest.mark.parametrize("name", ITERATED)
async def test_the_for_statement_of_the_other_face_is_a_type_error_that_says_which_to_write(face, client, name):
    iterable = await ITERATED[name](client)
    if face.is_blocking:
        with pytest.raises(TypeError, match="of a blocking client: iterate with 'for'"):
            _ = [item async for item in iterable]
    else:
        with pytest.raises(TypeError, match="of an asyncio client: iterate with 'async for'"):
            list(iterable)


CHOICES = {
    "sort target": (lambda c: c.get_all().sort("versoin"), "key, version, create, mod, value", "version"),
    "sort order": (lambda c: c.get_all().sort("key", "descendd"), "ascend, descend, none", "descend"),
    "column": (lambda c: c.if_("k", "vlaue", "==", "v"), "value, version, create, mod, lease", "value"),
    "comparison": (lambda c: c.txn().and_("k", "value", "===", "v"), "==, !=, <, >", "=="),
    "kind of event": (lambda c: c.watch().only("puts"), "put, delete", "put"),
    "event of a watch": (
        lambda c: c.watch().on("puts", print),
        "connecting, connected, disconnected, put, delete, data, progress, end, error",
        "put",
    ),
    "event of a lease": (lambda c: c.lease(5).on("los", print), "lost", "lost"),
    "event of a lock": (lambda c: c.lock("name").on("los", print), "lost", "lost"),
    "isolation": (
        lambda c: c.stm("serialisable"),
        "serializable_snapshot, serializable, repeatable_reads, read_committed",
        "serializable",
    ),
    "permission": (lambda c: c.role("r").grant("raed", "k"), "read, write, readwrite", "read"),
    "alarm": (lambda c: c.maintenance.alarm("no_space"), "nospace, corrupt", "nospace"),
    "action": (lambda c: c.maintenance.downgrade("enabel"), "validate, enable, cancel", "enable"),
}


@pytest.mark.parametrize("what", CHOICES)
async def test_an_unknown_choice_is_a_value_error_that_lists_the_known_ones(client, what):
    call, known, nearest = CHOICES[what]
    with pytest.raises(ValueError, match="expected one of") as caught:
        await settle(call(client))
    text = str(caught.value)
    assert text.startswith(f"{what}: expected one of {known}, got ")
    assert text.endswith(f"; did you mean {nearest!r}?")


async def test_a_choice_unlike_all_known_ones_is_an_error_without_a_suggestion(client):
    with pytest.raises(ValueError, match=r"got 'gone'$"):
        client.lock("name").on("gone", print)


CALLS = {
    "get": lambda c: c.get("k").string,
    "put": lambda c: c.put("k").value,
    "delete": lambda c: c.delete().all,
    "commit": lambda c: c.txn().then(ops.get("k")).commit,
    "batch": lambda c: c.batch,
    "grant": lambda c: c.lease(5).grant,
    "transact": lambda c: c.stm().transact,
    "health": lambda c: c.health,
    "members": lambda c: c.cluster.members,
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_coroutine_functions_in_asyncio_and_plain_ones_in_the_blocking_face(face, name):
    function = CALLS[name](face.service(transport=ScriptedTransport([])))
    assert inspect.iscoroutinefunction(function) == (face.service is AsyncETCDService)
