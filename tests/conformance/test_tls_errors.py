"""TLS that fails: reported at once, by an error of its own that says which problem it is and what to change."""

import datetime
from shutil import copyfile

import pytest

from etcd_factory import errors
from tests.support.faces import settle

NAME = "etcd.example"
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def server(serve):
    return serve("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def strict(serve):
    """A server that requires client certificates."""
    return serve("127.0.0.1", strict=True)


@pytest.fixture(scope="module")
def expired(serve):
    return serve("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + datetime.timedelta(days=1))


@pytest.fixture(scope="module")
def named(serve):
    return serve(NAME)


async def refused(make, **options):
    """The error of a write, which was certainly not applied."""
    client = make(timeout=30, **options)
    with pytest.raises(errors.TLSError) as caught:
        await settle(client.put("k").value("v"))
    error = caught.value
    assert (error.attempts, error.sent, error.maybe_applied) == (1, False, False)
    assert isinstance(error, errors.ConnectionFailedError)
    assert "is etcd running there" not in str(error)
    return str(error)


async def test_a_server_of_another_ca_is_reported(make, server, stranger, issue):
    other = issue("127.0.0.1", by=stranger)
    text = await refused(make, hosts=[f"https://{server.endpoint}"], tls={"ca": other["ca"]})
    assert "not signed by the CA that is trusted; set tls.ca" in text


async def test_a_server_of_no_known_ca_is_reported(make, server):
    text = await refused(make, hosts=[f"https://{server.endpoint}"])
    assert "not signed by the CA that is trusted; set tls.ca" in text


async def test_an_expired_certificate_is_reported(make, expired, issue):
    text = await refused(make, hosts=[f"https://{expired.endpoint}"], tls={"ca": issue("x")["ca"]})
    assert "the server's certificate has expired" in text


async def test_a_certificate_for_another_name_is_reported(make, named, issue):
    text = await refused(make, hosts=[f"https://{named.endpoint}"], tls={"ca": issue("x")["ca"]})
    assert "the server's certificate is for another name; set tls.server_name or correct the host" in text


async def test_plaintext_to_a_server_with_tls_is_reported(make, server):
    text = await refused(make, hosts=[f"http://{server.endpoint}"])
    assert "the server requires TLS; write https://" in text


async def test_tls_to_a_server_of_plaintext_is_reported(make, etcd_server, issue):
    text = await refused(make, hosts=[f"https://{etcd_server.endpoint}"], tls={"ca": issue("x")["ca"]})
    assert "the server speaks plaintext; write http://" in text


async def test_a_missing_client_certificate_is_reported(make, strict, issue):
    text = await refused(make, hosts=[f"https://{strict.endpoint}"], tls={"ca": issue("x")["ca"]})
    assert "the server requires a client certificate; set tls.cert and tls.key" in text


async def test_a_foreign_client_certificate_is_reported(make, strict, issue, stranger):
    foreign = issue("client", by=stranger)
    tls = {"ca": issue("x")["ca"], "cert": foreign["cert"], "key": foreign["key"]}
    text = await refused(make, hosts=[f"https://{strict.endpoint}"], tls=tls)
    assert "the server refused the client certificate in tls.cert" in text


async def test_another_host_serves_where_tls_fails_at_one(make, server, expired, issue):
    hosts = [f"https://{expired.endpoint}", f"https://{server.endpoint}"]
    for _ in range(4):  # whichever comes first
        client = make(hosts=hosts, tls={"ca": issue("x")["ca"]}, timeout=30)
        assert (await settle(client.put("k").value("v"))).revision


async def test_renewed_certificate_files_are_used_by_new_connections(make, serve, authority, stranger, issue, tmp_path):
    """As cert-manager and Vault renew them: the files change while the client runs."""
    mine = serve("127.0.0.1", strict=True)
    good, bad = issue("client"), issue("client", by=stranger)
    files = {name: tmp_path / f"{name}.pem" for name in ("cert", "key")}
    for name, file in files.items():
        copyfile(good[name], file)
    client = make(hosts=[f"https://{mine.endpoint}"], tls={"ca": good["ca"], **{k: str(v) for k, v in files.items()}})
    await settle(client.put("k").value("v"))
    for name, file in files.items():
        copyfile(bad[name], file)
    mine.restart()
    with pytest.raises(errors.TLSError, match=r"refused the client certificate"):
        await settle(client.put("k").value("v"))
    for name, file in files.items():
        copyfile(good[name], file)
    await settle(client.put("k").value("v"))


async def test_a_renewed_certificate_whose_key_is_not_there_yet_is_reported(make, serve, issue):
    mine, good, other = serve("127.0.0.1", strict=True), issue("client"), issue("client")
    client = make(hosts=[f"https://{mine.endpoint}"], tls={name: good[name] for name in ("ca", "cert", "key")})
    copyfile(other["cert"], good["cert"])
    with pytest.raises(errors.TLSError, match=r"the key in tls.key does not belong to the certificate in tls.cert"):
        await settle(client.put("k").value("v"))
