"""A real etcd server of one's own, on the loopback address, for as long as the tests need it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import Self

from .binary import find_binary, version_of
from .errors import ServerError
from .flags import READY, clean_env, member, quick
from .ports import HOST, free_ports
from .process import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tls import ServerTLS

READY_S = 30.0
# An idle server ends within milliseconds; one whose clients hold streams open would take its own 7 s.
GRACE_S = 3.0
CLASH = "address already in use"
CLASHES = 5


class EtcdServer:
    """An etcd process with free ports and a temporary data directory.

    >>> with EtcdServer() as server:
    ...     server.etcdctl("put", "k", "v")
    'OK'

    Its data lives until ``stop()``: through ``kill()``, ``restart()`` and ``start()`` after these, but not ``wipe()``.
    ``args`` are flags for etcd that win over the ones set here.
    """

    _process: Process | None = None

    def __init__(
        self,
        *,
        binary: str | Path | None = None,
        tls: ServerTLS | None = None,
        args: Sequence[str] = (),
        name: str = "default",
    ) -> None:
        self.binary = Path(binary) if binary else find_binary()
        self.name, self.tls, self.args = name, tls, tuple(args)
        self._client, self._peer = free_ports(2)
        self._home: Path | None = None
        # Whether etcd has once listened on the ports, so that they are known to others.
        self._settled = False
        self._guard = weakref.finalize(self, discard, None, None, os.getpid())

    def __repr__(self) -> str:
        state = f"pid {self.pid}" if self.running else "not running"
        return f"<EtcdServer {self.name} at {self.endpoint}, {state}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __del__(self) -> None:
        if self.running:
            warnings.warn(f"{self!r} was never stopped", ResourceWarning, stacklevel=2, source=self)

    @property
    def endpoint(self) -> str:
        """Where clients reach it: ``127.0.0.1:port``."""
        return f"{HOST}:{self._client}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The one endpoint, as the ``hosts`` of a client."""
        return (self.endpoint,)

    @property
    def url(self) -> str:
        """The endpoint with its scheme."""
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"

    @property
    def peer_url(self) -> str:
        """Where other members reach it; settled only once it is ready."""
        return f"http://{HOST}:{self._peer}"

    @property
    def version(self) -> str:
        """The version of etcd, such as ``3.5.1``."""
        return version_of(self.binary)

    @property
    def running(self) -> bool:
        """Whether there is a process, paused or not."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process id of etcd itself."""
        return self._live().pid

    @property
    def log(self) -> str:
        """The last lines that it wrote."""
        return self._process.log if self._process else ""

    def start(self) -> Self:
        """Start it and wait until it serves; nothing if it runs. On the data it has, if any."""
        return self if self.running else self.launch().await_ready()

    def launch(self) -> Self:
        """Start it without waiting: members of a new cluster become ready only together."""
        self._home = self._home or Path(tempfile.mkdtemp(prefix="etcd-factory-"))
        self._process = Process([str(self.binary), *self._flags()], clean_env(), READY)
        self._guard.detach()
        self._guard = weakref.finalize(self, discard, self._process, self._home, os.getpid())
        return self

    def await_ready(self) -> Self:
        """Wait until it serves; ``ServerError`` with its last words if it ends or takes longer than 30 s."""
        for left in reversed(range(CLASHES)):
            if self._ready(left):
                break
            self._client, self._peer = free_ports(2)
            self.launch()
        return self

    def stop(self) -> None:
        """End it and remove its data; nothing if that has been done."""
        self._halt()
        self._guard()
        self._home = None

    def restart(self) -> Self:
        """End it in order, and start it on the same ports and data."""
        self._halt()
        return self.start()

    def kill(self) -> None:
        """End it as a crash would; ``start()`` brings it back with its data."""
        if self._process:
            self._process.kill()

    def pause(self) -> None:
        """Stop the process where it stands: connections stay open and nothing answers."""
        self._live().pause()

    def resume(self) -> None:
        """Let it go on after ``pause()``."""
        self._live().resume()

    def wipe(self) -> None:
        """Remove its data, as a lost disk would, killing it first if it runs."""
        self.kill()
        if self._home and (data := self._home / "data").exists():
            shutil.rmtree(data)

    def etcdctl(self, *args: str) -> str:
        """What ``etcdctl`` with these arguments prints, run on this server."""
        flags = [f"--endpoints={self.url}", *(self.tls.client_flags() if self.tls else ())]
        done = subprocess.run(  # noqa: S603
            [self._tool(), *flags, *args],
            env=clean_env() | {"ETCDCTL_API": "3"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServerError(f"etcdctl {' '.join(args[:2])} failed with code {done.returncode}", done.stderr)
        return done.stdout.rstrip("\n")

    def _tool(self) -> Path:
        beside = self.binary.with_name("etcdctl")
        return beside if beside.is_file() else find_binary("etcdctl")

    def _live(self) -> Process:
        if self._process is None or not self._process.running:
            raise ServerError(f"the server {self.name} is not running: start() it first", self.log)
        return self._process

    def _halt(self) -> None:
        if self._process:
            self._process.end(GRACE_S)

    def _ready(self, left: int) -> bool:
        """Whether it serves; false if another process took a port before it first could, with attempts left."""
        assert self._process is not None, "launch() comes first"
        try:
            self._process.await_ready(READY_S)
        except ServerError as error:
            if left and not self._settled and CLASH in error.log:
                return False
            self._give_up()
            raise
        self._settled = True
        return True

    def _give_up(self) -> None:
        # The data of a server that has once served may be worth a look.
        if self._settled:
            self.kill()
        else:
            self.stop()

    def _flags(self) -> list[str]:
        where = member(self.name, f"{self._home}/data", self.url, self.peer_url)
        tls = self.tls.server_flags() if self.tls else []
        return [*where, *quick(self.binary), *tls, *self.args]


def discard(process: Process | None, home: Path | None, owner: int) -> None:
    """What is left to do when a server is stopped, forgotten, or the interpreter ends; not in a forked child."""
    if os.getpid() != owner:
        return
    if process:
        process.kill()
    if home:
        shutil.rmtree(home, ignore_errors=True)
