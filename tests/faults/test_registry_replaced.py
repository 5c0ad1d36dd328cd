"""Registrations that another process replaced while they were cut off, and registrations on a rolled back store."""

from __future__ import annotations

from functools import partial

import pytest

from etcd_factory.wire import methods
from tests.support.faces import closed, in_time, settle, until
from tests.support.faulty import QUICK, Backup, lose_data, register_recorded, write_history
from tests.support.registering import register, stored
from tests.support.transports import Held


async def until_replaced(caplog):
    """Wait until a registration knows that another process has replaced it."""
    await in_time(until(lambda: "was registered by another process" in caplog.text))


async def test_an_instance_that_was_lost_and_replaced_is_reported_lost_once(
    make, direct, proxy, registry, recorder, caplog
):
    client = make(proxy.endpoint, timeout=1, retry=QUICK)
    one = await register_recorded(recorder, registry, client, ttl=2)
    proxy.cut()
    await recorder.until("lost")
    (other,) = await register(registry, direct, "a", metadata={"n": 2})
    proxy.heal()
    await until_replaced(caplog)
    (instance,) = await settle(registry(direct).discover("user"))
    assert instance == other.instance
    assert recorder.names == ["lost"]
    await settle(one.deregister())
    assert await stored(direct)


@pytest.fixture
async def backup_with_predecessor(make, server, registry, tmp_path):
    """A backup of the store as it was when "a" was registered by a predecessor."""
    client = make(server.endpoint)
    (predecessor,) = await register(registry, client, "a", metadata={"n": 1}, ttl=60)
    backup = Backup(server, tmp_path)
    await settle(predecessor.deregister())
    await closed(client)
    return backup


HELD = {"watch": methods.LEASE_KEEP_ALIVE, "lease": methods.WATCH}  # what is held if the other one is to be first


@pytest.mark.parametrize("first", HELD)
async def test_after_a_rollback_the_key_of_a_predecessor_is_overwritten(
    make_wrapped, direct, server, registry, recorder, backup_with_predecessor, first
):
    client, held = make_wrapped(partial(Held, which=HELD[first]), server.endpoint, timeout=2, retry=QUICK)
    one = await register_recorded(recorder, registry, client, metadata={"n": 2}, ttl=5)
    await write_history(direct)
    held.hold()
    backup_with_predecessor.restore()
    await recorder.until("lost")
    await in_time(until(lambda: one.alive))
    held.release()
    await recorder.until("restored")
    (instance,) = await settle(registry(direct).discover("user"))
    assert instance == one.instance


async def test_after_a_rollback_the_key_of_a_newer_instance_is_not_overwritten(
    make, direct, server, proxy, registry, recorder, caplog
):
    client = make(proxy.endpoint, timeout=2, retry=QUICK)
    await register_recorded(recorder, registry, client, ttl=3)
    await write_history(direct)
    proxy.cut()
    lose_data(server)
    (other,) = await register(registry, direct, "a", metadata={"n": 2})
    proxy.heal()
    await recorder.until("lost")
    await until_replaced(caplog)
    (instance,) = await settle(registry(direct).discover("user"))
    assert instance == other.instance
    assert recorder.names == ["lost"]
