"""Locks and elections: who waits in a queue, and etcdctl as another participant."""

from __future__ import annotations

import subprocess

import pytest

from .faces import settle, until


@pytest.fixture
def queue_name(etcd_namespace):
    """A name of locks and elections that no other test uses: etcdctl may leave its key until its lease expires."""
    return f"{etcd_namespace}name"


async def queued(client, number, prefix="name/"):
    """Wait until a queue has so many entries."""

    async def is_long():
        return await settle(client.get_all().prefix(prefix).count()) >= number

    await until(is_long)


async def begins_to_wait(transport):
    """Wait until a client waits for its turn: then it watches the entry before its own, on a ``Recorded`` transport."""
    await transport.until(lambda: any(stream.call.method == "Watch" for stream in transport.streams))


def etcdctl_command(server, *command):
    """Return a command of etcdctl on a server; it sees no namespace."""
    return [str(server.binary.with_name("etcdctl")), f"--endpoints={server.endpoint}", *command]


def start_etcdctl(server, *command):
    """Start etcdctl beside the test; returns its process."""
    return subprocess.Popen(etcdctl_command(server, *command), stdout=subprocess.PIPE, text=True)


def etcdctl_can_put(server, key, token):
    """Return whether etcdctl's put succeeds that is guarded by a key and its create revision."""
    text = f'create("{key.decode()}") = "{token}"\n\nput guarded v\n\n\n'
    command = etcdctl_command(server, "txn")
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.startswith("SUCCESS")
