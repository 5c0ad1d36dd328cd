"""What the environment and the interpreter's end do to clients."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from tests.support.faces import settle

PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
AT_EXIT = """
import atexit, sys
from etcd_factory import ETCDService
from etcd_factory.registry import ServiceRegistry

etcd = ETCDService({"hosts": sys.argv[1], "namespace": sys.argv[2]})
atexit.register(etcd.close)
registration = ServiceRegistry(etcd).register("user", "a", ttl=600)
lock = etcd.lock("lock", ttl=600)
lock.acquire()
print(etcd.get_all().count(), flush=True)
"""


@pytest.mark.parametrize("name", PROXIES)
async def test_a_proxy_of_the_environment_is_not_used(make, refusing, monkeypatch, name):
    monkeypatch.setenv(name, f"http://{refusing}")
    client = make(timeout=2)
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"


async def test_a_client_closed_at_the_interpreters_exit_leaves_nothing(client, options):
    leases = await settle(client.leases())
    command = [sys.executable, "-W", "error", "-c", AT_EXIT, *options["hosts"], options["namespace"]]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
    assert await settle(client.get_all().keys()) == []
    assert set(await settle(client.leases())) <= set(leases)
