"""Certificates made for a test, and servers that use them; the fixtures are imported by a conftest.py."""

from __future__ import annotations

import pytest
import trustme

from etcd_factory.testing import EtcdServer, ServerTLS


def write(folder, *names, by, **more):
    """Write the files of a certificate for these names; returns their paths by the names of the options of TLS."""
    issued = by.issue_cert(*names, **more)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    by.cert_pem.write_to_path(folder / "ca.pem")
    return {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}


@pytest.fixture(scope="module")
def authority():
    """The certificate authority of the servers."""
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger():
    """A certificate authority that the servers do not know."""
    return trustme.CA()


@pytest.fixture(scope="module")
def issue(authority, tmp_path_factory):
    """A function that writes the files of a certificate for names."""

    def issue(*names, by=authority, **more):
        return write(tmp_path_factory.mktemp("tls"), *names, by=by, **more)

    return issue


@pytest.fixture(scope="module")
def serve(issue):
    """A function that starts a server with a certificate for names; a ``strict`` one requires it of clients too."""
    servers = []

    def start(*names, strict=False, **more):
        files = issue(*names, **more)
        servers.append(EtcdServer(tls=ServerTLS(files["cert"], files["key"], files["ca"] if strict else None)).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
