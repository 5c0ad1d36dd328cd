"""One member of a test cluster, and the proxy between its peers and it."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any

from attrs import frozen

from etcd_factory.compat import Self

from .proxy import FaultProxy
from .server import EtcdServer
from .tcp_ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .proxy_link import Link
    from .tls import ServerTLS

# Faster than the defaults, by which a lost leader is noticed after 1 s, and a member can be added only after 5 s of
# unbroken connections.
FAST_ELECTION = ("--heartbeat-interval=50", "--election-timeout=500", "--strict-reconfig-check=false")

STATUS_S = 1.0  # seconds, within which a member on this machine says who it is


@frozen
class Status:
    """The ids of a member and of the leader that it follows; 0 if it follows none."""

    id: int
    leader: int


class PeerProxy(FaultProxy):
    """Forwards what peers send to a member, except for blocked peers."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._blocked: frozenset[bytes] = frozenset()

    def block(self, url: str) -> None:
        """Break connections of the member with this peer URL, each as soon as it says who it is."""
        self._blocked |= {peer_header(url)}
        self.reset()

    def unblock(self, url: str) -> None:
        """Forward what this member sends again."""
        self._blocked -= {peer_header(url)}

    def passes(self, link: Link, data: bytes, *, is_request: bool) -> bool:
        """For links: whether to forward the bytes."""
        if is_request and any(header in data for header in self._blocked):
            link.reset()
            return False
        return super().passes(link, data, is_request=is_request)


class Member(EtcdServer):
    """An ``EtcdServer`` that belongs to a cluster: if its data is lost, only ``EtcdCluster.replace`` restores it."""

    def __init__(self, name: str, *, binary: str | Path | None, tls: ServerTLS | None, args: Sequence[str]) -> None:
        super().__init__(name=name, binary=binary, tls=tls, args=args)
        # Others know the ports before it is started: only the cluster can change them.
        self._ports_fixed = True
        self._extra_args = tuple(args)
        self.peer_proxy = PeerProxy(f"{HOST}:{self._peer_port}")
        self.is_paused = False

    @property
    def peer_url(self) -> str:
        """The URL for other members: that of its proxy."""
        return f"http://{self.peer_proxy.endpoint}"

    @property
    def is_empty(self) -> bool:
        """Whether it has no data, or lost it."""
        # A start that the others refuse leaves files too, but no write-ahead log.
        return self.data_dir is None or not any(self.data_dir.glob("member/wal/*.wal"))

    def join(self, members: Iterable[EtcdServer], state: str) -> None:
        """Make its next start join these members: as a ``new`` cluster, or an ``existing`` one that expects it."""
        cluster = ",".join(f"{member.name}={member.peer_url}" for member in members)
        own = (f"--listen-peer-urls=http://{self.peer_proxy.target}", f"--initial-cluster={cluster}")
        self.args = (*FAST_ELECTION, *own, f"--initial-cluster-state={state}", *self._extra_args)

    def launch(self) -> Self:
        """Start it without waiting."""
        self.is_paused = False
        return super().launch()

    def pause(self) -> None:
        """Stop the process with SIGSTOP: connections stay open and nothing answers."""
        super().pause()
        self.is_paused = True

    def resume(self) -> None:
        """Continue the process after ``pause()``."""
        super().resume()
        self.is_paused = False

    def status(self) -> Status | None:
        """Return its own id and its leader's; None if it does not answer within 1 s."""
        if self.is_paused or not self.running:
            return None
        reply = self._ask("/v3/maintenance/status")
        return Status(int(reply["header"]["member_id"]), int(reply.get("leader", 0))) if "header" in reply else None

    def _ask(self, path: str) -> dict[str, Any]:
        """Return what etcd's JSON gateway answers; empty if it does not.

        Who waits for a leader asks often: starting an etcdctl each time would take longer than the election.
        """
        with closing(self._connection()) as connection:
            try:
                connection.request("POST", path, "{}")
                reply: dict[str, Any] = json.load(connection.getresponse())
            except (OSError, HTTPException):
                return {}
        return reply

    def _connection(self) -> HTTPConnection:
        if self.tls:
            return HTTPSConnection(self.endpoint, timeout=STATUS_S, context=self.tls.client_context())
        return HTTPConnection(self.endpoint, timeout=STATUS_S)


def peer_header(url: str) -> bytes:
    """Return what identifies requests of the member with this peer URL: the end of the header X-PeerURLs."""
    return f"{url}\r\n".encode()
