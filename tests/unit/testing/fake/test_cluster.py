"""Members and alarms."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.cluster import (
    ACTIVATE,
    CORRUPT,
    DEACTIVATE,
    GET,
    ID,
    NOSPACE,
    PEER_URL,
    Alarms,
    Cluster,
)
from etcd_factory.wire import messages as m

URL = "http://127.0.0.1:1"


@pytest.fixture
def cluster():
    return Cluster("http://host:1")


def members(cluster):
    return [*cluster.list(m.MemberListRequest()).members]


def refusal(call, request):
    with pytest.raises(errors.EtcdError) as caught:
        call(request)
    return caught.value.message


def test_it_begins_with_the_member_that_answers(cluster):
    [one] = members(cluster)
    assert (one.ID, one.name, [*one.peerURLs], [*one.clientURLs]) == (ID, "default", [PEER_URL], ["http://host:1"])


def test_a_member_is_added_updated_and_removed(cluster):
    added = cluster.add(m.MemberAddRequest(peerURLs=[URL], isLearner=True)).member
    assert added in members(cluster)
    cluster.update(m.MemberUpdateRequest(ID=added.ID, peerURLs=[URL, f"{URL}0"]))
    assert [*members(cluster)[1].peerURLs] == [URL, f"{URL}0"]
    cluster.remove(m.MemberRemoveRequest(ID=added.ID))
    assert len(members(cluster)) == 1


def test_a_member_that_is_added_never_starts(cluster):
    learner = cluster.add(m.MemberAddRequest(peerURLs=[URL], isLearner=True)).member
    assert "in sync with leader" in refusal(cluster.promote, m.MemberPromoteRequest(ID=learner.ID))
    assert "can only promote a learner" in refusal(cluster.promote, m.MemberPromoteRequest(ID=ID))


def test_urls_must_be_some_and_new(cluster):
    assert "URLs are invalid" in refusal(cluster.add, m.MemberAddRequest())
    assert "URLs are invalid" in refusal(cluster.add, m.MemberAddRequest(peerURLs=["host"]))
    assert "already exists" in refusal(cluster.add, m.MemberAddRequest(peerURLs=[PEER_URL]))
    cluster.update(m.MemberUpdateRequest(ID=ID, peerURLs=[PEER_URL]))  # its own


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("remove", m.MemberRemoveRequest(ID=5)),
        ("update", m.MemberUpdateRequest(ID=5, peerURLs=[URL])),
        ("promote", m.MemberPromoteRequest(ID=5)),
    ],
)
def test_an_unknown_member_is_not_found(cluster, call, request_):
    assert "member not found" in refusal(getattr(cluster, call), request_)


def test_only_the_one_member_leads(cluster):
    cluster.move_leader(m.MoveLeaderRequest(targetID=ID))
    assert "bad leader transferee" in refusal(cluster.move_leader, m.MoveLeaderRequest(targetID=5))


def test_alarms_are_active_until_they_are_disarmed():
    alarms = Alarms()

    def ask(action, member=0, kind=0):
        answer = alarms.answer(m.AlarmRequest(action=action, memberID=member, alarm=kind))
        return {(one.memberID, one.alarm) for one in answer.alarms}

    for member, kind in ((1, NOSPACE), (2, NOSPACE), (1, CORRUPT)):
        assert ask(ACTIVATE, member, kind) == {(member, kind)}
    assert ask(GET, kind=NOSPACE) == {(1, NOSPACE), (2, NOSPACE)}
    assert ask(DEACTIVATE, member=1) == {(1, NOSPACE), (1, CORRUPT)}
    assert ask(GET) == {(2, NOSPACE)}
    assert (NOSPACE in alarms, CORRUPT in alarms) == (True, False)
    assert alarms.errors() == ["memberID:2 alarm:NOSPACE "]
