"""The sides that are compared: each an interpreter with packages, and a conftest that defines ``etcd3.client``."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
ERA = HERE / "era.txt"
SHOWN = ("etcd3", "protobuf", "grpcio", "tenacity", "pytest", "hypothesis", "mock")
ASK = """
import importlib.metadata, platform, sys
print("Python", platform.python_version(), *(f"{name} {importlib.metadata.version(name)}" for name in sys.argv[1:]))
"""
# The older tenacity needs what Python 3.11 removed; etcd-factory needs 3.10.
NEEDED = (3, 10)


@dataclass(frozen=True)
class Side:
    """An interpreter that runs the tests, and the name of their conftest."""

    python: str
    conftest: str
    first: str = ""  # a folder that is searched for packages before all others

    @property
    def paths(self) -> dict[str, str]:
        """The environment in which its packages are found."""
        return {"PYTHONPATH": self.first}

    def versions(self) -> str:
        """Return the versions of Python and of the packages that matter."""
        command, env = [self.python, "-c", ASK, *SHOWN], os.environ | self.paths
        return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def plain(home: Path) -> Side:
    """Return python-etcd3 by itself, with the packages of its time."""
    if sys.version_info[:2] != NEEDED:
        raise SystemExit("tests.peer needs Python 3.10, the only one that both sides run on")
    venv.create(home, with_pip=True)
    side = Side(str(home / "bin" / "python"), "plain")
    install(side.python, "-r", str(ERA))
    return side


def raw() -> Side:
    """Return ``etcd.raw`` with the packages of this environment."""
    return Side(sys.executable, "raw")


def older(home: Path) -> Side:
    """Return the same with the tenacity of python-etcd3's time."""
    install(sys.executable, "-c", str(ERA), "--no-deps", "--target", str(home), "tenacity")
    return replace(raw(), first=str(home))


def install(python: str, *packages: str) -> None:
    """Install packages with pip."""
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
