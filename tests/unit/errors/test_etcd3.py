"""python-etcd3's exception classes, taken from its files without importing it."""

import os
import subprocess
import sys

import pytest

from etcd_factory import errors
from etcd_factory.errors import DistributionError, etcd3


def run(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def other(tmp_path):
    """A folder in which another distribution installs the import name etcd3."""
    (tmp_path / "etcd3").mkdir()
    (tmp_path / "etcd3" / "__init__.py").write_text("")
    info = tmp_path / "etcd3_py-0.1.6.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: etcd3-py\nVersion: 0.1.6\n")
    (info / "top_level.txt").write_text("etcd3\n")
    return tmp_path


def test_another_distribution_named_etcd3_is_an_error_that_names_it_and_what_to_run(other):
    done = run("import etcd_factory", PYTHONPATH=str(other))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert str(other / "etcd3") in last
    assert "comes from etcd3-py, not from python-etcd3" in last
    assert "pip install --force-reinstall etcd3" in last


def test_the_error_about_another_distribution_is_an_import_error(other):
    done = run("try: import etcd_factory\nexcept ImportError: print('caught')", PYTHONPATH=str(other))
    assert done.stdout == "caught\n"


def test_a_missing_distribution_is_an_error_that_says_what_to_run(monkeypatch):
    monkeypatch.setattr(etcd3.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DistributionError, match="the package 'etcd3' is not installed; run: pip install --no-binary"):
        etcd3.part("exceptions")


def test_its_files_are_found_without_importing_it():
    assert etcd3.part("exceptions").origin.endswith("exceptions.py")
    assert etcd3.part("etcdrpc", "rpc_pb2").name == "etcd3.etcdrpc.rpc_pb2"
    done = run("import sys\nfrom etcd_factory.errors import etcd3\nassert 'etcd3' not in sys.modules, sys.modules")
    assert (done.returncode, done.stderr) == (0, "")


def test_its_exceptions_are_loaded_once():
    done = run(
        "import etcd_factory, sys\n"
        "from etcd_factory.errors import etcd3 as ours\n"
        "import etcd3.exceptions\n"
        "assert etcd3.exceptions is ours.module is ours.load()\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


BORROWED = {
    "EtcdError": "Etcd3Exception",
    "ConnectionFailedError": "ConnectionFailedError",
    "DeadlineExceededError": "ConnectionTimeoutError",
    "PreconditionError": "PreconditionFailedError",
    "CompactedError": "RevisionCompactedError",
    "InternalError": "InternalServerError",
    "LeaseExistsError": "PreconditionFailedError",
    "NoLeaderError": "ConnectionFailedError",
}


@pytest.mark.parametrize(("ours", "theirs"), BORROWED.items())
def test_an_error_is_also_that_of_python_etcd3(ours, theirs):
    assert issubclass(getattr(errors, ours), getattr(etcd3.module, theirs))
