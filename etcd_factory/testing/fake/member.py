"""What a fake etcd answers to each method."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, TypeVar

from etcd_factory.errors import Code, error_of
from etcd_factory.wire import messages as m

from . import cluster, users
from .admission import Admission
from .cluster import CLUSTER, CORRUPT, ID, NOSPACE, Alarms, Cluster
from .leases import Leases
from .ranges import check_range, read_range
from .refusals import refused, unimplemented
from .spans import span_of
from .store import OVERHEAD, Store
from .txn import Applier, check_delete, check_overlaps, check_put, check_txn, part_of
from .users import Users
from .watches import WatchStream

T = TypeVar("T")

VERSION = "3.5.16"  # whose behavior it has
LARGEST = 3 << 19  # bytes of a request, 1.5 MiB
LARGEST_MESSAGE = 4 << 19  # what its gRPC takes
TERM = 2  # of raft, in which the first leader of a new cluster is elected


class Member:
    """A store with leases, watches, users and alarms; whoever calls it holds the fake's lock."""

    def __init__(self, now: Callable[[], float], client_url: str, quota: int) -> None:
        self.now, self._quota = now, quota
        self.store, self.leases, self.users = Store(), Leases(now), Users()
        self.cluster, self.alarms = Cluster(client_url), Alarms()
        self.admission = Admission(self.users, self.leases)
        self.streams: set[WatchStream] = set()
        self._applied, self._notified = 0, self.store.revision
        self._handlers: dict[str, Callable[[Any], Any]] = {
            **bound(OWN, self),
            **bound(users.METHODS, self.users),
            **bound(cluster.METHODS, self.cluster),
            "Maintenance.Alarm": self.alarms.answer,
        }

    @property
    def methods(self) -> set[str]:
        """The names of the methods that are answered, apart from streams."""
        return {*self._handlers}

    def answer(self, method: str, request: Any, token: str) -> Any:
        """Return the response to a request."""
        if method not in self._handlers:
            raise unimplemented(method)
        check_size(request)
        if method in CHECKS:
            CHECKS[method](request)
        self.admission.check(method, request, token)
        try:
            reply = self._handlers[method](request)
        finally:
            self.notify()
        self._fill(reply.header)
        return reply

    def watch(self, send: Callable[[m.WatchResponse], None], token: str) -> WatchStream:
        """Return the server's side of a new stream of watches."""
        stream = WatchStream(self, send, lambda request: self.admission.check_watch(request, token))
        self.streams.add(stream)
        return stream

    def notify(self) -> None:
        """Send what has changed to all watches."""
        for revision, changes in self.store.changes(self._notified + 1):
            self._notified, self._applied = revision, self._applied + 1
            for stream in self.streams:
                stream.notify(revision, changes)

    def expire(self) -> None:
        """End the leases whose time is over."""
        for lease in self.leases.expired():
            self._end(lease)
            self.notify()

    def report(self, interval: float) -> None:
        """Send the revision to watches that want it and were sent nothing for so many seconds."""
        for stream in self.streams:
            stream.report(interval)

    def next_report(self, interval: float) -> float:
        """Return when the next watch is due for such a report."""
        return min((stream.next_report(interval) for stream in tuple(self.streams)), default=inf)

    def restart(self) -> None:
        """Do what a restart does: all leases begin again, and no token is known."""
        self.leases.renew_all()
        self.users.forget_tokens()

    def header(self, revision: int | None = None) -> m.ResponseHeader:
        """Return the header of a response, by default with the current revision."""
        at = self.store.revision if revision is None else revision
        return m.ResponseHeader(cluster_id=CLUSTER, member_id=ID, raft_term=TERM, revision=at)

    def _fill(self, header: m.ResponseHeader) -> None:
        header.cluster_id, header.member_id, header.raft_term = CLUSTER, ID, TERM
        header.revision = header.revision or self.store.revision

    # --- keys

    def answer_range(self, request: m.RangeRequest) -> m.RangeResponse:
        """Return the response to a read."""
        self.store.check(request.revision)
        return read_range(self.store, request)

    def answer_put(self, request: m.PutRequest) -> m.PutResponse:
        """Put a key."""
        self._require_space(cost_of(request))
        if request.lease:  # first; in a transaction etcd looks for the key first
            self.leases.require(request.lease)
        writer = self.store.write()
        applier = Applier(writer, self.leases)
        applier.check_put(request)
        reply = applier.put(request)
        writer.commit()
        return reply

    def answer_delete(self, request: m.DeleteRangeRequest) -> m.DeleteRangeResponse:
        """Delete a range."""
        self._require_health()
        writer = self.store.write()
        reply = Applier(writer, self.leases).delete(request)
        writer.commit()
        return reply

    def answer_txn(self, request: m.TxnRequest) -> m.TxnResponse:
        """Run a transaction."""
        if is_write(request):
            self._require_space(cost_of_txn(request))
        writer = self.store.write()
        reply = Applier(writer, self.leases).run(request)
        writer.commit()
        return reply

    def answer_compact(self, request: m.CompactionRequest) -> m.CompactionResponse:
        """Remove old revisions."""
        self._require_health()
        self.store.compact(request.revision)
        return m.CompactionResponse()

    # --- leases

    def answer_grant(self, request: m.LeaseGrantRequest) -> m.LeaseGrantResponse:
        """Grant a lease."""
        self._require_space(0)
        lease = self.leases.grant(request.ID, request.TTL)
        return m.LeaseGrantResponse(ID=lease.id, TTL=lease.ttl)

    def answer_revoke(self, request: m.LeaseRevokeRequest) -> m.LeaseRevokeResponse:
        """End a lease, and delete its keys."""
        self._require_health()
        self._end(request.ID)
        return m.LeaseRevokeResponse()

    def _end(self, lease: int) -> None:
        writer = self.store.write()
        for key in self.leases.remove(lease):
            writer.delete(span_of(key, b""))
        writer.commit()

    def answer_keep_alive(self, request: m.LeaseKeepAliveRequest) -> m.LeaseKeepAliveResponse:
        """Renew a lease; its ttl is 0 if there is none."""
        return m.LeaseKeepAliveResponse(ID=request.ID, TTL=self.leases.renew(request.ID))

    def answer_time_to_live(self, request: m.LeaseTimeToLiveRequest) -> m.LeaseTimeToLiveResponse:
        """Return the time that a lease has, -1 if there is none."""
        lease = self.leases.get(request.ID)
        if lease is None:
            return m.LeaseTimeToLiveResponse(ID=request.ID, TTL=-1)
        keys = sorted(lease.keys) if request.keys else ()
        left = self.leases.left(lease)
        return m.LeaseTimeToLiveResponse(ID=lease.id, TTL=left, grantedTTL=lease.ttl, keys=keys)

    def answer_leases(self, _request: m.LeaseLeasesRequest) -> m.LeaseLeasesResponse:
        """Return the ids of all leases."""
        return m.LeaseLeasesResponse(leases=[{"ID": id} for id in self.leases.ids()])  # noqa: A001

    # --- maintenance

    def answer_status(self, _request: m.StatusRequest) -> m.StatusResponse:
        """Return the state of the member."""
        index = self._applied + TERM
        return m.StatusResponse(
            version=VERSION,
            dbSize=self.store.allocated,
            dbSizeInUse=self.store.in_use,
            leader=ID,
            raftIndex=index,
            raftTerm=TERM,
            raftAppliedIndex=index,
            errors=self.alarms.errors(),
        )

    def answer_defragment(self, _request: m.DefragmentRequest) -> m.DefragmentResponse:
        """Give unused space back."""
        self.store.defragment()
        return m.DefragmentResponse()

    def answer_hash(self, _request: m.HashRequest) -> m.HashResponse:
        """Return a checksum of all there is."""
        state = f"{self.store.hash()} {self.leases.ids()} {self.users.revision}"
        return m.HashResponse(hash=zlib.crc32(state.encode()))

    def answer_hash_kv(self, request: m.HashKVRequest) -> m.HashKVResponse:
        """Return a checksum of the store at a revision."""
        self.store.check(request.revision)
        return m.HashKVResponse(hash=self.store.hash(request.revision), compact_revision=self.store.compacted)

    def _require_space(self, cost: int) -> None:
        """Raise etcd's refusal of a write for which there is no space."""
        self._require_health()
        if self._quota and self.store.allocated + cost > self._quota:
            self.alarms.activate(NOSPACE)
        if NOSPACE in self.alarms:
            raise refused("no space")

    def _require_health(self) -> None:
        if CORRUPT in self.alarms:
            raise refused("corrupt")


