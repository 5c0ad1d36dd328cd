"""What is wrong with a built sdist or wheel, compared with what git tracks."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent.parent
FILE_LINK = re.compile(r"\]\((?!\w+:)[^)]*\)")
METADATA = {
    "Name": "etcd-factory",
    "License-Expression": "Apache-2.0",
    "Author": "The etcd-factory maintainers",
    "Requires-Python": ">=3.10",
    "Description-Content-Type": "text/markdown",
}


def tracked() -> set[str]:
    """Return the files of the repository, without those of its host and its CI."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if not name.startswith(".")}


def missing_in_sdist(path: Path) -> set[str]:
    """Return the files that the sdist lacks."""
    with tarfile.open(path) as archive:
        return tracked() - {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}


def missing_in_wheel(path: Path) -> set[str]:
    """Return the files of the package that the wheel lacks: modules, types, what the console shows."""
    with zipfile.ZipFile(path) as archive:
        return {name for name in tracked() if name.startswith("etcd_factory/")} - {*archive.namelist()}


def metadata(path: Path) -> Message:
    """Return the metadata of a wheel."""
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def faults(sdist: Path, wheel: Path) -> list[str]:
    """Return all that is wrong, one text each."""
    about = metadata(wheel)
    return [
        *(f"{sdist.name} lacks {name}; see MANIFEST.in" for name in sorted(missing_in_sdist(sdist))),
        *(f"{wheel.name} lacks {name}; see package_data in setup.cfg" for name in sorted(missing_in_wheel(wheel))),
        *(f"{key} is {about[key]!r}, not {value!r}" for key, value in METADATA.items() if about[key] != value),
        *(f"the index page cannot follow the link {link}" for link in FILE_LINK.findall(str(about.get_payload()))),
    ]
