"""The token that an authenticated client shows with each call: fetched at the first one, again when it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from etcd_factory.errors import Code, EtcdError
from etcd_factory.options import Auth
from etcd_factory.wire import messages

from .flights import Flights
from .ports import Metadata, value_of

NONE: Metadata = ()

Authenticate = Callable[[Any, float], Awaitable[Any]]


class Token:
    """The current token as metadata. Without ``auth`` there is none, and nothing is fetched."""

    def __init__(self, auth: Auth | None, flights: Flights) -> None:
        self.auth = auth
        self.metadata: Metadata | None = NONE if auth is None else None
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
        try:
            reply = await authenticate(await self._request(), timeout)
        except EtcdError as error:
            if error.code == Code.FAILED_PRECONDITION and "authentication is not enabled" in error.message:
                return NONE  # Go's client does so too: credentials may be set before authentication is switched on
            raise
        return (("token", reply.token),)

    async def _request(self) -> Any:
        assert self.auth is not None
        name, password = await called(self.auth.username), await called(self.auth.password)
        return messages.AuthenticateRequest(name=name, password=password)

    def drop(self, refused: Metadata) -> None:
        """Forget a token that was refused; one fetched since then stays."""
        if self.metadata == refused and self.auth is not None:
            self.metadata = None


async def called(given: Any) -> Any:
    """A credential, asked for where it is a function."""
    return await value_of(given() if callable(given) else given)
