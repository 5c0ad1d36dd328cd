"""From etcd's messages about users, members and maintenance to values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.model.cluster import Alarm, AuthStatus, HashKV, Member, Permission, Status

if TYPE_CHECKING:
    from . import messages as m

PERMISSIONS: dict[str, str] = {"read": "READ", "write": "WRITE", "readwrite": "READWRITE"}
DOWNGRADES: dict[str, int] = {"validate": 0, "enable": 1, "cancel": 2}
ALARMS: dict[str, str] = {"nospace": "NOSPACE", "corrupt": "CORRUPT"}

# by etcd's numbers
PERMISSION_NAMES: dict[int, str] = dict(enumerate(PERMISSIONS))
ALARM_NAMES: dict[int, str] = dict(enumerate(ALARMS, 1))


def permissions(reply: m.AuthRoleGetResponse) -> tuple[Permission, ...]:
    """Return the permissions of a role."""
    return tuple(Permission(PERMISSION_NAMES[one.permType], one.key, one.range_end) for one in reply.perm)


def auth_status(reply: m.AuthStatusResponse) -> AuthStatus:
    """Return an AuthStatus."""
    return AuthStatus(reply.enabled, reply.authRevision)


def member(one: m.Member) -> Member:
    """Return a Member."""
    return Member(one.ID, one.name, tuple(one.peerURLs), tuple(one.clientURLs), one.isLearner)


def status(reply: m.StatusResponse, endpoint: str) -> Status:
    """Return a Status."""
    return Status(
        version=reply.version,
        db_size=reply.dbSize,
        db_size_in_use=reply.dbSizeInUse,
        leader=reply.leader,
        raft_index=reply.raftIndex,
        raft_term=reply.raftTerm,
        raft_applied_index=reply.raftAppliedIndex,
        is_learner=reply.isLearner,
        errors=tuple(reply.errors),
        endpoint=endpoint,
        member=reply.header.member_id,
        storage_version=reply.storageVersion,
        db_size_quota=reply.dbSizeQuota,
        downgrade=reply.downgradeInfo.targetVersion if reply.downgradeInfo.enabled else "",
    )


def hash_kv(reply: m.HashKVResponse, revision: int, endpoint: str) -> HashKV:
    """Return a HashKV; etcd before 3.6 does not send the revision, which is then the requested one, or the newest."""
    known = reply.hash_revision or revision or reply.header.revision
    return HashKV(reply.hash, known, reply.compact_revision, endpoint)


def alarms(reply: m.AlarmResponse) -> tuple[Alarm, ...]:
    """Return the active alarms."""
    return tuple(Alarm(ALARM_NAMES[one.alarm], one.memberID) for one in reply.alarms)
