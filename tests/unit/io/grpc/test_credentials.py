"""TLS credentials from PEM text or files, read for each connection."""

from __future__ import annotations

import grpc
import pytest

from etcd_factory.io.grpc import credentials as module
from etcd_factory.io.grpc.credentials import credentials
from etcd_factory.options import TLS
from tests.support import pems


@pytest.fixture
def file(tmp_path):
    return tmp_path / "all.pem"


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
