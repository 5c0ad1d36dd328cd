"""From etcd's messages on access, members and maintenance to values."""

from __future__ import annotations

from typing import Any

from etcd_factory.model.cluster import Alarm, AuthStatus, HashKV, Member, Permission, Status

PERMISSIONS = {"read": "READ", "write": "WRITE", "readwrite": "READWRITE"}
DOWNGRADES = {"validate": 0, "enable": 1, "cancel": 2}
ALARMS = {"nospace": "NOSPACE", "corrupt": "CORRUPT"}

# by etcd's numbers
GRANTED: dict[int, str] = dict(enumerate(PERMISSIONS))
RAISED: dict[int, str] = dict(enumerate(ALARMS, 1))


def permissions(reply: Any) -> tuple[Permission, ...]:
    """Those of a role."""
    return tuple(Permission(GRANTED[one.permType], one.key, one.range_end) for one in reply.perm)


def auth_status(reply: Any) -> AuthStatus:
    """An AuthStatus."""
    return AuthStatus(reply.enabled, reply.authRevision)


def member(one: Any) -> Member:
    """A Member."""
    return Member(one.ID, one.name, tuple(one.peerURLs), tuple(one.clientURLs), one.isLearner)


def status(reply: Any, endpoint: str) -> Status:
    """A Status."""
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
    )


def hash_kv(reply: Any, revision: int, endpoint: str) -> HashKV:
    """A HashKV; etcd before 3.6 does not tell the revision, which is then the one asked for, or the newest."""
    known = reply.hash_revision or revision or reply.header.revision
    return HashKV(reply.hash, known, reply.compact_revision, endpoint)


def alarms(reply: Any) -> tuple[Alarm, ...]:
    """Those that stand."""
    return tuple(Alarm(RAISED[one.alarm], one.memberID) for one in reply.alarms)
