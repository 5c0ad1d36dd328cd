"""The options of one client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import field, frozen

from . import fields
from .hosts import hosts, is_secure
from .structure import agree, nested, optional, structure

Secret = str | Callable[[], Any]


def hidden(value: object) -> str:
    """What a secret looks like in a ``repr``."""
    return "None" if value is None else "***"


def file_only(value: object) -> str:
    """A path is shown, a key itself is not."""
    return "***" if isinstance(value, str) and "-----BEGIN" in value else repr(value)


@frozen
class Auth:
    """Who the client is. Either may be a function, asked each time a token is fetched; in asyncio also ``async``."""

    username: Secret | None = field(default=None, converter=optional(fields.secret))
    password: Secret | None = field(default=None, converter=optional(fields.secret), repr=hidden)

    CHECKS = ((frozenset({"username", "password"}), lambda auth: half(auth, "username", "password")),)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen
class TLS:
    """How a server is known and how the client shows itself: paths of PEM files, or PEM text."""

    ca: str | None = field(default=None, converter=optional(fields.pem), repr=file_only)
    cert: str | None = field(default=None, converter=optional(fields.pem), repr=file_only)
    key: str | None = field(default=None, converter=optional(fields.pem), repr=file_only)
    server_name: str | None = field(default=None, converter=optional(fields.text))

    CHECKS = ((frozenset({"cert", "key"}), lambda tls: half(tls, "cert", "key")),)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen
class Retry:
    """How often a call is sent at most, and the pauses between in seconds: doubling from the first to the longest."""

    attempts: int = field(default=10, converter=fields.count)
    initial: float = field(default=0.025, converter=fields.seconds)
    maximum: float = field(default=1.0, converter=fields.seconds)

    CHECKS = (
        (
            frozenset({"initial", "maximum"}),
            lambda retry: "initial is above maximum" if retry.initial > retry.maximum else "",
        ),
    )

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen
class Keepalive:
    """gRPC's keepalive in seconds: a ping after ``time`` without a sign of life, given up after ``timeout``."""

    time: float = field(default=10.0, converter=fields.seconds)
    timeout: float = field(default=5.0, converter=fields.seconds)


def half(options: Any, one: str, other: str) -> str:
    """What is wrong where only one of two options is given."""
    given = [name for name in (one, other) if getattr(options, name) is not None]
    if len(given) != 1:
        return ""
    missing = other if given == [one] else one
    return f"{given[0]} is given without {missing}; give both or neither"


def plaintext(options: Any) -> str:
    """What is wrong where TLS is asked for and the hosts have none."""
    if options.tls is None or is_secure(options.hosts[0]):
        return ""
    return f"tls is given, but the host {options.hosts[0]} is without TLS; write https://"


@frozen
class ClientOptions:
    """One client's options, read and checked. Durations are seconds; null or absent means the default.

    ``hosts``: one host or a list, kept as URLs. ``timeout``: for one operation with its retries. ``dial_timeout``: to
    reach one host. ``namespace``: put before every key. Raises ``ConfigError`` with all that is wrong.
    """

    hosts: tuple[str, ...] = field(default=("http://127.0.0.1:2379",), converter=hosts)
    auth: Auth | None = field(default=None, converter=optional(nested(Auth)))
    tls: TLS | None = field(default=None, converter=optional(nested(TLS)))
    namespace: str | bytes = field(default="", converter=fields.prefix)
    timeout: float = field(default=5.0, converter=fields.seconds)
    dial_timeout: float = field(default=2.0, converter=fields.seconds)
    retry: Retry = field(default=Retry(), converter=nested(Retry))
    keepalive: Keepalive = field(default=Keepalive(), converter=nested(Keepalive))
    grpc_options: Mapping[str, Any] = field(factory=dict, converter=fields.mapping)
    batching: bool = field(default=False, converter=fields.disabled)
    client_class: type[Any] | None = field(default=None, converter=optional(fields.imported))

    CHECKS = ((frozenset({"hosts", "tls"}), plaintext),)

    def __attrs_post_init__(self) -> None:
        agree(self)

    @property
    def secure(self) -> bool:
        """Whether the hosts are reached over TLS."""
        return is_secure(self.hosts[0])

    @classmethod
    def of(cls, given: ClientOptions | Mapping[str, Any] | None = None) -> ClientOptions:
        """Options from whatever an option-taking call accepts."""
        return given if isinstance(given, cls) else structure(cls, fields.mapping({} if given is None else given))


def chosen(options: ClientOptions) -> dict[str, Any]:
    """What differs from the defaults: that much of an instance stands over ``default`` when they are merged."""
    plain = ClientOptions()
    values = {a.name: getattr(options, a.name) for a in attrs.fields(ClientOptions)}
    return {name: value for name, value in values.items() if value != getattr(plain, name)}
