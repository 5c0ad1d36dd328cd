"""etcd's own refusals: status and text of each (api/v3rpc/rpctypes/error.go)."""

from __future__ import annotations

from etcd_factory.errors import Code, EtcdError, error_of

REFUSALS: dict[str, tuple[Code, str]] = {
    "empty key": (Code.INVALID_ARGUMENT, "etcdserver: key is not provided"),
    "key not found": (Code.INVALID_ARGUMENT, "etcdserver: key not found"),
    "value given": (Code.INVALID_ARGUMENT, "etcdserver: value is provided"),
    "lease given": (Code.INVALID_ARGUMENT, "etcdserver: lease is provided"),
    "too many operations": (Code.INVALID_ARGUMENT, "etcdserver: too many operations in txn request"),
    "duplicate key": (Code.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"),
    "sort option": (Code.INVALID_ARGUMENT, "etcdserver: invalid sort option"),
    "compacted": (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"),
    "future": (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"),
    "no space": (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
    "too large": (Code.INVALID_ARGUMENT, "etcdserver: request is too large"),
    "lease not found": (Code.NOT_FOUND, "etcdserver: requested lease not found"),
    "lease exists": (Code.FAILED_PRECONDITION, "etcdserver: lease already exists"),
    "ttl too large": (Code.OUT_OF_RANGE, "etcdserver: too large lease TTL"),
    "member not found": (Code.NOT_FOUND, "etcdserver: member not found"),
    "peer URL exists": (Code.FAILED_PRECONDITION, "etcdserver: Peer URLs already exists"),
    "member URLs": (Code.INVALID_ARGUMENT, "etcdserver: given member URLs are invalid"),
    "not a learner": (Code.FAILED_PRECONDITION, "etcdserver: can only promote a learner member"),
    "learner not ready": (
        Code.FAILED_PRECONDITION,
        "etcdserver: can only promote a learner member which is in sync with leader",
    ),
    "transferee": (Code.FAILED_PRECONDITION, "etcdserver: bad leader transferee"),
    "corrupt": (Code.DATA_LOSS, "etcdserver: corrupt cluster"),
    "no root user": (Code.FAILED_PRECONDITION, "etcdserver: root user does not exist"),
    "no root role": (Code.FAILED_PRECONDITION, "etcdserver: root user does not have root role"),
    "user exists": (Code.FAILED_PRECONDITION, "etcdserver: user name already exists"),
    "user empty": (Code.INVALID_ARGUMENT, "etcdserver: user name is empty"),
    "user not found": (Code.FAILED_PRECONDITION, "etcdserver: user name not found"),
    "role exists": (Code.FAILED_PRECONDITION, "etcdserver: role name already exists"),
    "role empty": (Code.INVALID_ARGUMENT, "etcdserver: role name is empty"),
    "role not found": (Code.FAILED_PRECONDITION, "etcdserver: role name not found"),
    "role not granted": (Code.FAILED_PRECONDITION, "etcdserver: role is not granted to the user"),
    "permission not granted": (Code.FAILED_PRECONDITION, "etcdserver: permission is not granted to the role"),
    "permission denied": (Code.PERMISSION_DENIED, "etcdserver: permission denied"),
    "auth failed": (Code.INVALID_ARGUMENT, "etcdserver: authentication failed, invalid user ID or password"),
    "auth not enabled": (Code.FAILED_PRECONDITION, "etcdserver: authentication is not enabled"),
    "auth management": (Code.INVALID_ARGUMENT, "etcdserver: invalid auth management"),
    "no password": (Code.UNKNOWN, "auth: authentication failed, password was given for no password user"),
    "token": (Code.UNAUTHENTICATED, "etcdserver: invalid auth token"),
}


def refused(what: str) -> EtcdError:
    """Return the error of a refusal."""
    return error_of(*REFUSALS[what])


def unimplemented(method: str) -> EtcdError:
    """Return the error of a call that the fake does not answer."""
    return error_of(Code.UNIMPLEMENTED, f"FakeEtcd does not implement {method}: use a real etcd (testing.EtcdServer)")
