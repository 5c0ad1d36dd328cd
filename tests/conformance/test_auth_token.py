"""A token of the user's in place of a name and a password."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, errors
from etcd_factory.core.call.client import RENEWALS
from etcd_factory.wire import messages, methods
from tests.support.auth import Credential
from tests.support.faces import failure, settle
from tests.support.transports import real
from tests.support.watching import metric


@pytest.fixture
async def issue(face):
    """Returns new tokens of alice, as a server's Authenticate returns them."""
    transports = []

    async def call(server):
        transports.append(real(face, server.options))
        request = messages.AuthenticateRequest(name="alice", password="wonder")
        reply = await transports[-1].unary(server.server.url, methods.AUTHENTICATE, request, 10, ())
        return reply.token

    yield call
    for transport in transports:
        await transport.close()


class TokenSource(Credential):
    """A function that returns a token: first those in ``later``, then the last one again."""

    def __init__(self):
        super().__init__("bad")
        self.later = []

    def __call__(self):
        self.value = self.later.pop(0) if self.later else self.value
        return super().__call__()


@pytest.fixture
def source():
    return TokenSource()


@pytest.fixture(params=["auth_server", "jwt_server"], ids=["simple", "jwt"])
def server(request):
    """A server whose tokens only it knows, and one with signed tokens (JWT)."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def token(issue, server):
    """A token of alice at that server."""
    return await issue(server)


@pytest.fixture
def login(make, server):
    """Creates clients of that server with a token."""
    return lambda token, **changes: make(**server.options, auth={"token": token}, **changes)


async def test_a_token_is_sent_unchanged(login, token):
    client = login(token)
    await settle(client.put("pub/k").value("v"))
    assert await settle(client.get("pub/k").string()) == "v"
    assert isinstance(await failure(lambda: client.get("secret").string()), errors.PermissionDeniedError)


async def test_watches_and_leases_send_it_too(login, token):
    client = login(token)
    lease = client.lease(60)
    watcher = await settle(client.watch().key("pub/w").create())
    await settle(lease.put("pub/w").value("v"))
    assert (await settle(watcher.take())).kv.text == "v"
    assert await settle(lease.keepalive_once()) == 60
    await settle(watcher.cancel())
    await settle(lease.revoke())


async def test_a_refused_token_is_an_error_and_is_sent_once(login, server):
    client = login("nonsense.1")
    error = await failure(lambda: client.get("pub/k").string())
    assert type(error) is errors.InvalidAuthTokenError
    assert error.attempts == 1
    assert "nonsense" not in f"{error} {error!r} {client!r} {client.options!r}"


async def test_a_watch_whose_token_is_refused_ends(login):
    with pytest.raises((errors.InvalidAuthTokenError, errors.PermissionDeniedError)):
        await settle(login("nonsense.1").watch().key("pub/w").create())


async def test_a_function_is_called_once_for_many_calls(login, token):
    credential = Credential(token)
    client = login(credential)
    assert credential.calls == 0
    for _ in range(3):
        await settle(client.put("pub/k").value("v"))
    assert credential.calls == 1


async def test_a_function_is_called_again_if_its_token_is_refused(make, auth_server, source, issue):
    client = make(**auth_server.options, auth={"token": source})
    source.later = [await issue(auth_server)]
    await settle(client.put("pub/k").value("v"))
    auth_server.expire_tokens()
    source.later = [await issue(auth_server)]
    version = (await settle(client.get("pub/k").kv())).version
    await settle(client.put("pub/k").value("w"))
    assert (await settle(client.get("pub/k").kv())).version == version + 1
    assert source.calls == 2


async def test_a_function_that_returns_refused_tokens_is_called_a_few_times(login):
    credential = Credential("nonsense.1")
    error = await failure(lambda: login(credential).get("pub/k").string())
    assert type(error) is errors.InvalidAuthTokenError
    assert error.attempts == credential.calls == 1 + RENEWALS


async def test_the_next_call_calls_the_function_again_after_a_refusal(login, token):
    credential = Credential("nonsense.1")
    client = login(credential)
    await failure(lambda: client.get("pub/k").string())
    credential.value = token
    await settle(client.put("pub/k").value("v"))
    assert await settle(client.get("pub/k").string()) == "v"


async def test_concurrent_first_calls_call_a_function_once(face, login, token):
    credential = Credential(token)
    client = login(credential)
    assert await asyncio.gather(*(face.begin(client.get("pub/none").string) for _ in range(20))) == [None] * 20
    assert credential.calls == 1


async def test_a_function_may_be_async(server, token):
    async def fetch():
        await asyncio.sleep(0)
        return token

    async with AsyncETCDService({**server.options, "auth": {"token": fetch}}) as client:
        assert await client.get("pub/none").string() is None


@pytest.mark.parametrize(
    "given", [None, 7, b"bytes", "", "two\nlines-secret", "ending-secret\n", "schl\u00fcssel-secret"]
)
async def test_a_function_must_return_a_token_and_it_is_not_shown(login, given):
    client = login(lambda: given)
    with pytest.raises(errors.ConfigError, match=r"auth\.token: expected") as caught:
        await settle(client.get("pub/k").string())
    assert "secret" not in str(caught.value)


# --- etcd.raw


def put_raw(client):
    client.raw.put("pub/raw", "v")
    return client.raw.get("pub/raw")[0]


async def test_raw_sends_it_too(login, token):
    assert put_raw(login(token)) == b"v"
    credential = Credential(token)
    assert put_raw(login(credential)) == b"v"
    assert credential.calls == 1


async def test_raw_calls_a_function_again_if_its_token_is_refused(login, token, source):
    source.later = ["nonsense.1", token]
    assert put_raw(login(source)) == b"v"
    assert source.calls == 2


async def test_raw_sends_a_refused_token_once(login, server):
    client = login("nonsense.1")
    before = requests(server)
    with pytest.raises(Exception, match="invalid auth token"):
        client.raw.get("pub/raw")
    assert requests(server) == before + 1


def requests(server):
    """Return how many reads the server has received."""
    return metric(server.server, "grpc_server_started_total", 'grpc_method="Range"')


async def test_raw_cannot_await_a_function(login):
    async def fetch():
        raise AssertionError

    with pytest.raises(errors.ConfigError, match=r"auth\.token: etcd\.raw blocks"):
        _ = login(fetch).raw
