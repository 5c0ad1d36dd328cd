"""What fails for a while is logged once when it begins, and once when it ends."""

from __future__ import annotations

import logging

import pytest

from etcd_factory.core.call.outage import Outage
from etcd_factory.errors import ConnectionFailedError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, settle

LOG = logging.getLogger("etcd_factory.client")


def logged(caplog, level):
    return [one.getMessage() for one in caplog.records if one.levelname == level and one.name.startswith(LOG.name)]


def test_it_is_logged_when_it_begins_and_when_it_ends(caplog):
    caplog.set_level(logging.INFO, LOG.name)
    times = iter([10.0, 16.25, 20.0])
    outage = Outage("watches", LOG, lambda: next(times))
    outage.ended()
    outage.failed(ValueError("away"))
    outage.failed(ValueError("still away"))
    outage.ended()
    outage.ended()
    assert caplog.messages == ["watches are interrupted, retrying: away", "watches work again after 6.2 s"]
    outage.failed(ValueError("away again"))
    assert caplog.messages[2:] == ["watches are interrupted, retrying: away again"]


@pytest.fixture
async def connected(face):
    """A function that returns a service of the face on a script; closed at the end of the test."""
    services = []

    def connect(steps, *hosts):
        retry = {"attempts": 3, "initial": 0.001, "maximum": 0.001}
        services.append(face.service({"hosts": hosts, "retry": retry}, transport=ScriptedTransport(steps)))
        return services[-1]

    yield connect
    for service in services:
        await closed(service)


async def test_calls_are_reported_once_however_many_fail(connected, caplog):
    caplog.set_level(logging.INFO, LOG.name)
    service = connected([*[replies.refused()] * 6, *[replies.get({"k": "v"})] * 2], "a:1")
    for _ in range(2):
        with pytest.raises(ConnectionFailedError):
            await settle(service.get("k").string())
    for _ in range(2):
        assert await settle(service.get("k").string()) == "v"
    (began,) = logged(caplog, "WARNING")
    assert began.startswith("calls to http://a:1 are interrupted, retrying: ")
    (ended,) = logged(caplog, "INFO")
    assert ended.startswith("calls to http://a:1 work again after ")


async def test_another_host_that_answers_is_no_outage(connected, caplog):
    caplog.set_level(logging.INFO, LOG.name)
    service = connected([replies.refused(), replies.get({"k": "v"})], "a:1", "b:1")
    assert await settle(service.get("k").string()) == "v"
    assert logged(caplog, "WARNING") == logged(caplog, "INFO") == []
