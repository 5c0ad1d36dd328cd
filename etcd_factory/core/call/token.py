"""The token that authenticates a client: fetched before the first call, and again after it was refused.

A token of the user's own is sent as it is, or taken from their function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from etcd_factory.core.face import settle
from etcd_factory.core.ports import Metadata
from etcd_factory.errors import Code, ConfigError, EtcdError, Fault
from etcd_factory.options import Auth
from etcd_factory.options.fields import header
from etcd_factory.options.kinds import kind
from etcd_factory.options.secret import Secret, reveal
from etcd_factory.options.structure import below
from etcd_factory.wire import messages

from .single_flight import SingleFlight

if TYPE_CHECKING:
    from etcd_factory.wire.messages import AuthenticateRequest, AuthenticateResponse

NONE: Metadata = ()


class Hidden(tuple[Any, ...]):
    """Metadata whose repr does not show the token."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


Authenticate = Callable[["AuthenticateRequest", float], Awaitable["AuthenticateResponse"]]


class AuthToken:
    """The current token as metadata. ``auth`` is where a new one comes from, None if there is no such source."""

    def __init__(self, auth: Auth | None, single_flight: SingleFlight) -> None:
        self.metadata = fixed(auth)
        self.auth = auth if self.metadata is None else None
        self._single_flight = single_flight

    async def fetch(self, authenticate: Authenticate, timeout: float) -> Metadata:
        """Return the token, fetched by one caller for all who wait."""

        async def fetched() -> Metadata:
            if self.metadata is None:
                self.metadata = await self._fetch(authenticate, timeout)
            return self.metadata

        return await self._single_flight.run("token", fetched, timeout)

    async def _fetch(self, authenticate: Authenticate, timeout: float) -> Metadata:
        assert self.auth is not None
        if self.auth.token is not None:
            return as_metadata(checked(a_text("token", await credential(self.auth.token))))
        try:
            reply = await authenticate(await self._request(), timeout)
        except EtcdError as error:
            if error.code == Code.FAILED_PRECONDITION and "authentication is not enabled" in error.message:
                return NONE  # as in Go's client: credentials may be configured before authentication is enabled
            raise
        return as_metadata(reply.token)

    async def _request(self) -> AuthenticateRequest:
        assert self.auth is not None
        name = a_text("username", await credential(self.auth.username))
        password = a_text("password", await credential(self.auth.password))
        return messages.AuthenticateRequest(name=revealed(name), password=revealed(password))

    def drop(self, refused: Metadata) -> None:
        """Forget a token that was refused; one fetched since then stays."""
        if self.metadata == refused and self.auth is not None:
            self.metadata = None


def fixed(auth: Auth | None) -> Metadata | None:
    """Return the metadata that never changes, None if it must be fetched."""
    if auth is None:
        return NONE
    return as_metadata(auth.token.get_secret_value()) if isinstance(auth.token, Secret) else None


def as_metadata(token: str) -> Metadata:
    """Return a token as metadata."""
    return Hidden((("token", token),))


def checked(token: Any) -> str:
    """Return a token that the user's function returned; ``ConfigError`` if it cannot be sent."""
    try:
        return header(token)
    except ConfigError as error:
        raise ConfigError(*below("auth.token", error.faults)) from None


def a_text(option: str, given: Any) -> Any:
    """Return a credential unchanged; ``ConfigError`` if the user's function returned no text."""
    if not isinstance(reveal(given), str):
        raise ConfigError(Fault("", f"auth.{option}", f"expected text, got {kind(given)}"))
    return given


async def credential(given: Any) -> Any:
    """Return a credential as a ``Secret``, from its function if it is one; what is no text is unchanged.

    Tools that report errors print local variables, so its text is not held in one.
    """
    return hidden(await settle(given() if callable(given) else given))


def revealed(given: Any) -> Any:
    """Return the text of a ``Secret``, anything else unchanged: protobuf refuses what is no text."""
    return reveal(given)


def hidden(given: Any) -> Any:
    """Return text as a ``Secret``, anything else unchanged."""
    return Secret(given) if isinstance(given, str) else given
