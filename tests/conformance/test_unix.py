"""A client that reaches etcd at a unix socket."""

from __future__ import annotations

import pytest

from etcd_factory import errors
from etcd_factory.testing import EtcdServer
from tests.support.faces import fill, settle, texts

NAME = "etcd:1"  # etcd before 3.6 takes a host and a port, not a path: that is the socket's name where it was started


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(here):
    """A server that listens only there."""
    with EtcdServer(args=[f"--listen-client-urls=unix://{NAME}"]) as server:
        yield server


@pytest.fixture
def connect(make, server, here):
    """Creates clients at its socket."""
    assert (here / NAME).is_socket()
    return lambda **changes: make(hosts=f"unix://{here}/{NAME}", **changes)


async def test_keys_watches_and_locks_work_over_a_unix_socket(connect, here):
    client, other = connect(), connect()
    watcher = await settle(client.watch().prefix("k").create())
    await fill(other, {"k1": "a", "k2": "b"})
    assert [(await settle(watcher.take())).kv.text for _ in range(2)] == ["a", "b"]
    await settle(watcher.cancel())
    lock = await settle(client.lock("name").acquire())
    with pytest.raises(errors.LockFailedError):
        await settle(other.lock("name").acquire(timeout=0))
    await settle(lock.release())
    assert await texts(client) == {"k1": "a", "k2": "b"}
    health = await settle(client.health())
    assert (health.ok, health.endpoint) == (True, f"{here}/{NAME}")


async def test_raw_works_over_a_unix_socket(connect):
    client = connect(namespace="")
    client.raw.put("k", "v")
    assert await settle(client.get("k").string()) == "v"


async def test_a_missing_socket_is_a_connection_error(make, here):
    client = make(hosts=f"unix://{here}/none", dial_timeout=0.2)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await settle(client.put("k").value("v"))
    assert caught.value.endpoint.endswith(f"{here}/none")
    assert not caught.value.maybe_applied
