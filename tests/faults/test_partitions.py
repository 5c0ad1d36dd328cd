"""The member in use is cut off from its peers: it answers clients, but nothing can be written there."""

from __future__ import annotations

import asyncio
import time

import pytest

from etcd_factory import errors
from tests.support.faces import error_of, settle, until
from tests.support.watching import put

SERVERS_OWN = 7  # seconds after which a member gives a proposal up (5 s and an election timeout)


@pytest.fixture
async def cut_off(etcd_cluster, used):
    """The member used first, cut off from the others, which have a leader of their own."""
    etcd_cluster.partition(etcd_cluster.members.index(used))
    await until(lambda: asyncio.to_thread(lambda: etcd_cluster.leader is not used))
    return used


async def test_a_writer_leaves_a_member_that_is_cut_off(make, cluster_client, cluster_hosts, cut_off):
    writer = make(cluster_hosts, timeout=4 * SERVERS_OWN)
    first = await error_of(lambda: writer.put("k").value("v"))
    assert first is None or (isinstance(first, errors.EtcdError) and first.maybe_applied)
    start = time.monotonic()
    await put(writer, "k", "l")
    assert time.monotonic() - start < SERVERS_OWN
    assert writer.endpoint != cut_off.endpoint


@pytest.mark.parametrize("timeout", [3, 9])
async def test_a_read_by_a_new_client_succeeds_if_the_first_of_three_members_is_cut_off(
    make, cluster_hosts, cut_off, timeout
):
    for _ in range(3):
        client = make(cluster_hosts, timeout=timeout)
        assert await settle(client.get("none").string()) is None
        assert client.endpoint != cut_off.endpoint
