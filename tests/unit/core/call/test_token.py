"""The token that authenticates a client."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.core.call.token import AuthToken
from etcd_factory.errors import Code, ConfigError, ConnectionFailedError, PreconditionError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.options import Auth
from etcd_factory.wire import messages

DISABLED = PreconditionError("etcdserver: authentication is not enabled", code=Code.FAILED_PRECONDITION)


def token_of(auth):
    return AuthToken(auth, SingleFlight(AsyncioRuntime()))


class Server:
    """Answers requests to authenticate by tokens ``t1``, ``t2``, ... or with an error."""

    def __init__(self, error=None):
        self.requests, self.error = [], error

    async def __call__(self, request, timeout):
        self.requests.append((request.name, request.password))
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return messages.AuthenticateResponse(token=f"t{len(self.requests)}")


async def never(request, timeout):
    raise AssertionError("nothing to authenticate with")


def test_without_credentials_nothing_is_sent():
    token = token_of(None)
    assert (token.metadata, token.auth) == ((), None)


def test_a_token_of_the_users_own_is_sent_as_it_is_and_never_dropped():
    token = token_of(Auth(token="mine"))
    assert token.metadata == (("token", "mine"),)
    token.drop(token.metadata)
    assert token.metadata == (("token", "mine"),)


async def test_name_and_password_are_exchanged_for_a_token_once():
    token, server = token_of(Auth(username="root", password="secret")), Server()
    assert token.metadata is None
    fetched = await asyncio.gather(*[token.fetch(server, 1.0) for _ in range(3)])
    assert fetched == [(("token", "t1"),)] * 3
    assert server.requests == [("root", "secret")]


async def test_a_refused_token_is_fetched_again_and_a_newer_one_stays():
    token, server = token_of(Auth(username="root", password="secret")), Server()
    first = await token.fetch(server, 1.0)
    token.drop(first)
    second = await token.fetch(server, 1.0)
    token.drop(first)  # refused late: another caller has renewed it meanwhile
    assert token.metadata == second == (("token", "t2"),)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_credentials_may_be_functions_which_are_called_for_each_token(asynchronous):
    passwords = iter(["one", "two"])

    def password():
        return next(passwords)

    async def later():
        return next(passwords)

    token, server = token_of(Auth(username=lambda: "root", password=later if asynchronous else password)), Server()
    token.drop(await token.fetch(server, 1.0))
    await token.fetch(server, 1.0)
    assert server.requests == [("root", "one"), ("root", "two")]


async def test_a_token_may_be_a_function_and_then_nobody_authenticates():
    tokens = iter(["a", "b"])
    token = token_of(Auth(token=lambda: next(tokens)))
    assert await token.fetch(never, 1.0) == (("token", "a"),)
    token.drop(token.metadata)
    assert await token.fetch(never, 1.0) == (("token", "b"),)


@pytest.mark.parametrize("wrong", ["secret\n", " secret", "secrét", b"secret"], ids=repr)
async def test_a_token_that_cannot_be_sent_is_an_error_that_does_not_show_it(wrong):
    token = token_of(Auth(token=lambda: wrong))
    with pytest.raises(ConfigError, match=r"auth\.token") as caught:
        await token.fetch(never, 1.0)
    assert "secr" not in str(caught.value)


async def test_where_authentication_is_not_enabled_credentials_are_not_needed():
    token = token_of(Auth(username="root", password="secret"))
    assert await token.fetch(Server(DISABLED), 1.0) == ()
    assert token.metadata == ()


async def test_any_other_error_is_raised_and_the_token_fetched_at_the_next_call():
    token, server = token_of(Auth(username="root", password="secret")), Server(ConnectionFailedError())
    with pytest.raises(ConnectionFailedError):
        await token.fetch(server, 1.0)
    server.error = None
    assert await token.fetch(server, 1.0) == (("token", "t2"),)


@pytest.mark.parametrize("wrong", [3, None, b"pw"], ids=repr)
@pytest.mark.parametrize("option", ["username", "password", "token"])
async def test_what_a_function_returns_must_be_text(option, wrong):
    given = {"token": lambda: wrong} if option == "token" else {"username": "u", "password": "p", option: lambda: wrong}
    kind = "nothing" if wrong is None else type(wrong).__name__
    with pytest.raises(ConfigError, match=rf"^auth\.{option}: expected text, got {kind}$"):
        await token_of(Auth(**given)).fetch(never, 1)