OWN: dict[str, Callable[[Member, Any], Any]] = {
    "KV.Range": Member.answer_range,
    "KV.Put": Member.answer_put,
    "KV.DeleteRange": Member.answer_delete,
    "KV.Txn": Member.answer_txn,
    "KV.Compact": Member.answer_compact,
    "Lease.LeaseGrant": Member.answer_grant,
    "Lease.LeaseRevoke": Member.answer_revoke,
    "Lease.LeaseKeepAlive": Member.answer_keep_alive,
    "Lease.LeaseTimeToLive": Member.answer_time_to_live,
    "Lease.LeaseLeases": Member.answer_leases,
    "Maintenance.Status": Member.answer_status,
    "Maintenance.Defragment": Member.answer_defragment,
    "Maintenance.Hash": Member.answer_hash,
    "Maintenance.HashKV": Member.answer_hash_kv,
}


def bound(table: dict[str, Callable[[T, Any], Any]], owner: T) -> dict[str, Callable[[Any], Any]]:
    """Return the methods of a table, of one object."""
    return {name: partial(method, owner) for name, method in table.items()}


def check_transaction(request: m.TxnRequest) -> None:
    """Raise etcd's refusal of an invalid transaction."""
    check_txn(request)
    check_overlaps(request.success)
    check_overlaps(request.failure)


CHECKS: dict[str, Callable[[Any], None]] = {
    "KV.Range": check_range,
    "KV.Put": check_put,
    "KV.DeleteRange": check_delete,
    "KV.Txn": check_transaction,
}


def check_size(request: m.Message) -> None:
    """Raise the refusal of a message that is too large, gRPC's or etcd's own."""
    size = request.ByteSize()
    if size > LARGEST_MESSAGE:
        text = f"grpc: received message larger than max ({size} vs. {LARGEST_MESSAGE})"
        raise error_of(Code.RESOURCE_EXHAUSTED, text)
    if size > LARGEST:
        raise refused("too large")


def is_write(request: m.TxnRequest) -> bool:
    """Whether a transaction may change something."""
    parts = map(part_of, (*request.success, *request.failure))
    return any(is_write(one) if kind == "request_txn" else kind != "request_range" for kind, one in parts)


def cost_of(request: m.PutRequest) -> int:
    """Return the bytes that a put takes at most."""
    return OVERHEAD + len(request.key) + len(request.value)


def cost_of_txn(request: m.TxnRequest) -> int:
    """Return the bytes that the larger branch of a transaction puts."""
    return max(sum(map(cost_of_part, branch)) for branch in (request.success, request.failure))


def cost_of_part(operation: m.RequestOp) -> int:
    """Return the bytes that an operation puts."""
    kind, one = part_of(operation)
    if kind == "request_txn":
        return cost_of_txn(one)
    return cost_of(one) if kind == "request_put" else 0
