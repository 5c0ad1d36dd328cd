"""The package, and python-etcd3, imported from a zip file and from compiled files alone."""

from __future__ import annotations

import compileall
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = ("etcd_factory", "etcd3")
USE = """
import etcd_factory, etcd3, etcd_factory.registry, etcd_factory.configcenter, etcd_factory.testing
from etcd_factory.wire import messages
for module in (etcd_factory, etcd3):
    assert module.__file__.startswith(PLACE), module.__file__
assert messages.RangeRequest(key=b"k").key == b"k"
assert issubclass(etcd_factory.errors.ConnectionFailedError, etcd3.exceptions.ConnectionFailedError)
assert etcd_factory.load_config({"a": 1}).a == 1
with etcd_factory.ETCDService() as etcd:
    assert etcd.endpoint == "127.0.0.1:2379"
"""


def copied(folder):
    """The sources of the packages, without compiled files."""
    for name in PACKAGES:
        (place,) = importlib.util.find_spec(name).submodule_search_locations
        shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def zipped(folder):
    files = [path for path in copied(folder / "sources").rglob("*") if path.is_file()]
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for path in files:
            archive.write(path, path.relative_to(folder / "sources"))
    return folder / "all.zip"


def compiled(folder):
    compileall.compile_dir(copied(folder / "compiled"), quiet=1, legacy=True)
    for path in (folder / "compiled").rglob("*.py"):
        path.unlink()
    return folder / "compiled"


def run(code, place: Path):
    environ = {**os.environ, "PYTHONPATH": str(place)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=place.parent, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("form", [zipped, compiled])
def test_the_packages_work_from(form, tmp_path):
    place = form(tmp_path)
    done = run(f"PLACE = {str(place)!r}\n{USE}", place)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_distribution_in_a_zip_file_is_an_error_that_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("etcd3/__init__.py", "")
    code = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); import etcd_factory"
    done = run(code, tmp_path / "other.zip")
    assert f"the package 'etcd3' in {tmp_path / 'other.zip' / 'etcd3'} comes from" in done.stderr.splitlines()[-1]
    assert "not from python-etcd3" in done.stderr.splitlines()[-1]
