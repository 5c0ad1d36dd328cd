"""A cluster of real etcd servers on the loopback address, whose members can fail."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from etcd_factory.compat import Self

from .errors import ServerError
from .member import Member
from .server import PORT_ATTEMPTS, PORT_TAKEN, READY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .tls import ServerTLS

POLL_S = 0.02


class EtcdCluster:
    """``size`` etcd processes that form one cluster, with free ports and temporary data directories.

    >>> with EtcdCluster() as cluster:  # doctest: +SKIP
    ...     cluster.leader.kill()
    ...     cluster.leader.etcdctl("put", "k", "v")
    'OK'

    Each member can be killed, stopped, paused, resumed, restarted and wiped like an ``EtcdServer``. Clients are served
    with ``tls``; ``args`` are flags for every member that override the ones set here. Raises ``ValueError`` for a
    ``size`` below 1.
    """

    def __init__(
        self,
        size: int = 3,
        *,
        binary: str | Path | None = None,
        tls: ServerTLS | None = None,
        args: Sequence[str] = (),
    ) -> None:
        if size < 1:
            raise ValueError(f"a cluster has at least one member, not {size}")
        self._size, self._binary, self._tls, self._args = size, binary, tls, args
        # Whether the cluster has served on its ports, so that clients may know them.
        self._ports_fixed = False
        self.members = self._new_members()

    def __repr__(self) -> str:
        return f"<EtcdCluster of {', '.join(map(repr, self.members))}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __getitem__(self, index: int) -> Member:
        return self.members[index]

    @property
    def endpoint(self) -> str:
        """The first member's endpoint."""
        return self.members[0].endpoint

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints of all members, as the ``hosts`` of a client."""
        return tuple(member.endpoint for member in self.members)

    @property
    def leader(self) -> Member:
        """The member that a majority follows; waits for an election, at most 30 s."""
        return self._wait_for_leader(self._size // 2 + 1)

    def start(self) -> Self:
        """Start the members that do not run, on the data they have; wait until all serve and follow one leader.

        Replaces members without data, unless none has any: then it is a new cluster. Raises ``ServerError`` if a
        member ends or does not serve within 30 s.
        """
        for member in self.members:
            member.peer_proxy.start()
        if all(member.is_empty for member in self.members):
            self._start_new()
        else:
            self._start_existing()
        self._wait_for_leader(self._size)
        return self

    def stop(self) -> None:
        """End all members and remove their data; does nothing if it is stopped."""
        for member in self.members:
            member.stop()
            member.peer_proxy.close()

    def replace(self, index: int) -> Member:
        """End this member and put one without data in its place; the others must be a majority."""
        member = self.members[index]
        member.stop()
        leader = self.leader
        for known in json.loads(leader.etcdctl("member", "list", "--write-out=json"))["members"]:
            if member.peer_url in known["peerURLs"]:
                leader.etcdctl("member", "remove", f"{known['ID']:x}")
        leader.etcdctl("member", "add", member.name, f"--peer-urls={member.peer_url}")
        member.join(self.members, "existing")
        member.start()
        return member

    def partition(self, index: int) -> None:
        """Cut the member off from the others; clients still reach it."""
        isolated = self.members[index]
        isolated.peer_proxy.cut()
        for other in self.members:
            if other is not isolated:
                other.peer_proxy.block(isolated.peer_url)

    def heal(self, index: int | None = None) -> None:
        """Reconnect a member after ``partition``; by default all of them."""
        for isolated in self.members if index is None else [self.members[index]]:
            for other in self.members:
                other.peer_proxy.unblock(isolated.peer_url)
            isolated.peer_proxy.heal()

    def restore(self) -> Self:
        """Undo whatever was done to members: all are connected, resumed, running and follow one leader.

        Data is kept unless the cluster lost most of it; then it restarts empty.
        """
        if sum(member.is_empty for member in self.members) > (self._size - 1) // 2:
            self.stop()
            return self.start()
        for member in self.members:
            if member.is_paused and member.running:
                member.resume()
        self.heal()
        return self.start()

    def _new_members(self) -> list[Member]:
        names = (f"member{number}" for number in range(self._size))
        return [Member(name, binary=self._binary, tls=self._tls, args=self._args) for name in names]

    def _start_new(self) -> None:
        """Start a new cluster, on other ports if another process took one before it was first used."""
        for left in reversed(range(PORT_ATTEMPTS)):
            for member in self.members:
                member.join(self.members, "new")
            try:
                self._launch(self.members)
                break
            except ServerError as error:
                self.stop()
                if not left or self._ports_fixed or PORT_TAKEN not in error.log:
                    raise
            self.members = self._new_members()
            for member in self.members:
                member.peer_proxy.start()
        self._ports_fixed = True

    def _start_existing(self) -> None:
        self._launch([member for member in self.members if not member.running and not member.is_empty])
        for index, member in enumerate(self.members):
            if member.is_empty:
                self.replace(index)

    def _launch(self, members: Sequence[Member]) -> None:
        """Start them and wait until they serve; the first failure ends them all."""
        if not members:
            return
        with ThreadPoolExecutor(len(members)) as pool:
            launched = [member.launch() for member in members]
            waits = [pool.submit(member.await_ready) for member in launched]
            errors = [done.exception() for done in wait(waits, return_when=FIRST_EXCEPTION).done]
            failed = [error for error in errors if error]
            for member in members if failed else ():
                member.kill()
        for error in failed:
            raise error

    def _wait_for_leader(self, followers: int) -> Member:
        """Return the leader as soon as ``followers`` members follow it."""
        deadline = time.monotonic() + READY_S
        while (leader := self._find_leader(followers)) is None:
            if time.monotonic() > deadline:
                raise ServerError(f"no leader that {followers} of {self._size} members follow within {READY_S:g} s")
            time.sleep(POLL_S)
        return leader

    def _find_leader(self, followers: int) -> Member | None:
        answers = [(member, status) for member in self.members if (status := member.status())]
        counts = Counter(status.leader for _, status in answers)
        return next((member for member, status in answers if counts[status.id] >= followers), None)
