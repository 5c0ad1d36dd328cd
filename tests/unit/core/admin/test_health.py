"""The health of a cluster: every problem is reported, and none is raised."""

from __future__ import annotations

import pytest

from etcd_factory.core.admin.health import HealthChecks
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    NoLeaderError,
    NoSpaceError,
    PermissionDeniedError,
)
from etcd_factory.model import Health
from etcd_factory.testing import replies
from tests.support.faces import closed, settle

STATUS = replies.of("Status", version="3.5.1", leader=7)
DENIED = replies.server_error("etcdserver: permission denied")


async def test_a_cluster_is_healthy_if_a_linearizable_read_and_a_leader_answer(connect):
    client, transport = connect([replies.get(), STATUS], hosts=["a:1"], namespace="ns/")
    health = await settle(client.health())
    assert (health.ok, health.endpoint, health.version, health.leader, health.error) == (True, "a:1", "3.5.1", 7, None)
    request = transport.calls[0].request
    assert (request.key, request.count_only, request.serializable) == (b"ns/health", True, False)


async def test_a_refusal_is_an_answer_too(connect):
    client, _ = connect([PermissionDeniedError("etcdserver: permission denied"), STATUS])
    assert (await settle(client.health())).ok


async def test_a_member_without_a_leader_is_not_healthy(connect):
    client, _ = connect([replies.get(), replies.of("Status", version="3.5.1")], hosts=["a:1"])
    health = await settle(client.health())
    assert (health.ok, health.version, type(health.error)) == (False, "3.5.1", NoLeaderError)


# --- alarms


def alarmed(*active):
    """A script of a member that reports problems, and of these alarms, as pairs of a member and a kind."""
    status = replies.of("Status", version="3.5.1", leader=7, errors=["memberID:1 alarm:NOSPACE "])
    alarms = replies.of("Alarm", alarms=[{"memberID": member, "alarm": kind} for member, kind in active])
    return [replies.get(), status, alarms]


@pytest.mark.parametrize(
    ("active", "kind", "text"),
    [
        ([(1, "NOSPACE")], NoSpaceError, "alarms are active: nospace"),
        ([(1, "NOSPACE"), (2, "NOSPACE")], NoSpaceError, "alarms are active: nospace"),
        ([(1, "CORRUPT")], EtcdError, "alarms are active: corrupt"),
        ([(1, "NOSPACE"), (2, "CORRUPT")], EtcdError, "alarms are active: corrupt, nospace"),
    ],
)
async def test_a_cluster_with_an_active_alarm_is_not_healthy(connect, active, kind, text):
    client, _ = connect(alarmed(*active), hosts=["a:1"])
    health = await settle(client.health())
    assert (health.ok, type(health.error), health.version, health.leader) == (False, kind, "3.5.1", 7)
    assert str(health.error).startswith(f"at a:1: {text}")


async def test_a_problem_that_is_no_alarm_does_not_matter(connect):
    """Members report what is over by now, or concerns another member, as text only."""
    client, _ = connect(alarmed())
    assert (await settle(client.health())).ok


async def test_without_problems_no_alarms_are_asked_for(connect):
    client, transport = connect([replies.get(), STATUS])
    await settle(client.health())
    assert [call.method for call in transport.calls] == ["Range", "Status"]


async def test_who_may_not_see_the_status_sees_a_healthy_cluster_without_version_and_leader(connect):
    """Only root may since etcd 3.5.28 and 3.6.9."""
    client, _ = connect([replies.get(), DENIED], hosts=["a:1"])
    health = await settle(client.health())
    assert (health.ok, health.version, health.leader, health.error) == (True, "", 0, None)


async def test_who_may_not_see_the_alarms_is_told(connect):
    client, _ = connect([*alarmed()[:2], DENIED])
    health = await settle(client.health())
    assert (health.ok, type(health.error)) == (False, PermissionDeniedError)


# --- failures


@pytest.mark.parametrize(
    ("step", "kind"), [(replies.lost(), ConnectionFailedError), (replies.NO_REPLY, DeadlineExceededError)]
)
async def test_a_failure_is_reported(connect, step, kind):
    client, _ = connect({"Range": step}, hosts=["a:1"])
    health = await settle(client.health(timeout=0.05))
    assert (health.ok, health.endpoint, type(health.error)) == (False, "a:1", kind)
    assert health == Health(False, "a:1", error=health.error)


async def test_a_closed_client_is_not_healthy(connect):
    client, _ = connect([])
    await closed(client)
    health = await settle(client.health())
    assert (health.ok, type(health.error)) == (False, ClientClosedError)


async def test_what_a_function_for_the_password_raises_is_reported(connect):
    def password():
        raise LookupError("no vault")

    client, _ = connect([], auth={"username": "root", "password": password})
    health = await settle(client.health())
    assert (health.ok, str(health.error)) == (False, "no vault")


class Checks(HealthChecks):
    """Health checks of a view, without a service."""

    def __init__(self, run):
        self._run = run


async def test_the_timeout_is_for_both_calls(view_of, clock):
    def slow(call):
        clock.time += 0.6
        return replies.get()

    view, transport = view_of({"Range": slow, "Status": STATUS}, timeout=60)

    health = await settle(Checks(view).health(timeout=1))
    assert (health.ok, health.latency) == (True, 0.6)
    assert [round(call.timeout, 6) for call in transport.calls] == [1, 0.4]


@pytest.mark.parametrize(
    ("timeout", "error"), [(-1, ValueError), (float("nan"), ValueError), (False, TypeError), ("x", TypeError)], ids=repr
)
async def test_an_invalid_timeout_is_raised(connect, timeout, error):
    client, _ = connect([])
    with pytest.raises(error, match="a timeout must be"):
        await settle(client.health(timeout))
