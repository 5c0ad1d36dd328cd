"""From a gRPC status and its message to the error class.

The messages are etcd's own (api/v3rpc/rpctypes/error.go); each is matched as a part of the text, since servers and
proxies put words before and after it. The first row that matches counts, and only then the status.
"""

from __future__ import annotations

from . import server
from .server import Code, EtcdError

BY_MESSAGE: tuple[tuple[str, type[EtcdError]], ...] = (
    ("etcdserver: key not found", server.KeyNotFoundError),
    ("duplicate key given in txn request", server.DuplicateKeyError),
    ("required revision has been compacted", server.CompactedError),
    ("required revision is a future revision", server.FutureRevisionError),
    ("database space exceeded", server.NoSpaceError),
    ("requested lease not found", server.LeaseNotFoundError),
    ("lease already exists", server.LeaseExistsError),
    ("request is too large", server.RequestTooLargeError),
    ("too many operations in txn request", server.RequestTooLargeError),
    ("grpc: received message larger than max", server.RequestTooLargeError),  # the server's words
    ("Sent message larger than max", server.RequestTooLargeError),  # gRPC's own, as the next row's
    ("Received message larger than max", server.ResponseTooLargeError),
    ("too many requests", server.TooManyRequestsError),
    ("user name already exists", server.UserExistsError),
    ("user name not found", server.UserNotFoundError),
    ("role name already exists", server.RoleExistsError),
    ("role name not found", server.RoleNotFoundError),
    ("role is not granted to the user", server.RoleNotGrantedError),
    ("authentication failed, invalid user ID or password", server.AuthenticationFailedError),
    ("permission denied", server.PermissionDeniedError),
    ("invalid auth token", server.InvalidAuthTokenError),
    ("revision of auth store is old", server.InvalidAuthTokenError),
    ("revision in header is old", server.InvalidAuthTokenError),
    ("user name is empty", server.InvalidAuthTokenError),
    ("rpc not supported for learner", server.LearnerError),  # UNAVAILABLE before etcd 3.6, FAILED_PRECONDITION since
    ("not leader", server.NotLeaderError),
    ("no leader", server.NoLeaderError),
    ("not a primary lessor", server.NoLeaderError),
    ("leader changed", server.NoLeaderError),
    ("raft proposal dropped", server.NoLeaderError),  # raft's own words, with status UNKNOWN, as are the next row's
    ("raft: stopped", server.ConnectionFailedError),  # of a member that is being shut down
    ("unhealthy cluster", server.UnhealthyClusterError),
    ("request timed out", server.DeadlineExceededError),
    ("context deadline exceeded", server.DeadlineExceededError),  # of a member without peers, with status UNKNOWN
)

BY_CODE: dict[Code, type[EtcdError]] = {
    Code.UNAVAILABLE: server.ConnectionFailedError,
    Code.DEADLINE_EXCEEDED: server.DeadlineExceededError,
    Code.CANCELLED: server.DeadlineExceededError,  # how a server or a transport may report a deadline that has passed
    Code.UNAUTHENTICATED: server.InvalidAuthTokenError,
    Code.PERMISSION_DENIED: server.PermissionDeniedError,
    Code.FAILED_PRECONDITION: server.PreconditionError,
    Code.INTERNAL: server.InternalError,
}


def no_response(timeout: float, endpoint: str) -> server.DeadlineExceededError:
    """Return the error for a call without a response in so many seconds, shown with two digits."""
    return server.DeadlineExceededError(f"no response within {float(f'{timeout:.2g}'):g} s", endpoint=endpoint)


def error_of(code: Code, message: str, endpoint: str = "") -> EtcdError:
    """Return the error for a status from a server, or from gRPC itself."""
    by_message = (cls for text, cls in BY_MESSAGE if text in message)
    cls = next(by_message, None) or BY_CODE.get(code, EtcdError)
    return cls(message, code=code, endpoint=endpoint)
