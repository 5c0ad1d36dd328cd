"""etcd's calls: where each goes, what it takes and gives, and whether it may be sent twice.

``repeatable`` follows Go's client (client/v3/retry.go): a call that leaves the store as it is, or ends in the same
state. LeaseGrant is among them there; an answer that is lost leaves a lease behind which dies by its own ttl.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from attrs import define, field

from .descriptors import classes, files


@define(eq=False, slots=False, frozen=True)
class Method:
    """One call of etcd's gRPC interface."""

    service: str
    name: str
    repeatable: bool = field(default=False, kw_only=True)
    kind: str = field(default="unary_unary", kw_only=True)  # as gRPC's channels call it

    @property
    def path(self) -> str:
        """Its path on the wire."""
        return f"/etcdserverpb.{self.service}/{self.name}"

    @cached_property
    def types(self) -> tuple[Any, Any]:
        """Its request and response class."""
        found = files()["rpc"].services_by_name[self.service].methods_by_name[self.name]
        known = classes("rpc")
        return known[found.input_type.name], known[found.output_type.name]


RANGE = Method("KV", "Range", repeatable=True)
PUT = Method("KV", "Put")
DELETE = Method("KV", "DeleteRange")
TXN = Method("KV", "Txn")
READ = Method("KV", "Txn", repeatable=True)  # one that only reads
COMPACT = Method("KV", "Compact")
STATUS = Method("Maintenance", "Status", repeatable=True)
WATCH = Method("Watch", "Watch", kind="stream_stream")
LEASE_GRANT = Method("Lease", "LeaseGrant", repeatable=True)
LEASE_REVOKE = Method("Lease", "LeaseRevoke", repeatable=True)
LEASE_KEEP_ALIVE = Method("Lease", "LeaseKeepAlive", kind="stream_stream")
# One message and its answer on that stream are, on the wire, the same as a plain call.
LEASE_KEEP_ALIVE_ONCE = Method("Lease", "LeaseKeepAlive", repeatable=True)
LEASE_TIME_TO_LIVE = Method("Lease", "LeaseTimeToLive", repeatable=True)
LEASE_LEASES = Method("Lease", "LeaseLeases", repeatable=True)
AUTHENTICATE = Method("Auth", "Authenticate")
MEMBER_ADD = Method("Cluster", "MemberAdd")
MEMBER_REMOVE = Method("Cluster", "MemberRemove")
MEMBER_UPDATE = Method("Cluster", "MemberUpdate")
MEMBER_PROMOTE = Method("Cluster", "MemberPromote")
MEMBER_LIST = Method("Cluster", "MemberList", repeatable=True)
ALARM = Method("Maintenance", "Alarm", repeatable=True)
DEFRAGMENT = Method("Maintenance", "Defragment")
HASH = Method("Maintenance", "Hash", repeatable=True)
HASH_KV = Method("Maintenance", "HashKV", repeatable=True)
MOVE_LEADER = Method("Maintenance", "MoveLeader", repeatable=True)
DOWNGRADE = Method("Maintenance", "Downgrade")
SNAPSHOT = Method("Maintenance", "Snapshot", repeatable=True, kind="unary_stream")
AUTH_ENABLE = Method("Auth", "AuthEnable")
AUTH_DISABLE = Method("Auth", "AuthDisable")
AUTH_STATUS = Method("Auth", "AuthStatus")
USER_ADD = Method("Auth", "UserAdd")
USER_GET = Method("Auth", "UserGet", repeatable=True)
USER_LIST = Method("Auth", "UserList", repeatable=True)
USER_DELETE = Method("Auth", "UserDelete")
USER_CHANGE_PASSWORD = Method("Auth", "UserChangePassword")
USER_GRANT_ROLE = Method("Auth", "UserGrantRole")
USER_REVOKE_ROLE = Method("Auth", "UserRevokeRole")
ROLE_ADD = Method("Auth", "RoleAdd")
ROLE_GET = Method("Auth", "RoleGet", repeatable=True)
ROLE_LIST = Method("Auth", "RoleList", repeatable=True)
ROLE_DELETE = Method("Auth", "RoleDelete")
ROLE_GRANT_PERMISSION = Method("Auth", "RoleGrantPermission")
ROLE_REVOKE_PERMISSION = Method("Auth", "RoleRevokePermission")
