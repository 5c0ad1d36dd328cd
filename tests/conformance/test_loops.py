"""The asyncio client belongs to no event loop."""

import asyncio
import subprocess
import sys

import pytest

from etcd_factory import AsyncETCDService, errors

ALONE = """
import asyncio, sys
from etcd_factory import AsyncETCDService

etcd = AsyncETCDService({"hosts": [sys.argv[1]], "namespace": sys.argv[2]})

async def put():
    await etcd.put("k").value("v")

async def get():
    assert await etcd.get("k").string() == "v"
    await etcd.aclose()

asyncio.run(put())
asyncio.run(get())
"""


async def put(etcd):
    await etcd.put("k").value("v")


async def get(etcd):
    return await etcd.get("k").string()


def test_a_client_created_outside_any_loop_can_be_used_in_two(options):
    etcd = AsyncETCDService(options)
    asyncio.run(put(etcd))
    assert asyncio.run(get(etcd)) == "v"
    asyncio.run(etcd.aclose())


def test_a_client_created_in_one_loop_can_be_used_in_another(options):
    async def create():
        etcd = AsyncETCDService(options)
        await etcd.put("k").value("v")
        return etcd

    etcd = asyncio.run(create())
    assert asyncio.run(get(etcd)) == "v"
    asyncio.run(etcd.aclose())


def test_a_client_closed_in_one_loop_is_closed_in_all(options):
    etcd = AsyncETCDService(options)
    asyncio.run(put(etcd))
    asyncio.run(etcd.aclose())
    with pytest.raises(errors.ClientClosedError):
        asyncio.run(get(etcd))


def test_successive_loops_print_nothing_on_stderr(etcd_server, etcd_namespace):
    command = [sys.executable, "-W", "error", "-c", ALONE, etcd_server.endpoint, etcd_namespace]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


async def test_many_calls_run_concurrently_in_one_loop(options):
    async with AsyncETCDService(options) as etcd:
        await asyncio.gather(*(etcd.put(f"k{n}").value(n) for n in range(100)))
        assert await etcd.get_all().count() == 100
