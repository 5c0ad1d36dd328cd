"""What etcd's protocol has added and changed since python-etcd3's descriptors were generated (etcd 3.3).

Numbers and names are those of etcd's api/etcdserverpb/rpc.proto. A type is the name of a scalar or of a message; ``*``
before it means repeated, and a second word is the ``oneof`` of the field.
"""

from __future__ import annotations

Rows = tuple[tuple[str, int, str], ...]

MESSAGES: tuple[str, ...] = (
    "WatchProgressRequest",
    "MemberPromoteRequest",
    "MemberPromoteResponse",
    "AuthStatusRequest",
    "AuthStatusResponse",
    "UserAddOptions",  # in etcd it is in auth.proto; on the wire that makes no difference
    "DowngradeRequest",
    "DowngradeResponse",
    "DowngradeInfo",
    "LeaseCheckpoint",
    "LeaseCheckpointRequest",
    "LeaseCheckpointResponse",
    "RangeStreamResponse",
)

FIELDS: dict[str, Rows] = {
    "WatchRequest": (("progress_request", 3, "WatchProgressRequest request_union"),),
    "WatchCreateRequest": (("watch_id", 7, "int64"), ("fragment", 8, "bool")),
    "WatchResponse": (("fragment", 7, "bool"),),
    "StatusResponse": (
        ("raftAppliedIndex", 7, "uint64"),
        ("errors", 8, "*string"),
        ("dbSizeInUse", 9, "int64"),
        ("isLearner", 10, "bool"),
        ("storageVersion", 11, "string"),
        ("dbSizeQuota", 12, "int64"),
        ("downgradeInfo", 13, "DowngradeInfo"),
    ),
    "HashKVResponse": (("hash_revision", 4, "int64"),),
    "SnapshotResponse": (("version", 4, "string"),),
    "Member": (("isLearner", 5, "bool"),),
    "MemberAddRequest": (("isLearner", 2, "bool"),),
    "MemberListRequest": (("linearizable", 1, "bool"),),
    "MemberPromoteRequest": (("ID", 1, "uint64"),),
    "MemberPromoteResponse": (("header", 1, "ResponseHeader"), ("members", 2, "*Member")),
    "AuthStatusResponse": (("header", 1, "ResponseHeader"), ("enabled", 2, "bool"), ("authRevision", 3, "uint64")),
    "UserAddOptions": (("no_password", 1, "bool"),),
    "AuthUserAddRequest": (("options", 3, "UserAddOptions"), ("hashedPassword", 4, "string")),
    "AuthUserChangePasswordRequest": (("hashedPassword", 3, "string"),),
    # strings in etcd 3.3, which cannot hold every key
    "AuthRoleRevokePermissionRequest": (("key", 2, "bytes"), ("range_end", 3, "bytes")),
    "DowngradeRequest": (("action", 1, "int32"), ("version", 2, "string")),  # an enum there; on the wire the same
    "DowngradeResponse": (("header", 1, "ResponseHeader"), ("version", 2, "string")),
    "DowngradeInfo": (("enabled", 1, "bool"), ("targetVersion", 2, "string")),
    "LeaseCheckpoint": (("ID", 1, "int64"), ("remaining_TTL", 2, "int64")),
    "LeaseCheckpointRequest": (("checkpoints", 1, "*LeaseCheckpoint"),),
    "LeaseCheckpointResponse": (("header", 1, "ResponseHeader"),),
    "RangeStreamResponse": (("range_response", 1, "RangeResponse"),),
}

# Each with its request and its response; ``*`` before that means a stream of them.
METHODS: tuple[tuple[str, str, str, str], ...] = (
    ("Cluster", "MemberPromote", "MemberPromoteRequest", "MemberPromoteResponse"),
    ("Auth", "AuthStatus", "AuthStatusRequest", "AuthStatusResponse"),
    ("Maintenance", "Downgrade", "DowngradeRequest", "DowngradeResponse"),
    ("KV", "RangeStream", "RangeRequest", "*RangeStreamResponse"),
)
