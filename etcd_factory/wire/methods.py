"""etcd's RPCs: the service and name of each, which side streams, its messages, and whether it may be sent twice.

``repeatable`` follows Go's client (client/v3/retry.go): a call that leaves the store as it is, or repeated ends in the
same state. LeaseGrant is among them there; a grant whose response is lost leaves a lease behind, which expires by its
own ttl. Repeatable is not the same as harmless: ``writes`` says that an unanswered call may have changed something.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import Factory, define, field
from google.protobuf.message import DecodeError

from etcd_factory.errors import InternalError

from .descriptors import files, message_class

if TYPE_CHECKING:
    from . import messages as m

Q = TypeVar("Q")
R = TypeVar("R")


def writes_unless_repeatable(method: Method[Any, Any]) -> bool:
    """Return the default: what may be repeated only reads."""
    return not method.repeatable


@define(eq=False, slots=False, frozen=True)
class Method(Generic[Q, R]):
    """One RPC with a request of type ``Q`` and responses of type ``R``."""

    service: str
    name: str
    repeatable: bool = field(default=False, kw_only=True)
    writes: bool = field(default=Factory(writes_unless_repeatable, takes_self=True), kw_only=True)
    streams_requests: bool = field(default=False, kw_only=True)
    streams_responses: bool = field(default=False, kw_only=True)

    @property
    def path(self) -> str:
        """Its path on the wire."""
        return f"/etcdserverpb.{self.service}/{self.name}"

    @cached_property
    def types(self) -> tuple[Any, Any]:
        """The classes of its request and its response."""
        found = files()["rpc"].services_by_name[self.service].methods_by_name[self.name]
        return message_class(found.input_type.name), message_class(found.output_type.name)

    @cached_property
    def request(self) -> Callable[..., Q]:
        """Create a request from its fields."""
        create: Callable[..., Q] = self.types[0]
        return create

    @cached_property
    def serialize(self) -> Callable[[Q], bytes]:
        """Turn a request into bytes."""
        dump: Callable[[Q], bytes] = self.types[0].SerializeToString
        return dump

    @cached_property
    def parse(self) -> Callable[[bytes], R]:
        """Turn bytes into a response."""
        load: Callable[[bytes], R] = self.types[1].FromString
        return load

    def decode(self, data: bytes | None, host: str) -> R:
        """Turn what a host sent into a response. Raises ``InternalError`` for a malformed one, or for none (None)."""
        try:
            return self.parse(data)  # type: ignore[arg-type]
        except (DecodeError, TypeError) as error:
            size = "no message" if data is None else f"a malformed message of {len(data)} bytes"
            raise InternalError(f"the server sent {size} in response", endpoint=host.partition("://")[2]) from error


RANGE: Method[m.RangeRequest, m.RangeResponse] = Method("KV", "Range", repeatable=True)
# Until its first message it is repeated as a read is; Go's client does not repeat it.
RANGE_STREAM: Method[m.RangeRequest, m.RangeStreamResponse] = Method(
    "KV", "RangeStream", repeatable=True, streams_responses=True
)
PUT: Method[m.PutRequest, m.PutResponse] = Method("KV", "Put")
DELETE: Method[m.DeleteRangeRequest, m.DeleteRangeResponse] = Method("KV", "DeleteRange")
TXN: Method[m.TxnRequest, m.TxnResponse] = Method("KV", "Txn")
READ_TXN: Method[m.TxnRequest, m.TxnResponse] = Method("KV", "Txn", repeatable=True)  # one that only reads
COMPACT: Method[m.CompactionRequest, m.CompactionResponse] = Method("KV", "Compact")

WATCH: Method[m.WatchRequest, m.WatchResponse] = Method(
    "Watch", "Watch", writes=False, streams_requests=True, streams_responses=True
)

LEASE_GRANT: Method[m.LeaseGrantRequest, m.LeaseGrantResponse] = Method(
    "Lease", "LeaseGrant", repeatable=True, writes=True
)
LEASE_REVOKE: Method[m.LeaseRevokeRequest, m.LeaseRevokeResponse] = Method(
    "Lease", "LeaseRevoke", repeatable=True, writes=True
)
LEASE_KEEP_ALIVE: Method[m.LeaseKeepAliveRequest, m.LeaseKeepAliveResponse] = Method(
    "Lease", "LeaseKeepAlive", writes=False, streams_requests=True, streams_responses=True
)
# One message and its response on that stream are on the wire the same as a unary call.
LEASE_KEEP_ALIVE_ONCE: Method[m.LeaseKeepAliveRequest, m.LeaseKeepAliveResponse] = Method(
    "Lease", "LeaseKeepAlive", repeatable=True
)
LEASE_TIME_TO_LIVE: Method[m.LeaseTimeToLiveRequest, m.LeaseTimeToLiveResponse] = Method(
    "Lease", "LeaseTimeToLive", repeatable=True
)
LEASE_LEASES: Method[m.LeaseLeasesRequest, m.LeaseLeasesResponse] = Method("Lease", "LeaseLeases", repeatable=True)

MEMBER_ADD: Method[m.MemberAddRequest, m.MemberAddResponse] = Method("Cluster", "MemberAdd")
MEMBER_REMOVE: Method[m.MemberRemoveRequest, m.MemberRemoveResponse] = Method("Cluster", "MemberRemove")
MEMBER_UPDATE: Method[m.MemberUpdateRequest, m.MemberUpdateResponse] = Method("Cluster", "MemberUpdate")
MEMBER_PROMOTE: Method[m.MemberPromoteRequest, m.MemberPromoteResponse] = Method("Cluster", "MemberPromote")
MEMBER_LIST: Method[m.MemberListRequest, m.MemberListResponse] = Method("Cluster", "MemberList", repeatable=True)

STATUS: Method[m.StatusRequest, m.StatusResponse] = Method("Maintenance", "Status", repeatable=True)
ALARM: Method[m.AlarmRequest, m.AlarmResponse] = Method("Maintenance", "Alarm", repeatable=True, writes=True)
DEFRAGMENT: Method[m.DefragmentRequest, m.DefragmentResponse] = Method("Maintenance", "Defragment")
HASH: Method[m.HashRequest, m.HashResponse] = Method("Maintenance", "Hash", repeatable=True)
HASH_KV: Method[m.HashKVRequest, m.HashKVResponse] = Method("Maintenance", "HashKV", repeatable=True)
MOVE_LEADER: Method[m.MoveLeaderRequest, m.MoveLeaderResponse] = Method(
    "Maintenance", "MoveLeader", repeatable=True, writes=True
)
DOWNGRADE: Method[m.DowngradeRequest, m.DowngradeResponse] = Method("Maintenance", "Downgrade")
SNAPSHOT: Method[m.SnapshotRequest, m.SnapshotResponse] = Method(
    "Maintenance", "Snapshot", repeatable=True, streams_responses=True
)

AUTHENTICATE: Method[m.AuthenticateRequest, m.AuthenticateResponse] = Method("Auth", "Authenticate", writes=False)
AUTH_ENABLE: Method[m.AuthEnableRequest, m.AuthEnableResponse] = Method("Auth", "AuthEnable")
AUTH_DISABLE: Method[m.AuthDisableRequest, m.AuthDisableResponse] = Method("Auth", "AuthDisable")
AUTH_STATUS: Method[m.AuthStatusRequest, m.AuthStatusResponse] = Method("Auth", "AuthStatus")
USER_ADD: Method[m.AuthUserAddRequest, m.AuthUserAddResponse] = Method("Auth", "UserAdd")
USER_GET: Method[m.AuthUserGetRequest, m.AuthUserGetResponse] = Method("Auth", "UserGet", repeatable=True)
USER_LIST: Method[m.AuthUserListRequest, m.AuthUserListResponse] = Method("Auth", "UserList", repeatable=True)
USER_DELETE: Method[m.AuthUserDeleteRequest, m.AuthUserDeleteResponse] = Method("Auth", "UserDelete")
USER_CHANGE_PASSWORD: Method[m.AuthUserChangePasswordRequest, m.AuthUserChangePasswordResponse] = Method(
    "Auth", "UserChangePassword"
)
USER_GRANT_ROLE: Method[m.AuthUserGrantRoleRequest, m.AuthUserGrantRoleResponse] = Method("Auth", "UserGrantRole")
USER_REVOKE_ROLE: Method[m.AuthUserRevokeRoleRequest, m.AuthUserRevokeRoleResponse] = Method("Auth", "UserRevokeRole")
ROLE_ADD: Method[m.AuthRoleAddRequest, m.AuthRoleAddResponse] = Method("Auth", "RoleAdd")
ROLE_GET: Method[m.AuthRoleGetRequest, m.AuthRoleGetResponse] = Method("Auth", "RoleGet", repeatable=True)
ROLE_LIST: Method[m.AuthRoleListRequest, m.AuthRoleListResponse] = Method("Auth", "RoleList", repeatable=True)
ROLE_DELETE: Method[m.AuthRoleDeleteRequest, m.AuthRoleDeleteResponse] = Method("Auth", "RoleDelete")
ROLE_GRANT_PERMISSION: Method[m.AuthRoleGrantPermissionRequest, m.AuthRoleGrantPermissionResponse] = Method(
    "Auth", "RoleGrantPermission"
)
ROLE_REVOKE_PERMISSION: Method[m.AuthRoleRevokePermissionRequest, m.AuthRoleRevokePermissionResponse] = Method(
    "Auth", "RoleRevokePermission"
)
