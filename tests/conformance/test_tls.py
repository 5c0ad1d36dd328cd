"""Connections over TLS."""

import ssl

import pytest

from etcd_factory import errors
from tests.support.faces import settle

NAME = "etcd.example"  # what the certificate of ``named`` is for, and no address


@pytest.fixture(scope="module")
def server(serve):
    """A server that serves TLS."""
    return serve("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def strict(serve):
    """A server that requires a client certificate."""
    return serve("127.0.0.1", strict=True)


@pytest.fixture(scope="module")
def named(serve):
    """A server whose certificate is for a name that is not its address."""
    return serve(NAME)


@pytest.fixture(scope="module")
def ca(authority):
    """The authority's certificate as PEM text."""
    return authority.cert_pem.bytes().decode()


@pytest.fixture
def reach(make):
    """Writes and reads a key with a client of these options."""

    async def call(server, **options):
        client = make(hosts=[server.url], dial_timeout=options.pop("dial_timeout", 30), timeout=30, **options)
        await settle(client.put("k").value("v"))
        return await settle(client.get("k").string())

    return call


@pytest.fixture
def fail(reach):
    """Returns the error of a client with these options."""

    async def call(server, **options):
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await reach(server, dial_timeout=0.5, **options)
        return caught.value

    return call


async def test_the_ca_may_be_pem_text(reach, server, ca):
    assert await reach(server, tls={"ca": ca}) == "v"


async def test_the_ca_may_be_a_file(reach, server, authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    assert await reach(server, tls={"ca": str(tmp_path / "ca.pem")}) == "v"
    assert await reach(server, tls={"ca": tmp_path / "ca.pem"}) == "v"


async def test_the_default_ca_is_that_of_the_system(reach, server, authority, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    assert await reach(server) == "v"
    assert await reach(server, tls={}) == "v"


async def test_a_folder_of_ca_files_of_the_system_is_used_too(reach, server, authority, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert await reach(server) == "v"


async def test_a_certificate_unknown_to_the_system_is_an_error_that_says_so(fail, server):
    assert "certificate" in str(await fail(server)).lower()


async def test_another_ca_is_an_error_that_says_certificate(fail, server, stranger, is_grpc):
    error = await fail(server, tls={"ca": stranger.cert_pem.bytes().decode()})
    assert "certificate" in str(error).lower()
    assert (error.code, error.endpoint) == ("UNAVAILABLE", server.endpoint)
    assert isinstance(error, errors.TLSError)
    assert isinstance(error.__cause__, errors.EtcdError if is_grpc else ssl.SSLCertVerificationError)
    assert not error.maybe_applied


async def test_a_client_certificate_is_sent_to_the_server(reach, strict, ca, issue):
    mine = issue("client")
    assert await reach(strict, tls={"ca": ca, "cert": mine["cert"], "key": mine["key"]}) == "v"


async def test_a_certificate_may_be_pem_text(reach, strict, ca, authority):
    mine = authority.issue_cert("client")
    cert, key = mine.cert_chain_pems[0].bytes().decode(), mine.private_key_pem.bytes().decode()
    assert await reach(strict, tls={"ca": ca, "cert": cert, "key": key}) == "v"


async def test_a_server_that_requires_a_certificate_refuses_a_client_without_one(fail, strict, ca):
    await fail(strict, tls={"ca": ca})


async def test_a_server_refuses_a_certificate_of_another_ca(fail, strict, ca, issue, stranger):
    theirs = issue("client", by=stranger)
    await fail(strict, tls={"ca": ca, "cert": theirs["cert"], "key": theirs["key"]})


async def test_a_certificate_without_a_ca_is_never_plaintext(reach, strict, issue, monkeypatch):
    mine = issue("client")
    monkeypatch.setenv("SSL_CERT_FILE", mine["ca"])
    assert await reach(strict, tls={"cert": mine["cert"], "key": mine["key"]}) == "v"


async def test_server_name_sets_the_expected_name_of_the_certificate(reach, named, ca):
    assert await reach(named, tls={"ca": ca, "server_name": NAME}) == "v"


async def test_a_certificate_for_another_name_is_an_error(fail, named, ca):
    await fail(named, tls={"ca": ca})


async def test_a_client_without_tls_cannot_call_a_server_with_tls(make, server):
    client = make(hosts=[server.endpoint], dial_timeout=0.5)
    with pytest.raises(errors.EtcdError):
        await settle(client.get("k").string())


async def test_a_client_with_tls_cannot_call_a_server_without_tls(fail, spare, ca):
    client = type("Plain", (), {"url": f"https://{spare.endpoint}"})
    await fail(client, tls={"ca": ca})


def test_tls_options_for_http_hosts_are_a_config_error(face, ca):
    with pytest.raises(errors.ConfigError, match="write https://"):
        face.service({"hosts": ["http://127.0.0.1:2379"], "tls": {"ca": ca}})


def test_the_key_is_not_shown(face, authority):
    mine = authority.issue_cert("client")
    key = mine.private_key_pem.bytes().decode()
    client = face.service(
        {"hosts": ["https://127.0.0.1:1"], "tls": {"cert": mine.cert_chain_pems[0].bytes().decode(), "key": key}}
    )
    assert key.splitlines()[1] not in f"{client!r} {client.options!r}"
