"""python-etcd3's release, fetched from PyPI; nothing of it is kept here."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path, PurePosixPath
from urllib.request import urlopen

URL = "https://files.pythonhosted.org/packages/9c/eb/6d1ef4d6a3e8b74e45c502cbd3ea6c5c6c786d003829db9369c2530f5e3f/etcd3-0.12.0.tar.gz"
SHA256 = "89a704cb389bf0a010a1fa050ce19342d23bf6371ebda1c21cfe8ff3ed488726"


def fetch() -> bytes:
    """Return the release. pip would run its setup.py just to download it."""
    with urlopen(URL, timeout=60) as answer:
        return genuine(answer.read())


def genuine(data: bytes) -> bytes:
    """Return the bytes; ``ValueError`` if they are not those of the release."""
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ValueError(f"{URL} has sha256 {found}, not {SHA256}")
    return data


def unpack(data: bytes, folder: Path) -> None:
    """Write only its tests into the folder: its code beside them would be imported instead of what is installed."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.parts[1:2] == ("tests",) and (file := archive.extractfile(member)):
                (folder / path.name).write_bytes(file.read())
