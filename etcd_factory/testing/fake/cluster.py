"""The members of a fake etcd, one of which answers, and its alarms."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from etcd_factory.wire import messages as m

from .refusals import refused

ID, CLUSTER = 0x8E9E05C52164694D, 0xCDF818194E3A8C32  # those of an etcd with the default name and URLs
PEER_URL = "http://localhost:2380"
ALARM_NAMES = {1: "NOSPACE", 2: "CORRUPT"}
NOSPACE, CORRUPT = ALARM_NAMES
GET, ACTIVATE, DEACTIVATE = range(3)


class Cluster:
    """The members. Those that are added never start."""

    def __init__(self, client_url: str) -> None:
        one = m.Member(ID=ID, name="default", peerURLs=[PEER_URL], clientURLs=[client_url])
        self._members: dict[int, m.Member] = {ID: one}

    def list(self, _request: m.MemberListRequest) -> m.MemberListResponse:
        """Return all members."""
        return m.MemberListResponse(members=self._members.values())

    def add(self, request: m.MemberAddRequest) -> m.MemberAddResponse:
        """Add a member."""
        self._check(request.peerURLs)
        member = m.Member(ID=random.getrandbits(63) + 1, peerURLs=request.peerURLs, isLearner=request.isLearner)
        self._members[member.ID] = member
        return m.MemberAddResponse(member=member, members=self._members.values())

    def remove(self, request: m.MemberRemoveRequest) -> m.MemberRemoveResponse:
        """Remove a member."""
        del self._members[self._get(request.ID).ID]
        return m.MemberRemoveResponse(members=self._members.values())

    def update(self, request: m.MemberUpdateRequest) -> m.MemberUpdateResponse:
        """Replace the peer URLs of a member."""
        member = self._get(request.ID)
        self._check(request.peerURLs, besides=member.ID)
        self._members[member.ID] = m.Member(
            ID=member.ID,
            name=member.name,
            peerURLs=sorted(request.peerURLs),
            clientURLs=member.clientURLs,
            isLearner=member.isLearner,
        )
        return m.MemberUpdateResponse(members=self._members.values())

    def promote(self, request: m.MemberPromoteRequest) -> m.MemberPromoteResponse:
        """Refuse to promote a learner, as it never starts."""
        raise refused("learner not ready" if self._get(request.ID).isLearner else "not a learner")

    def move_leader(self, request: m.MoveLeaderRequest) -> m.MoveLeaderResponse:
        """Refuse every member but the one that leads."""
        if request.targetID != ID:
            raise refused("transferee")
        return m.MoveLeaderResponse()

    def _get(self, id: int) -> m.Member:  # noqa: A002
        if id not in self._members:
            raise refused("member not found")
        return self._members[id]

    def _check(self, urls: Iterable[str], besides: int = 0) -> None:
        urls = set(urls)
        if not urls or not all("://" in url for url in urls):
            raise refused("member URLs")
        if any(urls & {*member.peerURLs} for member in self._members.values() if besides != member.ID):
            raise refused("peer URL exists")


METHODS: dict[str, Callable[[Cluster, Any], Any]] = {
    "Cluster.MemberList": Cluster.list,
    "Cluster.MemberAdd": Cluster.add,
    "Cluster.MemberRemove": Cluster.remove,
    "Cluster.MemberUpdate": Cluster.update,
    "Cluster.MemberPromote": Cluster.promote,
    "Maintenance.MoveLeader": Cluster.move_leader,
}


class Alarms:
    """The alarms that are active."""

    def __init__(self) -> None:
        self._active: dict[tuple[int, int], m.AlarmMember] = {}

    def __contains__(self, kind: int) -> bool:
        return any(alarm == kind for _, alarm in self._active)

    def errors(self) -> list[str]:
        """Return the texts that a status has."""
        return [f"memberID:{member} alarm:{ALARM_NAMES[kind]} " for member, kind in self._active]

    def activate(self, kind: int, member: int = ID) -> m.AlarmMember:
        """Raise an alarm."""
        return self._active.setdefault((member, kind), m.AlarmMember(memberID=member, alarm=kind))

    def answer(self, request: m.AlarmRequest) -> m.AlarmResponse:
        """Return the response to a request for alarms; a member or kind 0 means all."""
        if request.action == ACTIVATE:
            return m.AlarmResponse(alarms=[self.activate(request.alarm, request.memberID)])
        chosen = self._chosen(request)
        if request.action == DEACTIVATE:
            chosen = [self._active.pop((alarm.memberID, alarm.alarm)) for alarm in chosen]
        return m.AlarmResponse(alarms=chosen)

    def _chosen(self, request: m.AlarmRequest) -> list[m.AlarmMember]:
        found = self._active.values()
        return [one for one in found if request.memberID in (0, one.memberID) and request.alarm in (0, one.alarm)]
