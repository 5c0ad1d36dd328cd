"""Extreme values of options, on a real server: they work, and nothing overflows on the way to gRPC."""

from __future__ import annotations

import os

import pytest

from etcd_factory.testing import EtcdServer
from tests.support.faces import settle

NAME = "etcd:1"  # etcd before 3.6 takes a host and a port, not a path: that is the socket's name where it was started


async def works(etcd):
    await settle(etcd.put("foo").value("bar"))
    watcher = await settle(etcd.watch().key("foo").start_revision(1).create())
    assert (await settle(watcher.take())).kv.text == "bar"
    await settle(watcher.cancel())
    return await settle(etcd.get("foo").string()) == "bar"


@pytest.mark.parametrize(
    "changes",
    [
        {"dial_timeout": 1e7},
        {"keepalive": {"time": 1e7, "timeout": 1e7}},
        {"retry": {"initial": 1e7, "maximum": 1e7}},
        {"dial_timeout": 1e300, "keepalive": {"time": 1e300, "timeout": 1e300}},
        {"dial_timeout": 1e-9, "keepalive": {"time": 1e-9, "timeout": 1e-9}, "retry": {"initial": 1e-9}},
        {"dial_timeout": "10000h"},
        {"timeout": 1e7},
    ],
    ids=str,
)
async def test_a_client_works_with_any_duration(make, changes):
    assert await works(make(**changes))


@pytest.fixture
def socket(tmp_path, monkeypatch):
    """The path of a server's only socket."""
    monkeypatch.chdir(tmp_path)
    with EtcdServer(args=[f"--listen-client-urls=unix://{NAME}"]):
        yield tmp_path / NAME


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a#b", "a#b"),
        ("a?b=c", "a?b=c"),
        ("my dir", "my%20dir"),
        ("my dir", "my dir"),
        ("100%", "100%25"),
        ("a%20b", "a%2520b"),
        ("\u00e4", "\u00e4"),
    ],
)
async def test_the_path_of_a_unix_socket_may_have_any_characters(make, socket, name, written):
    os.symlink(socket, socket.parent / name)
    assert await works(make(hosts=f"unix://{socket.parent}/{written}"))
