"""Clients of URLs, of the environment and of secrets in files, on a real etcd with users."""

import pytest

from etcd_factory import AsyncETCDService, ETCDService, ETCDServiceFactory, errors
from tests.support.faces import failure, settle

FACES = {"blocking": ETCDService, "asyncio": AsyncETCDService}
VARIABLE = "ETCD_FACTORY__ETCD__CLIENT"


@pytest.fixture(params=FACES.values(), ids=FACES)
async def opened(request):
    """Makes services by a class method of each face, closed at the end."""
    made = []

    def make(how, *arguments):
        made.append(getattr(request.param, how)(*arguments))
        return made[-1]

    yield make
    for each in made:
        await settle(each.close() if isinstance(each, ETCDService) else each.aclose())


async def works(etcd):
    """Whether a service reads what it writes, in its namespace."""
    await settle(etcd.put("k").value("v"))
    assert await settle(etcd.get("k").string()) == "v"
    assert (await settle(etcd.delete().all())).deleted == 1


async def test_a_url_has_hosts_user_password_and_namespace(opened, auth_server):
    etcd = opened("from_url", f"etcd://alice:wonder@127.0.0.1:1,{auth_server.server.endpoint}/pub/url/?timeout=20")
    assert etcd.options.timeout == 20
    await works(etcd)


async def test_the_error_of_a_wrong_password_in_a_url_does_not_show_it(opened, auth_server):
    etcd = opened("from_url", f"etcd://alice:a-wrong-one@{auth_server.server.endpoint}/pub/")
    error = await failure(lambda: etcd.get("k").string())
    assert type(error) is errors.AuthenticationFailedError
    assert "a-wrong-one" not in f"{error} {error!r} {vars(error)} {etcd!r} {etcd.options!r}"


async def test_tls_by_a_url(opened, tls_auth_server, tmp_path):
    ca, endpoint = tls_auth_server.options["tls"]["ca"], tls_auth_server.server.url.removeprefix("https://")
    (tmp_path / "ca.pem").write_text(ca)
    etcd = opened("from_url", f"etcds://alice:wonder@{endpoint}/pub/tls/?tls.ca={tmp_path}/ca.pem")
    await works(etcd)


async def test_the_environment_describes_a_client_with_its_password_in_a_file(
    opened, auth_server, monkeypatch, tmp_path
):
    (tmp_path / "password").write_text("wonder\n")
    (tmp_path / ".env").write_text(f"{VARIABLE}__HOSTS={auth_server.server.endpoint}\n{VARIABLE}__NAMESPACE=x/\n")
    monkeypatch.setenv(f"{VARIABLE}__AUTH__USERNAME", "alice")
    monkeypatch.setenv(f"{VARIABLE}__AUTH__PASSWORD__FILE", str(tmp_path / "password"))
    monkeypatch.setenv(f"{VARIABLE}__NAMESPACE", "pub/env/")
    await works(opened("from_env", tmp_path / ".env"))


async def test_a_configured_url(auth_server, tmp_path):
    url = f"etcd://alice:wonder@{auth_server.server.endpoint}/pub/file/"
    (tmp_path / "a.yaml").write_text(f"etcd: {{clients: {{a: '{url}'}}}}")
    with ETCDServiceFactory.from_config(tmp_path / "a.yaml") as factory:
        await works(factory.get("a"))
