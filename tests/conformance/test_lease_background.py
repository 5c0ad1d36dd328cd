"""What keeps leases alive in the background: when it runs, and that it ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from etcd_factory import errors
from tests.support.faces import BOUND, closed, settle
from tests.support.leasing import RENEWER, STREAM, until_idle, until_workers, workers


async def test_one_stream_serves_all_leases_and_ends_with_the_last(client):
    leases = [client.lease(6) for _ in range(3)]
    for lease in leases:
        await settle(lease.grant())
    await until_workers(RENEWER, STREAM)
    for lease in leases:
        assert workers() == [STREAM, RENEWER]
        await settle(lease.revoke())
    await until_idle()


async def test_no_stream_is_opened_before_a_renewal_is_due(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.keepalive_once())
    assert workers() == [RENEWER]


async def test_a_new_lease_after_the_last_one_starts_the_renewer_again(client, recorder):
    for _ in range(3):
        lease = recorder.on(client.lease(1), "lost")
        await settle(lease.grant())
        await settle(lease.revoke())
        await until_idle()
    last = client.lease(60)
    await settle(last.grant())
    assert workers() == [RENEWER]
    assert (last.alive, recorder.calls) == (True, [])


async def test_a_lease_granted_soon_after_the_last_one_uses_the_running_renewer(client):
    last = client.lease(60)
    await settle(last.put("k").value("v"))
    await settle(last.revoke())
    await settle(client.lease(3).grant())
    await until_workers(RENEWER, STREAM)


@pytest.mark.parametrize("end", ["release", "revoke"])
async def test_closing_ends_the_background_work_of_the_last_lease_at_once(client, end):
    lease = client.lease(600)
    await settle(lease.put("k").value("v"))
    await settle(getattr(lease, end)())
    await closed(client)
    assert workers() == []


async def test_closing_revokes_held_leases_and_leaves_no_background_work(make, client, recorder):
    other = make()
    held, released = recorder.on(other.lease(60), "lost"), other.lease(60)
    for lease in (held, released):
        await settle(lease.put(f"k{lease.id}").value("v"))
    await settle(released.release())
    await closed(other)
    assert workers() == []
    left = set(await settle(client.leases()))
    assert (held.id in left, released.id in left) == (False, True)
    assert (held.alive, recorder.calls) == (False, [])
    await settle(held.revoke())
    await settle(held.release())


async def test_a_lease_of_a_closed_client_is_an_error(make):
    client = make()
    lease = client.lease(60)
    await closed(client)
    for use in (lease.grant, lease.keepalive_once, lease.time_to_live, client.leases):
        with pytest.raises(errors.ClientClosedError):
            await settle(use())
    await settle(lease.revoke())


FORGOTTEN = {
    "blocking": """
import sys
from etcd_factory import ETCDService

etcd = ETCDService({"hosts": [sys.argv[1]]})
etcd.lease(60).keepalive_once()
""",
    "asyncio": """
import asyncio, sys
from etcd_factory import AsyncETCDService

async def main():
    etcd = AsyncETCDService({"hosts": [sys.argv[1]]})
    await etcd.lease(60).keepalive_once()

asyncio.run(main())
""",
}


def test_a_held_lease_does_not_keep_the_interpreter_from_exiting(face, etcd_server):
    command = [sys.executable, "-c", FORGOTTEN[face.name], etcd_server.endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert (done.returncode, done.stderr) == (0, "")
