"""A test server that serves TLS."""

import ssl
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import trustme

from etcd_factory.testing import EtcdCluster, EtcdServer, ServerTLS
from etcd_factory.testing.tcp_ports import HOST


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def files(authority, tmp_path):
    issued = authority.issue_cert(HOST)
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


@pytest.fixture
def trusting(authority):
    """A client's context that trusts the authority and has no certificate."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_server_with_a_certificate_serves_tls(files, trusting):
    with EtcdServer(tls=ServerTLS(str(files / "cert.pem"), str(files / "key.pem"))) as server:
        assert server.url.startswith("https://")
        with urlopen(f"{server.url}/version", context=trusting) as answer:
            assert answer.status == 200
        assert server.etcdctl("put", "k", "v") == "OK"


def test_a_server_with_a_client_authority_requires_a_certificate(files, trusting):
    tls = ServerTLS(files / "cert.pem", files / "key.pem", files / "ca.pem")
    with EtcdServer(tls=tls) as server:
        with pytest.raises((URLError, ssl.SSLError, ConnectionError)):
            urlopen(f"{server.url}/version", context=trusting)
        trusting.load_cert_chain(files / "cert.pem", files / "key.pem")
        with urlopen(f"{server.url}/version", context=trusting) as answer:
            assert answer.status == 200
        assert server.etcdctl("put", "k", "v") == "OK"


def test_a_cluster_with_a_client_authority_finds_its_leader(files):
    tls = ServerTLS(files / "cert.pem", files / "key.pem", files / "ca.pem")
    with EtcdCluster(1, tls=tls) as cluster:
        assert cluster.leader.status().leader == cluster[0].status().id


def test_flags_name_the_files():
    tls = ServerTLS("cert.pem", "key.pem")
    assert tls.server_flags() == ["--cert-file=cert.pem", "--key-file=key.pem"]
    assert "--client-cert-auth" in ServerTLS("cert.pem", "key.pem", "ca.pem").server_flags()
    assert "--insecure-skip-tls-verify" in tls.client_flags()
