"""A cluster of real etcd servers on the loopback address, to lose members of."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from typing_extensions import Self

from .errors import ServerError
from .member import Member
from .server import CLASH, CLASHES, READY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .tls import ServerTLS

POLL_S = 0.02


class EtcdCluster:
    """So many etcd processes that are one cluster, with free ports and temporary data directories.

    >>> with EtcdCluster() as cluster:  # doctest: +SKIP
    ...     cluster.leader.kill()
    ...     cluster.leader.etcdctl("put", "k", "v")
    'OK'

    Each of its members can be killed, stopped, paused, resumed, restarted and wiped, as an ``EtcdServer``. ``tls`` is
    what clients are served with, ``args`` are flags for every member that win over the ones set here.
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
        self._settled = False
        self.members = self._made()

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
        """Where clients reach the first member."""
        return self.members[0].endpoint

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where clients reach the members, as the ``hosts`` of a client."""
        return tuple(member.endpoint for member in self.members)

    @property
    def leader(self) -> Member:
        """The member that most of them follow; where there is none it is waited for, at most 30 s."""
        return self._followed(self._size // 2 + 1)

    def start(self) -> Self:
        """Start what does not run, on the data it has, and wait until all serve and follow one leader.

        Members without data are replaced, unless none has any: then it is a new cluster.
        """
        for member in self.members:
            member.link.start()
        if all(member.is_empty for member in self.members):
            self._found()
        else:
            self._complete()
        self._followed(self._size)
        return self

    def stop(self) -> None:
        """End all members and remove their data; nothing if that has been done."""
        for member in self.members:
            member.kill()  # asked to end, a leader would first look for another one
        for member in self.members:
            member.stop()
            member.link.close()

    def replace(self, index: int) -> Member:
        """Put a member with no data in the place of this one, which it ends first; the others must be a majority."""
        member = self.members[index]
        member.stop()
        voice = self.leader
        for known in json.loads(voice.etcdctl("member", "list", "--write-out=json"))["members"]:
            if member.peer_url in known["peerURLs"]:
                voice.etcdctl("member", "remove", f"{known['ID']:x}")
        voice.etcdctl("member", "add", member.name, f"--peer-urls={member.peer_url}")
        member.join(self.members, "existing")
        member.start()
        return member

    def partition(self, index: int) -> None:
        """Cut the member off from the others; clients still reach it."""
        apart = self.members[index]
        apart.link.cut()
        for other in self.members:
            if other is not apart:
                other.link.bar(apart.peer_url)

    def heal(self, index: int | None = None) -> None:
        """Bring a member that was cut off back together with the others; by default all of them."""
        for apart in self.members if index is None else [self.members[index]]:
            for other in self.members:
                other.link.admit(apart.peer_url)
            apart.link.heal()

    def restore(self) -> Self:
        """Undo whatever was done to members: all are together, go on, run and follow one leader.

        Data stay unless the cluster lost most of them; then it begins anew.
        """
        if sum(member.is_empty for member in self.members) > (self._size - 1) // 2:
            self.stop()
            return self.start()
        for member in self.members:
            if member.is_paused and member.running:
                member.resume()
        self.heal()
        return self.start()

    def _made(self) -> list[Member]:
        names = (f"member{number}" for number in range(self._size))
        return [Member(name, binary=self._binary, tls=self._tls, args=self._args) for name in names]

    def _found(self) -> None:
        """Start a new cluster; with other ports if another process took one before they first could be used."""
        for left in reversed(range(CLASHES)):
            for member in self.members:
                member.join(self.members, "new")
            try:
                self._launch(self.members)
                break
            except ServerError as error:
                self.stop()
                if not left or self._settled or CLASH not in error.log:
                    raise
            self.members = self._made()
            for member in self.members:
                member.link.start()
        self._settled = True

    def _complete(self) -> None:
        self._launch([member for member in self.members if not member.running and not member.is_empty])
        for index, member in enumerate(self.members):
            if member.is_empty:
                self.replace(index)

    def _launch(self, members: Sequence[Member]) -> None:
        """Start them and wait until they serve; the first one that can't ends it for all of them."""
        if not members:
            return
        with ThreadPoolExecutor(len(members)) as pool:
            waits = [pool.submit(member.await_ready) for member in [one.launch() for one in members]]
            errors = [done.exception() for done in wait(waits, return_when=FIRST_EXCEPTION).done]
            failed = [error for error in errors if error]
            for member in members if failed else ():
                member.kill()
        for error in failed:
            raise error

    def _followed(self, votes: int) -> Member:
        """The leader that so many members follow."""
        end = time.monotonic() + READY_S
        while (found := self._elected(votes)) is None:
            if time.monotonic() > end:
                raise ServerError(f"no leader that {votes} of {self._size} members follow within {READY_S:g} s")
            time.sleep(POLL_S)
        return found

    def _elected(self, votes: int) -> Member | None:
        answers = [(member, status) for member in self.members if (status := member.status())]
        followed = Counter(status.leader for _, status in answers)
        return next((member for member, status in answers if followed[status.id] >= votes), None)
