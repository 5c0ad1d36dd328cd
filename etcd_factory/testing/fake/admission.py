"""Who may call what while authentication is enabled (server/etcdserver/apply_auth.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from etcd_factory.wire import messages as m

from .leases import Leases
from .refusals import refused
from .spans import Span, span_of
from .txn import part_of
from .users import READ, WRITE, Users, all_of

Need = tuple[int, Span]  # what must be permitted: READ or WRITE, on which keys

FREE = {  # etcd does not look at the token
    "Auth.Authenticate",
    "Cluster.MemberList",
    "Lease.LeaseKeepAlive",
    "Lease.LeaseLeases",
    "Maintenance.Alarm",
    "Maintenance.Downgrade",
    "Maintenance.MoveLeader",
    "Maintenance.Status",
    "Watch.Watch",  # each watch is checked when it is created
}
LOOSE = {"KV.Compact", "Lease.LeaseGrant"}  # without a token too, but not with an unknown one


def read_needs(request: m.RangeRequest) -> Iterator[Need]:
    """Yield what a read needs."""
    yield READ, span_of(request.key, request.range_end)


def delete_needs(request: m.DeleteRangeRequest) -> Iterator[Need]:
    """Yield what a deletion needs."""
    span = span_of(request.key, request.range_end)
    yield WRITE, span
    if request.prev_kv:
        yield READ, span


class Admission:
    """Checks the token of each call."""

    def __init__(self, users: Users, leases: Leases) -> None:
        self._users, self._leases = users, leases
        self._needs: dict[str, Callable[[Any], Iterable[Need]]] = {
            "KV.Range": read_needs,
            "KV.Put": self._put_needs,
            "KV.DeleteRange": delete_needs,
            "KV.Txn": self._txn_needs,
            "Lease.LeaseRevoke": lambda request: self._lease_needs(WRITE, request.ID),
            "Lease.LeaseTimeToLive": lambda request: self._lease_needs(READ, request.ID) if request.keys else (),
        }

    def check(self, method: str, request: Any, token: str) -> None:
        """Raise etcd's refusal of a call that is not permitted."""
        if not self._users.enabled or method in FREE:
            return
        user = self._users.user_of(token)
        if method in LOOSE:
            return
        if not user:
            raise refused("user empty")
        if method in self._needs:
            self._require(user, self._needs[method](request))
        else:
            all_of([self._users.is_root(user) or self._is_own(method, request, user)])

    def check_watch(self, request: m.WatchCreateRequest, token: str) -> None:
        """Raise etcd's refusal of a watch."""
        if self._users.enabled:
            user = self._users.user_of(token)
            if not user:
                raise refused("user empty")
            self._require(user, [(READ, span_of(request.key or b"\0", request.range_end))])

    def _require(self, user: str, needs: Iterable[Need]) -> None:
        all_of(self._users.may(user, kind, span) for kind, span in needs)

    def _is_own(self, method: str, request: Any, user: str) -> bool:
        """Whether a user asks for itself, or for a role that it has."""
        if method == "Auth.UserGet":
            return bool(request.name == user)
        return method == "Auth.RoleGet" and self._users.has_role(user, request.role)

    def _put_needs(self, request: m.PutRequest) -> Iterator[Need]:
        span = span_of(request.key, b"")
        yield WRITE, span
        if request.prev_kv:
            yield READ, span
        yield from self._lease_needs(WRITE, request.lease)

    def _txn_needs(self, request: m.TxnRequest) -> Iterator[Need]:
        for compare in request.compare:
            yield READ, span_of(compare.key, compare.range_end)
        for kind, one in map(part_of, (*request.success, *request.failure)):
            yield from self._needs[OPERATIONS[kind]](one)

    def _lease_needs(self, kind: int, lease: int) -> Iterator[Need]:
        """Yield what a call needs that concerns all keys of a lease."""
        found = self._leases.get(lease)
        for key in found.keys if found else ():
            yield kind, span_of(key, b"")


OPERATIONS = {
    "request_range": "KV.Range",
    "request_put": "KV.Put",
    "request_delete_range": "KV.DeleteRange",
    "request_txn": "KV.Txn",
}
