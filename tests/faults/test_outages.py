"""What is logged while a server is away: that it is, what that affects, and that it is back."""

from __future__ import annotations

import logging

import pytest

from etcd_factory import errors
from tests.support.faces import in_time, settle, until

LOGS = ("etcd_factory.client", "etcd_factory.watch", "etcd_factory.lease")


def logged(caplog, level):
    """The messages about calls, watches and leases at a level."""
    return sorted(one.getMessage() for one in caplog.records if one.levelno == level and one.name in LOGS)


async def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(direct, server, caplog):
    caplog.set_level(logging.INFO, "etcd_factory")
    service = direct.with_options(timeout=0.5)
    watcher = await settle(service.watch().key("k").create())
    await settle(service.put("k").value("1"))
    server.stop()
    for _ in range(3):
        with pytest.raises(errors.EtcdError):
            await settle(service.get("k").string())
    server.start()
    await in_time(until(lambda: any("watches work again" in text for text in caplog.messages)))
    await settle(direct.put("k").value("2"))
    calls, watches = logged(caplog, logging.WARNING)
    assert calls.startswith(f"calls to http://{server.endpoint} are interrupted, retrying: ")
    assert watches.startswith("watches are interrupted, retrying: ")
    await in_time(until(lambda: len(logged(caplog, logging.INFO)) == 2))  # another thread's call may be the first
    calls, watches = logged(caplog, logging.INFO)
    assert calls.startswith(f"calls to http://{server.endpoint} work again after ")
    assert watches.startswith("watches work again after ")
    await settle(watcher.cancel())
