"""etcd's messages as type checkers see them; generated from the descriptors, see tests/support/message_stubs.py."""

from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any

from typing_extensions import Self

class Message:
    def ByteSize(self) -> int: ...
    def HasField(self, name: str) -> bool: ...
    def SerializeToString(self) -> bytes: ...
    def WhichOneof(self, name: str) -> str | None: ...
    @classmethod
    def FromString(cls, data: bytes) -> Self: ...

class AlarmMember(Message):
    def __init__(
        self,
        *,
        memberID: int | None = ...,
        alarm: str | int | None = ...,
    ) -> None: ...
    memberID: int
    alarm: int

class AlarmRequest(Message):
    def __init__(
        self,
        *,
        action: str | int | None = ...,
        memberID: int | None = ...,
        alarm: str | int | None = ...,
    ) -> None: ...
    action: int
    memberID: int
    alarm: int

class AlarmResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        alarms: Iterable[AlarmMember | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def alarms(self) -> MutableSequence[AlarmMember]: ...

class AuthDisableRequest(Message):
    def __init__(self) -> None: ...

class AuthDisableResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthEnableRequest(Message):
    def __init__(self) -> None: ...

class AuthEnableResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthRoleAddRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
    ) -> None: ...
    name: str

class AuthRoleAddResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthRoleDeleteRequest(Message):
    def __init__(
        self,
        *,
        role: str | None = ...,
    ) -> None: ...
    role: str

class AuthRoleDeleteResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthRoleGetRequest(Message):
    def __init__(
        self,
        *,
        role: str | None = ...,
    ) -> None: ...
    role: str

class AuthRoleGetResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        perm: Iterable[Permission | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def perm(self) -> MutableSequence[Permission]: ...

class AuthRoleGrantPermissionRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
        perm: Permission | Mapping[str, Any] | None = ...,
    ) -> None: ...
    name: str
    @property
    def perm(self) -> Permission: ...

class AuthRoleGrantPermissionResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthRoleListRequest(Message):
    def __init__(self) -> None: ...

class AuthRoleListResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        roles: Iterable[str] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def roles(self) -> MutableSequence[str]: ...

class AuthRoleRevokePermissionRequest(Message):
    def __init__(
        self,
        *,
        role: str | None = ...,
        key: bytes | None = ...,
        range_end: bytes | None = ...,
    ) -> None: ...
    role: str
    key: bytes
    range_end: bytes

class AuthRoleRevokePermissionResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthStatusRequest(Message):
    def __init__(self) -> None: ...

class AuthStatusResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        enabled: bool | None = ...,
        authRevision: int | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    enabled: bool
    authRevision: int

class AuthUserAddRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
        password: str | None = ...,
        options: UserAddOptions | Mapping[str, Any] | None = ...,
        hashedPassword: str | None = ...,
    ) -> None: ...
    name: str
    password: str
    @property
    def options(self) -> UserAddOptions: ...
    hashedPassword: str

class AuthUserAddResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthUserChangePasswordRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
        password: str | None = ...,
        hashedPassword: str | None = ...,
    ) -> None: ...
    name: str
    password: str
    hashedPassword: str

class AuthUserChangePasswordResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthUserDeleteRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
    ) -> None: ...
    name: str

class AuthUserDeleteResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthUserGetRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
    ) -> None: ...
    name: str

class AuthUserGetResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        roles: Iterable[str] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def roles(self) -> MutableSequence[str]: ...

class AuthUserGrantRoleRequest(Message):
    def __init__(
        self,
        *,
        user: str | None = ...,
        role: str | None = ...,
    ) -> None: ...
    user: str
    role: str

class AuthUserGrantRoleResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthUserListRequest(Message):
    def __init__(self) -> None: ...

class AuthUserListResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        users: Iterable[str] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def users(self) -> MutableSequence[str]: ...

class AuthUserRevokeRoleRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
        role: str | None = ...,
    ) -> None: ...
    name: str
    role: str

class AuthUserRevokeRoleResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class AuthenticateRequest(Message):
    def __init__(
        self,
        *,
        name: str | None = ...,
        password: str | None = ...,
    ) -> None: ...
    name: str
    password: str

class AuthenticateResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        token: str | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    token: str

class CompactionRequest(Message):
    def __init__(
        self,
        *,
        revision: int | None = ...,
        physical: bool | None = ...,
    ) -> None: ...
    revision: int
    physical: bool

class CompactionResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class Compare(Message):
    def __init__(
        self,
        *,
        result: str | int | None = ...,
        target: str | int | None = ...,
        key: bytes | None = ...,
        version: int | None = ...,
        create_revision: int | None = ...,
        mod_revision: int | None = ...,
        value: bytes | None = ...,
        lease: int | None = ...,
        range_end: bytes | None = ...,
    ) -> None: ...
    result: int
    target: int
    key: bytes
    version: int
    create_revision: int
    mod_revision: int
    value: bytes
    lease: int
    range_end: bytes

