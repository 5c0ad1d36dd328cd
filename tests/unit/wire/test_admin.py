"""From etcd's messages about users, members and maintenance to values."""

import pytest

from etcd_factory.model.cluster import Alarm, AuthStatus, HashKV, Member, Permission, Status
from etcd_factory.wire import admin, messages


@pytest.mark.parametrize(("number", "name"), [(0, "read"), (1, "write"), (2, "readwrite")])
def test_a_permission_has_etcds_number(number, name):
    reply = messages.AuthRoleGetResponse(perm=[{"permType": number, "key": b"k", "range_end": b"l"}])
    assert admin.permissions(reply) == (Permission(name, b"k", b"l"),)
    assert messages.Permission(permType=admin.PERMISSIONS[name]).permType == number


@pytest.mark.parametrize(("number", "name"), [(1, "nospace"), (2, "corrupt")])
def test_an_alarm_has_etcds_number(number, name):
    reply = messages.AlarmResponse(alarms=[{"alarm": number, "memberID": 7}])
    assert admin.alarms(reply) == (Alarm(name, 7),)
    assert messages.AlarmRequest(alarm=admin.ALARMS[name]).alarm == number


def test_a_status_is_a_value_with_its_endpoint():
    reply = messages.StatusResponse(
        version="3.5.1",
        dbSize=10,
        dbSizeInUse=5,
        leader=7,
        raftIndex=3,
        raftTerm=2,
        raftAppliedIndex=3,
        isLearner=True,
        errors=["odd"],
        header={"member_id": 9},
    )
    assert admin.status(reply, "a:1") == Status("3.5.1", 10, 5, 7, 3, 2, 3, True, ("odd",), "a:1", 9)


def test_a_member_is_a_value():
    one = messages.Member(ID=7, name="one", peerURLs=["http://a:2380"], clientURLs=["http://a:2379"], isLearner=True)
    assert admin.member(one) == Member(7, "one", ("http://a:2380",), ("http://a:2379",), True)


def test_the_state_of_authentication_is_a_value():
    assert admin.auth_status(messages.AuthStatusResponse(enabled=True, authRevision=3)) == AuthStatus(True, 3)


@pytest.mark.parametrize(
    ("fields", "requested", "revision"),
    [
        ({"hash_revision": 5}, 7, 5),  # etcd 3.6 sends it
        ({}, 7, 7),
        ({"header": {"revision": 9}}, 0, 9),
    ],
)
def test_the_revision_of_a_hash_is_the_one_sent_or_requested_or_the_newest(fields, requested, revision):
    reply = messages.HashKVResponse(hash=3, compact_revision=2, **fields)
    assert admin.hash_kv(reply, requested, "a:1") == HashKV(3, revision, 2, "a:1")
