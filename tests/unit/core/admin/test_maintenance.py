"""Status and maintenance of members."""

from __future__ import annotations

import pytest

from etcd_factory.errors import ConnectionFailedError, NoSpaceError, NotLeaderError
from etcd_factory.model.cluster import Alarm, HashKV, Member
from etcd_factory.testing import replies
from tests.support.faces import settle

HOSTS = ["a:1", "b:1", "c:1"]
NOT_LEADER = replies.server_error("etcdserver: not leader")


def active(*alarms):
    """The response that has these alarms, as pairs of a member and a number."""
    return replies.of("Alarm", alarms=[{"memberID": member, "alarm": kind} for member, kind in alarms])


async def test_the_status_of_a_member_is_a_value_with_its_endpoint(connect):
    reply = replies.of("Status", version="3.5.1", dbSize=5, leader=7, header={"member_id": 9})
    client, transport = connect({"Status": reply}, hosts=HOSTS)
    status = await settle(client.maintenance.status("b:1"))
    assert (status.version, status.db_size, status.leader, status.member) == ("3.5.1", 5, 7, 9)
    assert (status.endpoint, transport.calls[0].host) == ("b:1", "http://b:1")
    assert (await settle(client.maintenance.status())).endpoint == "a:1"


async def test_a_call_to_one_member_is_not_made_to_another(connect):
    client, transport = connect({"Defragment": replies.lost()}, hosts=HOSTS)
    with pytest.raises(ConnectionFailedError) as caught:
        await settle(client.maintenance.defragment("b:1"))
    assert {call.host for call in transport.calls} == {"http://b:1"}
    assert caught.value.operation == "maintenance defragment"


async def test_an_unknown_endpoint_is_an_error_without_a_call(connect):
    client, transport = connect([], hosts=HOSTS)
    with pytest.raises(ValueError, match="unknown endpoint 'd:1'; this client's hosts are"):
        await settle(client.maintenance.status("d:1"))
    assert transport.calls == []


async def test_hashes_are_those_of_one_member(connect):
    script = {"Hash": replies.of("Hash", hash=3), "HashKV": replies.of("HashKV", hash=4, compact_revision=2)}
    client, transport = connect(script, hosts=HOSTS)
    assert await settle(client.maintenance.hash("c:1")) == 3
    assert await settle(client.maintenance.hash_kv(7, "c:1")) == HashKV(4, 7, 2, "c:1")
    assert transport.calls[1].request.revision == 7


# --- alarms


async def test_active_alarms_are_values(connect):
    client, transport = connect([active((7, 1), (8, 2))])
    assert await settle(client.maintenance.alarms()) == (Alarm("nospace", 7), Alarm("corrupt", 8))
    assert transport.calls[0].request.action == 0


async def test_an_alarm_is_activated(connect):
    client, transport = connect([active()])
    await settle(client.maintenance.alarm("corrupt", Member(7)))
    request = transport.calls[0].request
    assert (request.action, request.alarm, request.memberID) == (1, 2, 7)


@pytest.mark.parametrize(
    ("chosen", "disarmed"),
    [
        ({}, [(7, 1), (7, 2), (8, 1)]),
        ({"kind": "nospace"}, [(7, 1), (8, 1)]),
        ({"member": 7}, [(7, 1), (7, 2)]),
        ({"kind": "corrupt", "member": 8}, []),
    ],
    ids=str,
)
async def test_alarms_are_disarmed_by_kind_and_member(connect, chosen, disarmed):
    every = active((7, 1), (7, 2), (8, 1))
    client, transport = connect({"Alarm": [every, *[active()] * len(disarmed)]})
    found = await settle(client.maintenance.disarm(**chosen))
    requests = [call.request for call in transport.calls[1:]]
    assert [(request.memberID, request.alarm, request.action) for request in requests] == [
        (member, kind, 2) for member, kind in disarmed
    ]
    assert [alarm.member for alarm in found] == [member for member, _ in disarmed]


async def test_an_unknown_alarm_is_an_error_without_a_call(connect):
    client, transport = connect([])
    for call in (client.maintenance.alarm, client.maintenance.disarm):
        with pytest.raises(ValueError, match=r"alarm: expected one of .*, got 'nospaces'.*'nospace'"):
            await settle(call("nospaces"))
    assert transport.calls == []


# --- moving the leader


async def test_hosts_are_tried_until_the_leader_is_among_them(connect):
    client, transport = connect([NOT_LEADER, NOT_LEADER, replies.of("MoveLeader")], hosts=HOSTS)
    assert await settle(client.maintenance.move_leader(7)) is None
    assert {call.host for call in transport.calls} == {f"http://{host}" for host in HOSTS}
    assert transport.calls[0].request.targetID == 7


async def test_the_host_in_use_is_tried_first_and_no_more_once_it_is_done(connect):
    client, transport = connect([replies.of("MoveLeader")], hosts=HOSTS)
    await settle(client.maintenance.move_leader(Member(7)))
    assert [call.host for call in transport.calls] == ["http://a:1"]


async def test_if_no_host_is_the_leader_the_last_answer_is_the_error(connect):
    client, transport = connect({"MoveLeader": NOT_LEADER}, hosts=HOSTS)
    with pytest.raises(NotLeaderError) as caught:
        await settle(client.maintenance.move_leader(7))
    assert (caught.value.operation, len(transport.calls)) == ("maintenance move_leader", 3)


async def test_another_error_is_raised_at_once(connect):
    client, transport = connect([NoSpaceError("odd")], hosts=HOSTS)
    with pytest.raises(NoSpaceError):
        await settle(client.maintenance.move_leader(7))
    assert len(transport.calls) == 1


# --- downgrades


@pytest.mark.parametrize(("action", "number"), [("validate", 0), ("enable", 1), ("cancel", 2)])
async def test_a_downgrade_returns_the_clusters_version(connect, action, number):
    client, transport = connect([replies.of("Downgrade", version="3.6.0")])
    assert await settle(client.maintenance.downgrade(action, "3.5")) == "3.6.0"
    request = transport.calls[0].request
    assert (request.action, request.version) == (number, "3.5")


async def test_an_unknown_action_is_an_error_without_a_call(connect):
    client, transport = connect([])
    with pytest.raises(ValueError, match=r"action: expected one of .*, got 'enabled'.*'enable'"):
        await settle(client.maintenance.downgrade("enabled"))
    assert transport.calls == []
