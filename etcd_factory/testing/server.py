"""A real etcd server on the loopback address, for as long as the tests need it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from etcd_factory.compat import Self

from .binary import find_binary, version_of
from .errors import ServerError
from .flags import READY, clean_env, member_flags, no_fsync_flags
from .server_process import ServerProcess
from .tcp_ports import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etcd_factory.options.mappings import UnknownOptionOrWrongType

    from .tls import ServerTLS

READY_S = 30.0
# An idle server ends within milliseconds; one whose clients hold streams open would take its own 7 s.
GRACE_S = 3.0
PORT_TAKEN = "address already in use"
PORT_ATTEMPTS = 5
PORTS = "its ports are free ones, as endpoint says; 'etcd-factory serve --port 2379' runs an etcd on one of your choice"


class EtcdServer:
    """An etcd process with free ports and a temporary data directory.

    >>> with EtcdServer() as server:
    ...     server.etcdctl("put", "k", "v")
    'OK'

    Its data survives ``kill()``, ``restart()`` and the next ``start()``, and is removed by ``stop()`` and ``wipe()``.
    ``args`` are flags for etcd that override the ones set here.
    """

    _process: ServerProcess | None = None

    def __init__(
        self,
        *,
        binary: str | Path | None = None,
        tls: ServerTLS | None = None,
        args: Sequence[str] = (),
        name: str = "default",
        **unknown: UnknownOptionOrWrongType,
    ) -> None:
        if unknown:
            raise TypeError(unexpected(next(iter(unknown))))
        self.binary = Path(binary) if binary else find_binary()
        self.name, self.tls, self.args = name, tls, tuple(args)
        self._client_port, self._peer_port = free_ports(2, self)
        self._home: Path | None = None
        # Whether others know the ports: etcd has listened on them, or the cluster has announced them.
        self._ports_fixed = False
        self._cleanup = weakref.finalize(self, discard, None, None, os.getpid())

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
        """The endpoint for clients: ``127.0.0.1:port``."""
        return f"{HOST}:{self._client_port}"

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
        """The URL for other members; final only once it is ready."""
        return f"http://{HOST}:{self._peer_port}"

    @property
    def version(self) -> str:
        """The version of etcd, such as ``3.5.1``."""
        return version_of(self.binary)

    @property
    def data_dir(self) -> Path | None:
        """The directory with its data; None before the first start and after ``stop()``."""
        return self._home / "data" if self._home else None

    @property
    def running(self) -> bool:
        """Whether its process runs; a paused one counts as running."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process id of etcd itself; ``ServerError`` if it does not run."""
        return self._require_process().pid

    @property
    def log(self) -> str:
        """The last lines of its log."""
        return self._process.log if self._process else ""

    def start(self) -> Self:
        """Start it on the data that it has, and wait until it serves; does nothing if it runs.

        Raises ``ServerError`` with its last log lines if it ends or does not serve within 30 s.
        """
        return self if self.running else self.launch().await_ready()

    def launch(self) -> Self:
        """Start it without waiting: members of a new cluster become ready only together."""
        self._home = self._home or Path(tempfile.mkdtemp(prefix="etcd-factory-"))
        self._process = ServerProcess([str(self.binary), *self._flags()], clean_env(), READY)
        self._cleanup.detach()
        self._cleanup = weakref.finalize(self, discard, self._process, self._home, os.getpid())
        return self

    def await_ready(self) -> Self:
        """Wait until it serves.

        Raises ``ServerError`` with its last log lines if it ends or does not serve within 30 s.
        """
        for left in reversed(range(PORT_ATTEMPTS)):
            if self._is_ready(left):
                break
            self._client_port, self._peer_port = free_ports(2, self)
            self.launch()
        return self

    def stop(self) -> None:
        """Kill it and remove its data, for which no orderly end is needed; does nothing if it is stopped."""
        self.kill()
        self._cleanup()
        self._home = None

    def restart(self) -> Self:
        """Shut it down in order, and start it on the same ports and data."""
        self._terminate()
        return self.start()

    def kill(self) -> None:
        """Kill it, as a crash would; ``start()`` brings it back with its data."""
        if self._process:
            self._process.kill()

    def pause(self) -> None:
        """Stop the process with SIGSTOP: connections stay open and nothing answers."""
        self._require_process().pause()

    def resume(self) -> None:
        """Continue the process after ``pause()``."""
        self._require_process().resume()

    def wipe(self) -> None:
        """Remove its data, as the loss of a disk would; kills it first if it runs."""
        self.kill()
        if self.data_dir and self.data_dir.exists():
            shutil.rmtree(self.data_dir)

    def etcdctl(self, *args: str) -> str:
        """Run ``etcdctl`` with these arguments on this server and return its output.

        Raises ``ServerError`` with what it wrote to stderr if it fails.
        """
        flags = [f"--endpoints={self.url}", *(self.tls.client_flags() if self.tls else ())]
        done = subprocess.run(  # noqa: S603
            [self._etcdctl_path(), *flags, *args],
            env=clean_env() | {"ETCDCTL_API": "3"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServerError(f"etcdctl {' '.join(args[:2])} failed with code {done.returncode}", done.stderr)
        return done.stdout.rstrip("\n")

    def _etcdctl_path(self) -> Path:
        beside = self.binary.with_name("etcdctl")
        return beside if beside.is_file() else find_binary("etcdctl")

    def _require_process(self) -> ServerProcess:
        if self._process is None or not self._process.running:
            raise ServerError(f"the server {self.name} is not running: start() it first", self.log)
        return self._process

    def _terminate(self) -> None:
        if self._process:
            self._process.terminate(GRACE_S)

    def _is_ready(self, attempts_left: int) -> bool:
        """Whether it serves; false if another process took one of its ports first and there are attempts left."""
        assert self._process is not None, "launch() comes first"
        try:
            self._process.await_ready(READY_S)
        except ServerError as error:
            if attempts_left and not self._ports_fixed and PORT_TAKEN in error.log:
                return False
            self._give_up()
            raise
        self._ports_fixed = True
        return True

    def _give_up(self) -> None:
        # The data of a server that has served before may be worth a look.
        if self._ports_fixed:
            self.kill()
        else:
            self.stop()

    def _flags(self) -> list[str]:
        own = member_flags(self.name, f"{self._home}/data", self.url, self.peer_url)
        tls = self.tls.server_flags() if self.tls else []
        return [*own, *no_fsync_flags(self.binary), *tls, *self.args]


def unexpected(name: str) -> str:
    """Return the message for an argument that there is not."""
    advice = PORTS if "port" in name else "it takes binary, tls, args and name"
    return f"EtcdServer() got an unexpected keyword argument {name!r}; {advice}"


def discard(process: ServerProcess | None, home: Path | None, owner: int) -> None:
    """Kill and clean up when a server is stopped or garbage-collected, or at exit; not in a forked child."""
    if os.getpid() != owner:
        return
    if process:
        process.kill()
    if home:
        shutil.rmtree(home, ignore_errors=True)