class DefragmentRequest(Message):
    def __init__(self) -> None: ...

class DefragmentResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class DeleteRangeRequest(Message):
    def __init__(
        self,
        *,
        key: bytes | None = ...,
        range_end: bytes | None = ...,
        prev_kv: bool | None = ...,
    ) -> None: ...
    key: bytes
    range_end: bytes
    prev_kv: bool

class DeleteRangeResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        deleted: int | None = ...,
        prev_kvs: Iterable[KeyValue | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    deleted: int
    @property
    def prev_kvs(self) -> MutableSequence[KeyValue]: ...

class DowngradeInfo(Message):
    def __init__(
        self,
        *,
        enabled: bool | None = ...,
        targetVersion: str | None = ...,
    ) -> None: ...
    enabled: bool
    targetVersion: str

class DowngradeRequest(Message):
    def __init__(
        self,
        *,
        action: int | None = ...,
        version: str | None = ...,
    ) -> None: ...
    action: int
    version: str

class DowngradeResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        version: str | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    version: str

class Event(Message):
    def __init__(
        self,
        *,
        type: str | int | None = ...,
        kv: KeyValue | Mapping[str, Any] | None = ...,
        prev_kv: KeyValue | Mapping[str, Any] | None = ...,
    ) -> None: ...
    type: int
    @property
    def kv(self) -> KeyValue: ...
    @property
    def prev_kv(self) -> KeyValue: ...

class HashKVRequest(Message):
    def __init__(
        self,
        *,
        revision: int | None = ...,
    ) -> None: ...
    revision: int

class HashKVResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        hash: int | None = ...,
        compact_revision: int | None = ...,
        hash_revision: int | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    hash: int
    compact_revision: int
    hash_revision: int

class HashRequest(Message):
    def __init__(self) -> None: ...

class HashResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        hash: int | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    hash: int

class KeyValue(Message):
    def __init__(
        self,
        *,
        key: bytes | None = ...,
        create_revision: int | None = ...,
        mod_revision: int | None = ...,
        version: int | None = ...,
        value: bytes | None = ...,
        lease: int | None = ...,
    ) -> None: ...
    key: bytes
    create_revision: int
    mod_revision: int
    version: int
    value: bytes
    lease: int

class LeaseCheckpoint(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
        remaining_TTL: int | None = ...,
    ) -> None: ...
    ID: int
    remaining_TTL: int

class LeaseCheckpointRequest(Message):
    def __init__(
        self,
        *,
        checkpoints: Iterable[LeaseCheckpoint | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def checkpoints(self) -> MutableSequence[LeaseCheckpoint]: ...

class LeaseCheckpointResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class LeaseGrantRequest(Message):
    def __init__(
        self,
        *,
        TTL: int | None = ...,
        ID: int | None = ...,
    ) -> None: ...
    TTL: int
    ID: int

class LeaseGrantResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        ID: int | None = ...,
        TTL: int | None = ...,
        error: str | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    ID: int
    TTL: int
    error: str

class LeaseKeepAliveRequest(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
    ) -> None: ...
    ID: int

class LeaseKeepAliveResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        ID: int | None = ...,
        TTL: int | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    ID: int
    TTL: int

class LeaseLeasesRequest(Message):
    def __init__(self) -> None: ...

class LeaseLeasesResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        leases: Iterable[LeaseStatus | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def leases(self) -> MutableSequence[LeaseStatus]: ...

class LeaseRevokeRequest(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
    ) -> None: ...
    ID: int

class LeaseRevokeResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class LeaseStatus(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
    ) -> None: ...
    ID: int

class LeaseTimeToLiveRequest(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
        keys: bool | None = ...,
    ) -> None: ...
    ID: int
    keys: bool

class LeaseTimeToLiveResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        ID: int | None = ...,
        TTL: int | None = ...,
        grantedTTL: int | None = ...,
        keys: Iterable[bytes] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    ID: int
    TTL: int
    grantedTTL: int
    @property
    def keys(self) -> MutableSequence[bytes]: ...

class Member(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
        name: str | None = ...,
        peerURLs: Iterable[str] = ...,
        clientURLs: Iterable[str] = ...,
        isLearner: bool | None = ...,
    ) -> None: ...
    ID: int
    name: str
    @property
    def peerURLs(self) -> MutableSequence[str]: ...
    @property
    def clientURLs(self) -> MutableSequence[str]: ...
    isLearner: bool

class MemberAddRequest(Message):
    def __init__(
        self,
        *,
        peerURLs: Iterable[str] = ...,
        isLearner: bool | None = ...,
    ) -> None: ...
    @property
    def peerURLs(self) -> MutableSequence[str]: ...
    isLearner: bool

class MemberAddResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        member: Member | Mapping[str, Any] | None = ...,
        members: Iterable[Member | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def member(self) -> Member: ...
    @property
    def members(self) -> MutableSequence[Member]: ...

class MemberListRequest(Message):
    def __init__(
        self,
        *,
        linearizable: bool | None = ...,
    ) -> None: ...
    linearizable: bool

class MemberListResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        members: Iterable[Member | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def members(self) -> MutableSequence[Member]: ...

class MemberPromoteRequest(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
    ) -> None: ...
    ID: int

class MemberPromoteResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        members: Iterable[Member | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def members(self) -> MutableSequence[Member]: ...

class MemberRemoveRequest(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
    ) -> None: ...
    ID: int

class MemberRemoveResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        members: Iterable[Member | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def members(self) -> MutableSequence[Member]: ...

class MemberUpdateRequest(Message):
    def __init__(
        self,
        *,
        ID: int | None = ...,
        peerURLs: Iterable[str] = ...,
    ) -> None: ...
    ID: int
    @property
    def peerURLs(self) -> MutableSequence[str]: ...

class MemberUpdateResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        members: Iterable[Member | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def members(self) -> MutableSequence[Member]: ...

class MoveLeaderRequest(Message):
    def __init__(
        self,
        *,
        targetID: int | None = ...,
    ) -> None: ...
    targetID: int

class MoveLeaderResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...

class Permission(Message):
    def __init__(
        self,
        *,
        permType: str | int | None = ...,
        key: bytes | None = ...,
        range_end: bytes | None = ...,
    ) -> None: ...
    permType: int
    key: bytes
    range_end: bytes

class PutRequest(Message):
    def __init__(
        self,
        *,
        key: bytes | None = ...,
        value: bytes | None = ...,
        lease: int | None = ...,
        prev_kv: bool | None = ...,
        ignore_value: bool | None = ...,
        ignore_lease: bool | None = ...,
    ) -> None: ...
    key: bytes
    value: bytes
    lease: int
    prev_kv: bool
    ignore_value: bool
    ignore_lease: bool

class PutResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        prev_kv: KeyValue | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def prev_kv(self) -> KeyValue: ...

class RangeRequest(Message):
    def __init__(
        self,
        *,
        key: bytes | None = ...,
        range_end: bytes | None = ...,
        limit: int | None = ...,
        revision: int | None = ...,
        sort_order: str | int | None = ...,
        sort_target: str | int | None = ...,
        serializable: bool | None = ...,
        keys_only: bool | None = ...,
        count_only: bool | None = ...,
        min_mod_revision: int | None = ...,
        max_mod_revision: int | None = ...,
        min_create_revision: int | None = ...,
        max_create_revision: int | None = ...,
    ) -> None: ...
    key: bytes
    range_end: bytes
    limit: int
    revision: int
    sort_order: int
    sort_target: int
    serializable: bool
    keys_only: bool
    count_only: bool
    min_mod_revision: int
    max_mod_revision: int
    min_create_revision: int
    max_create_revision: int

class RangeResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        kvs: Iterable[KeyValue | Mapping[str, Any]] = ...,
        more: bool | None = ...,
        count: int | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    @property
    def kvs(self) -> MutableSequence[KeyValue]: ...
    more: bool
    count: int

class RangeStreamResponse(Message):
    def __init__(
        self,
        *,
        range_response: RangeResponse | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def range_response(self) -> RangeResponse: ...

class RequestOp(Message):
    def __init__(
        self,
        *,
        request_range: RangeRequest | Mapping[str, Any] | None = ...,
        request_put: PutRequest | Mapping[str, Any] | None = ...,
        request_delete_range: DeleteRangeRequest | Mapping[str, Any] | None = ...,
        request_txn: TxnRequest | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def request_range(self) -> RangeRequest: ...
    @property
    def request_put(self) -> PutRequest: ...
    @property
    def request_delete_range(self) -> DeleteRangeRequest: ...
    @property
    def request_txn(self) -> TxnRequest: ...

class ResponseHeader(Message):
    def __init__(
        self,
        *,
        cluster_id: int | None = ...,
        member_id: int | None = ...,
        revision: int | None = ...,
        raft_term: int | None = ...,
    ) -> None: ...
    cluster_id: int
    member_id: int
    revision: int
    raft_term: int

class ResponseOp(Message):
    def __init__(
        self,
        *,
        response_range: RangeResponse | Mapping[str, Any] | None = ...,
        response_put: PutResponse | Mapping[str, Any] | None = ...,
        response_delete_range: DeleteRangeResponse | Mapping[str, Any] | None = ...,
        response_txn: TxnResponse | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def response_range(self) -> RangeResponse: ...
    @property
    def response_put(self) -> PutResponse: ...
    @property
    def response_delete_range(self) -> DeleteRangeResponse: ...
    @property
    def response_txn(self) -> TxnResponse: ...

class Role(Message):
    def __init__(
        self,
        *,
        name: bytes | None = ...,
        keyPermission: Iterable[Permission | Mapping[str, Any]] = ...,
    ) -> None: ...
    name: bytes
    @property
    def keyPermission(self) -> MutableSequence[Permission]: ...

class SnapshotRequest(Message):
    def __init__(self) -> None: ...

class SnapshotResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        remaining_bytes: int | None = ...,
        blob: bytes | None = ...,
        version: str | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    remaining_bytes: int
    blob: bytes
    version: str

class StatusRequest(Message):
    def __init__(self) -> None: ...

class StatusResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        version: str | None = ...,
        dbSize: int | None = ...,
        leader: int | None = ...,
        raftIndex: int | None = ...,
        raftTerm: int | None = ...,
        raftAppliedIndex: int | None = ...,
        errors: Iterable[str] = ...,
        dbSizeInUse: int | None = ...,
        isLearner: bool | None = ...,
        storageVersion: str | None = ...,
        dbSizeQuota: int | None = ...,
        downgradeInfo: DowngradeInfo | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    version: str
    dbSize: int
    leader: int
    raftIndex: int
    raftTerm: int
    raftAppliedIndex: int
    @property
    def errors(self) -> MutableSequence[str]: ...
    dbSizeInUse: int
    isLearner: bool
    storageVersion: str
    dbSizeQuota: int
    @property
    def downgradeInfo(self) -> DowngradeInfo: ...

class TxnRequest(Message):
    def __init__(
        self,
        *,
        compare: Iterable[Compare | Mapping[str, Any]] = ...,
        success: Iterable[RequestOp | Mapping[str, Any]] = ...,
        failure: Iterable[RequestOp | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def compare(self) -> MutableSequence[Compare]: ...
    @property
    def success(self) -> MutableSequence[RequestOp]: ...
    @property
    def failure(self) -> MutableSequence[RequestOp]: ...

class TxnResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        succeeded: bool | None = ...,
        responses: Iterable[ResponseOp | Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    succeeded: bool
    @property
    def responses(self) -> MutableSequence[ResponseOp]: ...

class User(Message):
    def __init__(
        self,
        *,
        name: bytes | None = ...,
        password: bytes | None = ...,
        roles: Iterable[str] = ...,
    ) -> None: ...
    name: bytes
    password: bytes
    @property
    def roles(self) -> MutableSequence[str]: ...

class UserAddOptions(Message):
    def __init__(
        self,
        *,
        no_password: bool | None = ...,
    ) -> None: ...
    no_password: bool

class WatchCancelRequest(Message):
    def __init__(
        self,
        *,
        watch_id: int | None = ...,
    ) -> None: ...
    watch_id: int

class WatchCreateRequest(Message):
    def __init__(
        self,
        *,
        key: bytes | None = ...,
        range_end: bytes | None = ...,
        start_revision: int | None = ...,
        progress_notify: bool | None = ...,
        filters: Iterable[str | int] = ...,
        prev_kv: bool | None = ...,
        watch_id: int | None = ...,
        fragment: bool | None = ...,
    ) -> None: ...
    key: bytes
    range_end: bytes
    start_revision: int
    progress_notify: bool
    @property
    def filters(self) -> MutableSequence[int]: ...
    prev_kv: bool
    watch_id: int
    fragment: bool

class WatchProgressRequest(Message):
    def __init__(self) -> None: ...

class WatchRequest(Message):
    def __init__(
        self,
        *,
        create_request: WatchCreateRequest | Mapping[str, Any] | None = ...,
        cancel_request: WatchCancelRequest | Mapping[str, Any] | None = ...,
        progress_request: WatchProgressRequest | Mapping[str, Any] | None = ...,
    ) -> None: ...
    @property
    def create_request(self) -> WatchCreateRequest: ...
    @property
    def cancel_request(self) -> WatchCancelRequest: ...
    @property
    def progress_request(self) -> WatchProgressRequest: ...

class WatchResponse(Message):
    def __init__(
        self,
        *,
        header: ResponseHeader | Mapping[str, Any] | None = ...,
        watch_id: int | None = ...,
        created: bool | None = ...,
        canceled: bool | None = ...,
        compact_revision: int | None = ...,
        cancel_reason: str | None = ...,
        events: Iterable[Event | Mapping[str, Any]] = ...,
        fragment: bool | None = ...,
    ) -> None: ...
    @property
    def header(self) -> ResponseHeader: ...
    watch_id: int
    created: bool
    canceled: bool
    compact_revision: int
    cancel_reason: str
    @property
    def events(self) -> MutableSequence[Event]: ...
    fragment: bool
