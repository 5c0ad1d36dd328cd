"""Watches of a server with authentication: permissions, and tokens that are refused or expire."""

from __future__ import annotations

import asyncio
import time

import pytest

from etcd_factory import errors
from etcd_factory.testing import FaultProxy
from tests.support.auth import LOGIN
from tests.support.faces import settle
from tests.support.watching import keys, nothing_left, put, take, threads

LONG = 20  # seconds, longer than any test here takes


@pytest.fixture
def alice(make, auth_server):
    """Creates clients of a user who may read and write only ``pub/``."""

    def create(**changes):
        return make(**{**auth_server.options, "auth": LOGIN, **changes})

    return create


async def test_a_watch_without_permission_is_refused_and_others_continue(alice):
    client = alice()
    other = await settle(client.watch().prefix("pub/").create())
    with pytest.raises(errors.PermissionDeniedError):
        await settle(client.with_options(timeout=3).watch().key("secret").create())
    later = await settle(client.watch().key("pub/k").create())
    await put(client, "pub/k")
    assert keys(await take(other)) == keys(await take(later)) == ["pub/k"]


async def test_a_refused_watch_leaves_no_background_work(alice):
    client = alice()
    before = threads()
    with pytest.raises(errors.PermissionDeniedError):
        await settle(client.watch().key("secret").create())
    await nothing_left(before)


async def test_the_handlers_of_a_refused_watch_are_called(alice, recorder):
    client = alice()
    with pytest.raises(errors.PermissionDeniedError):
        await settle(recorder.on(client.watch().key("secret"), "connected", "error", "end").create())
    await recorder.until("end")
    assert recorder.names == ["error", "end"]
    assert isinstance(recorder.calls[0][1], errors.PermissionDeniedError)


async def test_create_raises_the_error_of_a_wrong_password(alice):
    client = alice(auth={"username": "alice", "password": "wrong"}, timeout=0.5)
    with pytest.raises(errors.AuthenticationFailedError):
        await settle(client.watch().key("pub/k").create())


async def test_a_watch_resumes_however_often_its_token_is_refused(alice, auth_server):
    with FaultProxy(auth_server.server.endpoint) as proxy:
        watcher = await settle(alice(hosts=[proxy.endpoint]).watch().prefix("pub/").create())
        writer = alice()
        for number in range(4):
            auth_server.expire_tokens()
            proxy.reset()
            await put(writer, f"pub/{number}")
            assert keys(await take(watcher)) == [f"pub/{number}"]
        await settle(watcher.cancel())


async def test_a_watch_resumes_on_a_restarted_server_that_knows_no_token(alice, auth_server):
    client = alice()
    watcher = await settle(client.watch().prefix("pub/").create())
    await asyncio.to_thread(auth_server.server.restart)
    await put(client, "pub/k")
    assert keys(await take(watcher)) == ["pub/k"]


async def test_a_refused_token_is_renewed_when_a_watch_is_created(alice, auth_server):
    client = alice()
    await put(client, "pub/k")
    auth_server.expire_tokens()
    watcher = await settle(client.watch().prefix("pub/").create())
    await put(client, "pub/k")
    assert keys(await take(watcher)) == ["pub/k"]


async def test_a_wrong_password_is_an_error_long_before_the_timeout(alice):
    client = alice(auth={"username": "alice", "password": "wrong"}, timeout=LONG)
    start = time.monotonic()
    with pytest.raises(errors.AuthenticationFailedError):
        await settle(client.watch().key("pub/k").create())
    assert time.monotonic() - start < LONG / 2


async def test_a_server_with_authentication_refuses_a_watch_of_a_client_without_long_before_the_timeout(alice):
    client = alice(auth=None, timeout=LONG)
    start = time.monotonic()
    with pytest.raises(errors.EtcdError) as caught:
        await settle(client.watch().key("pub/k").create())
    assert not isinstance(caught.value, errors.DeadlineExceededError)
    assert time.monotonic() - start < LONG / 2


async def test_watches_say_that_the_password_was_changed(alice, auth_server, recorder, face):
    name = f"bob-{face.name}"
    auth_server.root("user", "add", f"{name}:old")
    auth_server.root("user", "grant-role", name, "public")
    with FaultProxy(auth_server.server.endpoint) as proxy:
        client = alice(hosts=[proxy.endpoint], auth={"username": name, "password": "old"}, timeout=1)
        watch = recorder.on(client.watch().key("pub/k"), "disconnected", "error", "end")
        await settle(watch.create())
        await asyncio.to_thread(change_password, auth_server, name)
        proxy.reset()
        await recorder.until("end")
    assert "disconnected" in recorder.names
    assert recorder.names[-2:] == ["error", "end"]
    (error,) = next(args for called, *args in recorder.calls if called == "error")
    assert isinstance(error, errors.AuthenticationFailedError)


def change_password(auth_server, name):
    """Give the user another password."""
    auth_server.root("user", "delete", name)
    auth_server.root("user", "add", f"{name}:new")
