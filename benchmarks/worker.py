"""A process with one client, so that CPU time and memory are that client's alone; its stdin says which jobs to run."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .clients import CLIENTS, OPTIONS, Place
from .load import Job, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

SOURCE = Path(__file__).parent / "go" / "main.go"
PACKAGES = "/usr/share/gocode"  # Debian's
MODULES = {"aetcd": "aetcd", "etcd3aio": "etcd3aio", "etcd-client-py": "etcd_client"}


class Worker:
    """Runs the other process."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def run(self, job: Job) -> dict[str, float]:
        """Run a job there, and return its costs by their units."""
        self._stdin.write(json.dumps(asdict(job)) + "\n")
        self._stdin.flush()
        line = self._stdout.readline()
        if not line:
            raise RuntimeError(f"the worker has ended, see its error above: {' '.join(map(str, self._command))}")
        costs: dict[str, float] = json.loads(line)
        return costs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stdin.close()
        self._process.wait()
        self._stdout.close()


def command(name: str, place: Place) -> list[str]:
    """Return the command that starts a worker with a client of Python."""
    return [sys.executable, "-m", __name__, name, *place]


def missing(name: str) -> str:
    """Return why a client of that name cannot be measured here, or nothing."""
    side = name.rpartition(" ")[0]
    if side in OPTIONS:
        return refused(OPTIONS[side])
    module = MODULES.get(side)
    return "" if module is None or find_spec(module) else f"{side} is not installed"


def refused(options: Mapping[str, Any]) -> str:
    """Return that this version does not accept such options, or nothing."""
    from etcd_factory import ClientOptions, ConfigError

    try:
        ClientOptions.of(options)
    except ConfigError:
        return f"this version has no {', '.join(f'{name}: {value}' for name, value in options.items())}"
    return ""


def build(folder: Path) -> tuple[Path, str]:
    """Build the worker in Go; returns its path, and why there is none."""
    program = folder / "go-worker"
    if shutil.which("go") is None:
        return program, "Go is not installed"
    env = os.environ | {"GO111MODULE": "off", "GOPATH": os.environ.get("GOPATH", PACKAGES)}
    built = subprocess.run(["go", "build", "-o", program, SOURCE], env=env, capture_output=True, text=True)
    return program, "" if built.returncode == 0 else f"go build failed: {' '.join(built.stderr.split())}"


async def main(name: str, host: str, ca: str) -> None:
    async with CLIENTS[name](Place(host, ca)) as calls:
        while line := await asyncio.to_thread(sys.stdin.readline):  # the client may have other work meanwhile
            print(json.dumps(await run(calls, Job(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
