"""A token that the user has, in place of a name and a password."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, errors
from etcd_factory.core.call.client import RENEWALS
from etcd_factory.testing import EtcdServer
from etcd_factory.wire import messages, methods
from tests.support.faces import settle

from .test_auth import CHEAP, Asked, Guarded, failure, signing  # noqa: F401


async def issued(client):
    """A token of alice, as etcd's Authenticate gives it."""
    request = messages.AuthenticateRequest(name="alice", password="wonder")
    io = client._run.client.io
    return (await io.unary(client.options.hosts[0], methods.AUTHENTICATE, request, 10, ())).token


class Issuing(Asked):
    """A function that gives a token, and a new one each time after ``renew``."""

    def __init__(self):
        super().__init__("bad")
        self.later = []

    def __call__(self):
        self.value = self.later.pop(0) if self.later else self.value
        return super().__call__()


@pytest.fixture
def issuing():
    return Issuing()


@pytest.fixture(scope="module")
def simple():
    """A server with tokens that only it knows."""
    with EtcdServer(args=[CHEAP]) as server:
        yield Guarded(server)


@pytest.fixture(params=["simple", "signing"])
def server(request):
    """One with such tokens, and one with signed ones (JWT)."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def token(make, server):
    """A token of alice at that server."""
    return await issued(make(**server.options))


@pytest.fixture
def show(make, server):
    """Makes clients of that server that show a token."""
    return lambda token, **changes: make(**server.options, auth={"token": token}, **changes)


async def test_a_token_that_authenticate_gave_is_shown_as_it_is(show, token):
    client = show(token)
    await settle(client.put("pub/k").value("v"))
    assert await settle(client.get("pub/k").string()) == "v"
    assert isinstance(await failure(lambda: client.get("secret").string()), errors.PermissionDeniedError)


async def test_it_is_shown_by_watches_and_leases_too(show, token):
    client = show(token)
    lease = client.lease(60)
    watcher = await settle(client.watch().key("pub/w").create())
    await settle(lease.put("pub/w").value("v"))
    assert (await settle(watcher.take())).kv.text == "v"
    assert await settle(lease.keepalive_once()) == 60
    await settle(watcher.cancel())
    await settle(lease.revoke())


async def test_a_token_that_is_refused_is_an_error_and_is_shown_once(show, server):
    client = show("nonsense.1")
    error = await failure(lambda: client.get("pub/k").string())
    assert type(error) is errors.InvalidAuthTokenError
    assert error.attempts == 1
    assert "nonsense" not in f"{error} {error!r} {client!r} {client.options!r}"


async def test_a_watch_whose_token_is_refused_ends(show):
    with pytest.raises((errors.InvalidAuthTokenError, errors.PermissionDeniedError)):
        await settle(show("nonsense.1").watch().key("pub/w").create())


async def test_a_function_is_asked_once_for_many_calls(show, token):
    asked = Asked(token)
    client = show(asked)
    assert asked.times == 0
    for _ in range(3):
        await settle(client.put("pub/k").value("v"))
    assert asked.times == 1


async def test_a_function_is_asked_again_where_its_token_is_refused(make, simple, issuing):
    client = make(**simple.options, auth={"token": issuing})
    issuing.later = [await issued(client)]
    await settle(client.put("pub/k").value("v"))
    simple.renew()
    issuing.later = [await issued(client)]
    version = (await settle(client.get("pub/k").kv())).version
    await settle(client.put("pub/k").value("w"))
    assert (await settle(client.get("pub/k").kv())).version == version + 1
    assert issuing.times == 2


async def test_a_function_that_gives_no_good_token_is_not_asked_for_ever(show):
    asked = Asked("nonsense.1")
    error = await failure(lambda: show(asked).get("pub/k").string())
    assert type(error) is errors.InvalidAuthTokenError
    assert error.attempts == asked.times == 1 + RENEWALS


async def test_the_next_call_asks_again_after_a_function_has_failed(show, token):
    asked = Asked("nonsense.1")
    client = show(asked)
    await failure(lambda: client.get("pub/k").string())
    asked.value = token
    await settle(client.put("pub/k").value("v"))
    assert await settle(client.get("pub/k").string()) == "v"


async def test_many_first_calls_ask_a_function_once(face, show, token):
    asked = Asked(token)
    client = show(asked)
    assert await asyncio.gather(*(face.begin(client.get("pub/none").string) for _ in range(20))) == [None] * 20
    assert asked.times == 1


async def test_a_function_may_be_async(server, token):
    async def give():
        await asyncio.sleep(0)
        return token

    async with AsyncETCDService({**server.options, "auth": {"token": give}}) as client:
        assert await client.get("pub/none").string() is None


@pytest.mark.parametrize(
    "given", [None, 7, b"bytes", "", "two\nlines-secret", "ending-secret\n", "schl\u00fcssel-secret"]
)
async def test_what_a_function_gives_must_be_a_token_and_is_not_shown(show, given):
    client = show(lambda: given)
    with pytest.raises(errors.ConfigError, match=r"auth\.token: expected") as caught:
        await settle(client.get("pub/k").string())
    assert "secret" not in str(caught.value)


# --- etcd.raw


def put_raw(client):
    client.raw.put("pub/raw", "v")
    return client.raw.get("pub/raw")[0]


async def test_raw_shows_it_too(show, token):
    assert put_raw(show(token)) == b"v"
    asked = Asked(token)
    assert put_raw(show(asked)) == b"v"
    assert asked.times == 1


async def test_raw_asks_a_function_again_where_its_token_is_refused(show, token, issuing):
    issuing.later = ["nonsense.1", token]
    assert put_raw(show(issuing)) == b"v"
    assert issuing.times == 2


async def test_raw_shows_a_token_that_is_refused_once(show, monkeypatch):
    calls = []
    client = show("nonsense.1")
    interceptor = client.raw._calls
    monkeypatch.setattr(
        interceptor, "_details", lambda *given: calls.append(given) or type(interceptor)._details(interceptor, *given)
    )
    with pytest.raises(Exception, match="invalid auth token"):
        client.raw.get("pub/raw")
    assert len(calls) == 1


async def test_raw_can_not_await_a_function(show):
    async def give():
        raise AssertionError

    with pytest.raises(errors.ConfigError, match=r"auth\.token: etcd\.raw blocks"):
        _ = show(give).raw
