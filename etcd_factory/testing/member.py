"""One member of a cluster for tests, and the proxy between its peers and it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen
from typing_extensions import Self

from .errors import ServerError
from .ports import HOST
from .proxy import FaultProxy
from .server import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .proxy_link import Link
    from .tls import ServerTLS

# A leader is missed, and a member taken in, sooner than by default: after 1 s, and after 5 s of unbroken connections.
EAGER = ("--heartbeat-interval=50", "--election-timeout=500", "--strict-reconfig-check=false")


@frozen
class Status:
    """Ids of a member and of the leader that it follows; 0 is none."""

    id: int
    leader: int


class PeerProxy(FaultProxy):
    """Passes what peers send to a member, but for those that are barred."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._barred: frozenset[bytes] = frozenset()

    def bar(self, url: str) -> None:
        """Break the connections of the member with this peer URL, each as soon as it tells where it comes from."""
        self._barred |= {mark(url)}
        self.reset()

    def admit(self, url: str) -> None:
        """Let it through again."""
        self._barred -= {mark(url)}

    def passes(self, link: Link, data: bytes, *, is_request: bool) -> bool:
        """For links: whether bytes go on."""
        if is_request and any(one in data for one in self._barred):
            link.reset()
            return False
        return super().passes(link, data, is_request=is_request)


class Member(EtcdServer):
    """An ``EtcdServer`` whose data are a cluster's: once lost, only ``EtcdCluster.replace`` brings it back."""

    def __init__(self, name: str, *, binary: str | Path | None, tls: ServerTLS | None, args: Sequence[str]) -> None:
        super().__init__(name=name, binary=binary, tls=tls, args=args)
        # Others know the ports before it is started: only the cluster can exchange them.
        self._settled = True
        self._given = tuple(args)
        self.link = PeerProxy(f"{HOST}:{self._peer}")
        self.is_paused = False

    @property
    def peer_url(self) -> str:
        """Where other members reach it: at its proxy."""
        return f"http://{self.link.endpoint}"

    @property
    def is_empty(self) -> bool:
        """Whether it has no data, or no longer."""
        # A start that the others refuse leaves files too, but no log.
        return self._home is None or not any(self._home.glob("data/member/wal/*.wal"))

    def join(self, members: Iterable[EtcdServer], state: str) -> None:
        """Let its next start be in the cluster of these: a ``new`` one, or an ``existing`` one that expects it."""
        cluster = ",".join(f"{one.name}={one.peer_url}" for one in members)
        own = (f"--listen-peer-urls=http://{self.link.target}", f"--initial-cluster={cluster}")
        self.args = (*EAGER, *own, f"--initial-cluster-state={state}", *self._given)

    def launch(self) -> Self:
        """Start it without waiting."""
        self.is_paused = False
        return super().launch()

    def pause(self) -> None:
        """Stop the process where it stands: connections stay open and nothing answers."""
        super().pause()
        self.is_paused = True

    def resume(self) -> None:
        """Let it go on after ``pause()``."""
        super().resume()
        self.is_paused = False

    def status(self) -> Status | None:
        """What it says of itself; None where it does not answer."""
        if self.is_paused or not self.running:
            return None
        try:
            answer = self.etcdctl("--command-timeout=1s", "endpoint", "status", "--write-out=json")
        except ServerError:
            return None
        told = json.loads(answer)[0]["Status"]
        return Status(told["header"]["member_id"], told.get("leader", 0))


def mark(url: str) -> bytes:
    """How a request of the member with this peer URL is known: by the end of its header X-PeerURLs."""
    return f"{url}\r\n".encode()
