"""TLS credentials: PEM text or files, and the system's root certificates."""

from __future__ import annotations

import ssl
from types import SimpleNamespace

import grpc
import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.io.grpc import credentials as module
from etcd_factory.io.grpc.credentials import credentials, read, system_roots
from etcd_factory.options import TLS
from tests.support import pems

PEM = "-----BEGIN CERTIFICATE-----\nof the test\n-----END CERTIFICATE-----\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text(PEM)
    return path


def test_pem_text_is_used_as_it_is():
    assert read("ca", PEM) == PEM.encode()


def test_a_path_is_read(file):
    assert read("ca", str(file)) == PEM.encode()


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_nothing(nothing):
    """An empty path is no file either."""
    if nothing is None:
        assert read("ca", nothing) is None
    else:
        with pytest.raises(ConfigError):
            read("ca", nothing)


def test_a_file_that_cannot_be_read_is_an_error_that_names_it_and_its_option(tmp_path):
    path = tmp_path / "missing.pem"
    with pytest.raises(ConfigError) as caught:
        read("cert", str(path))
    (fault,) = caught.value.faults
    assert (fault.file, fault.path) == (str(path), "tls.cert")
    assert fault.message == "cannot be read: No such file or directory"


@pytest.fixture
def passed(monkeypatch):
    """What gRPC is called with."""
    calls = []
    monkeypatch.setattr(grpc, "ssl_channel_credentials", lambda *pems: calls.append(pems))
    monkeypatch.setattr(module, "system_roots", lambda: b"system")
    return calls


def test_files_are_read_again_for_each_connection(passed, file):
    """So that a new one uses renewed certificates."""
    both = pems.CERT + pems.KEY
    file.write_text(both)
    tls = TLS(ca=str(file), cert=str(file), key=str(file))
    credentials(tls)
    file.write_text("renewed")
    credentials(tls)
    assert passed == [(both.encode(),) * 3, (b"renewed",) * 3]


@pytest.mark.parametrize("tls", [None, TLS(server_name="etcd")])
def test_without_a_ca_the_systems_roots_are_used(passed, tls):
    credentials(tls)
    assert passed == [(b"system", None, None)]


# --- the system's root certificates


@pytest.fixture
def paths(monkeypatch):
    """A function that sets where OpenSSL looks."""

    def put(cafile=None, capath=None):
        found = SimpleNamespace(cafile=cafile and str(cafile), capath=capath and str(capath))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: found)

    return put


def test_a_file_of_roots_is_used(paths, file):
    paths(cafile=file)
    assert system_roots() == PEM.encode()


def test_debians_bundle_in_a_folder_is_used_alone(paths, tmp_path):
    (tmp_path / "ca-certificates.crt").write_text("bundle")
    (tmp_path / "one.pem").write_text("one")
    paths(capath=tmp_path)
    assert system_roots() == b"bundle"


def test_the_files_of_a_folder_are_joined_in_order(paths, tmp_path):
    for name in ("b.pem", "a.pem", "other.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.pem").mkdir()
    paths(capath=tmp_path)
    assert system_roots() == b"a.pem\nb.pem"


def test_without_any_grpc_uses_its_own(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths(capath=tmp_path)
    assert system_roots() is None
    paths()
    assert system_roots() is None


def test_openssls_variable_is_honored(monkeypatch, file):
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert system_roots() == PEM.encode()
