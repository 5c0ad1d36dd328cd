"""The token that an authenticated client shows with each call: fetched at the first one, again when it is refused.

One that the user has is shown as it is, or asked for where it is a function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from etcd_factory.core.ports import Metadata, value_of
from etcd_factory.errors import Code, ConfigError, EtcdError
from etcd_factory.options import Auth
from etcd_factory.options.fields import header
from etcd_factory.options.structure import below
from etcd_factory.wire import messages

from .single_flight import SingleFlight

NONE: Metadata = ()

Authenticate = Callable[[Any, float], Awaitable[Any]]


class AuthToken:
    """The current token as metadata. ``auth`` is what brings a new one, None where nothing does."""

    def __init__(self, auth: Auth | None, flights: SingleFlight) -> None:
        self.metadata = known(auth)
        self.auth = auth if self.metadata is None else None
        self._flights = flights

    async def fetch(self, authenticate: Authenticate, timeout: float) -> Metadata:
        """The token, asked for by one caller for all who wait."""

        async def ask() -> Metadata:
            if self.metadata is None:
                self.metadata = await self._ask(authenticate, timeout)
            return self.metadata

        fetched: Metadata = await self._flights.once("token", ask, timeout)
        return fetched

    async def _ask(self, authenticate: Authenticate, timeout: float) -> Metadata:
        assert self.auth is not None
        if self.auth.token is not None:
            return shown(told(await called(self.auth.token)))
        try:
            reply = await authenticate(await self._request(), timeout)
        except EtcdError as error:
            if error.code == Code.FAILED_PRECONDITION and "authentication is not enabled" in error.message:
                return NONE  # Go's client does so too: credentials may be set before authentication is switched on
            raise
        return shown(reply.token)

    async def _request(self) -> Any:
        assert self.auth is not None
        name, password = await called(self.auth.username), await called(self.auth.password)
        return messages.AuthenticateRequest(name=name, password=password)

    def drop(self, refused: Metadata) -> None:
        """Forget a token that was refused; one fetched since then stays."""
        if self.metadata == refused and self.auth is not None:
            self.metadata = None


def known(auth: Auth | None) -> Metadata | None:
    """What is shown without asking anybody, None if somebody is to be asked."""
    if auth is None:
        return NONE
    return shown(auth.token) if isinstance(auth.token, str) else None


def shown(token: str) -> Metadata:
    """A token as metadata."""
    return (("token", token),)


def told(given: Any) -> str:
    """A token that a function gave."""
    try:
        return header(given)
    except ConfigError as error:
        raise ConfigError(*below("auth.token", error.faults)) from None


async def called(given: Any) -> Any:
    """A credential, asked for where it is a function."""
    return await value_of(given() if callable(given) else given)
