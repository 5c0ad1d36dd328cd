"""Servers with users and passwords, and credentials that count how often they are asked for."""

from __future__ import annotations

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from etcd_factory.testing import EtcdServer, ServerTLS

from . import certificates

ROOT, ALICE = "root:top", "alice:wonder"
LOGIN = {"username": "alice", "password": "wonder"}
FAST_BCRYPT = "--bcrypt-cost=4"


class AuthServer:
    """A server with authentication: root, and alice, who reads and writes ``pub/``; ``options`` reach it."""

    def __init__(self, server, **options):
        self.server, self.options = server, {"hosts": [server.url], "namespace": "", **options}
        for command in (
            f"user add {ROOT}",
            "role add root",
            "user grant-role root root",
            f"user add {ALICE}",
            "role add public",
            "role grant-permission public --prefix=true readwrite pub/",
            "user grant-role alice public",
            "auth enable",
        ):
            server.etcdctl(*command.split())

    def root(self, *command):
        """Run a command of etcdctl as root."""
        return self.server.etcdctl("--user", ROOT, *command)

    def expire_tokens(self):
        """Make all tokens invalid, as the passing of time does."""
        self.root("auth", "disable")
        self.server.etcdctl("auth", "enable")


class Credential:
    """A function that returns a credential; ``calls`` counts how often it is called."""

    def __init__(self, value="wonder"):
        self.value, self.calls = value, 0

    def __call__(self):
        self.calls += 1
        return self.value


@pytest.fixture
def credential():
    """Alice's password, as a function."""
    return Credential()


@pytest.fixture(scope="session")
def auth_server():
    """A server with authentication; its tokens are known to it alone."""
    with EtcdServer(args=[FAST_BCRYPT]) as server:
        yield AuthServer(server)


@pytest.fixture(scope="session")
def tls_auth_server(tmp_path_factory):
    """A server with authentication that is reached by TLS."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("auth")
    files = certificates.write(folder, "127.0.0.1", by=authority)
    tls = ServerTLS(files["cert"], files["key"])
    with EtcdServer(tls=tls, args=[FAST_BCRYPT]) as server:
        yield AuthServer(server, tls={"ca": authority.cert_pem.bytes().decode()})


@pytest.fixture(scope="session")
def jwt_server(tmp_path_factory):
    """A server with authentication whose tokens carry the revision of the auth store (JWT)."""
    folder = tmp_path_factory.mktemp("jwt")
    key = rsa.generate_private_key(65537, 2048)
    kinds, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key").write_bytes(key.private_bytes(serialization.Encoding.PEM, kinds, none))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
    token = f"--auth-token=jwt,pub-key={folder}/pub,priv-key={folder}/key,sign-method=RS256,ttl=10m"
    with EtcdServer(args=[FAST_BCRYPT, token]) as server:
        yield AuthServer(server)
