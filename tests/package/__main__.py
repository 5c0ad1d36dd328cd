"""Builds the sdist, and the wheel from it; checks both; installs each in a new environment, and uses it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from .contents import ROOT, faults

FIRST_USE = Path(__file__).with_name("first_use.py")
Install = Callable[[Path, str], None]


def run(*command: object) -> str:
    """Run a command; a failure shows its output."""
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout.strip()


def build(folder: Path) -> tuple[Path, Path]:
    """Return the sdist and the wheel."""
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def by_pip(place: Path, what: str) -> None:
    """Install as the README says, wheels only except etcd3 and what is given."""
    run(sys.executable, "-m", "venv", place)
    run(place / "bin" / "pip", "install", "--only-binary", ":all:", "--no-binary", "etcd3,etcd-factory", what)
    run(place / "bin" / "pip", "check")


def by_uv(place: Path, what: str) -> None:
    """Install by uv."""
    python = place / "bin" / "python"
    run("uv", "venv", "--python", sys.executable, place)
    run("uv", "pip", "install", "--python", python, what)
    run("uv", "pip", "check", "--python", python)


def use(place: Path, install: Install, package: Path) -> str:
    """Install a package with an etcd beside it, and use it; returns what it printed."""
    install(place, f"{package}[server]")
    return f"{package.name} {install.__name__}: {run(place / 'bin' / 'python', '-I', '-W', 'error', FIRST_USE)}"


def main() -> None:
    """Do all of it; the first failure is the end."""
    with TemporaryDirectory(prefix="etcd-factory-package-") as name:
        folder = Path(name)
        sdist, wheel = build(folder / "dist")
        run("twine", "check", "--strict", sdist, wheel)
        if found := faults(sdist, wheel):
            sys.exit("\n".join(found))
        ways = [(folder / "a", by_pip, wheel), (folder / "b", by_pip, sdist), (folder / "c", by_uv, wheel)]
        with ThreadPoolExecutor() as pool:
            print(*pool.map(lambda way: use(*way), ways), sep="\n")


if __name__ == "__main__":
    main()
