"""What would be wrong with an sdist or a wheel is found."""

from __future__ import annotations

import tarfile
import zipfile

import pytest

from . import contents

METADATA = "".join(f"{key}: {value}\n" for key, value in contents.METADATA.items())
BOTH = ["README.md", "etcd_factory/py.typed"]


@pytest.fixture(autouse=True)
def two_files(monkeypatch):
    monkeypatch.setattr(contents, "tracked", lambda: {*BOTH})


def faults(folder, sdist, wheel, metadata=METADATA, text=""):
    """The faults of an sdist and a wheel of these files."""
    (folder / "file").touch()
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        for name in sdist:
            archive.add(folder / "file", f"etcd_factory-1/{name}")
    with zipfile.ZipFile(folder / "a.whl", "w") as archive:
        archive.writestr("a.dist-info/METADATA", f"{metadata}\n{text}")
        for name in wheel:
            archive.writestr(name, "")
    return contents.faults(folder / "a.tar.gz", folder / "a.whl")


def test_nothing_is_wrong_with_complete_ones(tmp_path):
    assert faults(tmp_path, BOTH, BOTH[1:], text="[the site](https://example.org)") == []


def test_a_file_that_is_left_out_is_named(tmp_path):
    assert faults(tmp_path, BOTH[1:], []) == [
        "a.tar.gz lacks README.md; see MANIFEST.in",
        "a.whl lacks etcd_factory/py.typed; see package_data in setup.cfg",
    ]


def test_metadata_that_is_lost_is_named(tmp_path):
    without = METADATA.replace("License-Expression: Apache-2.0\n", "License: Apache-2.0\n")
    assert faults(tmp_path, BOTH, BOTH[1:], without) == ["License-Expression is None, not 'Apache-2.0'"]


def test_a_link_into_the_repository_is_found(tmp_path):
    (fault,) = faults(tmp_path, BOTH, BOTH[1:], text="see [docs](docs/README.md)")
    assert fault == "the index page cannot follow the link ](docs/README.md)"
