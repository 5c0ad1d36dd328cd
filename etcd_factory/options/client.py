"""The options of one client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs
from attrs import field, frozen

from etcd_factory.errors import ConfigError

from . import fields
from .hosts import hosts, is_secure, is_srv
from .resolve import plain
from .structure import Checks, agree, named, nested, structure

Secret = str | Callable[[], Any]


def hidden(value: object) -> str:
    """What a secret looks like in a ``repr``."""
    return "None" if value is None else "***"


def file_only(value: object) -> str:
    """A path is shown, a key itself is not."""
    return "***" if isinstance(value, str) and "-----BEGIN" in value else repr(value)


def header(value: Any) -> str:
    """A text that can be sent as a token; the message of what is none does not show it."""
    written = fields.text(value)
    if not written.isascii() or not written.isprintable() or written != written.strip():
        raise ConfigError("expected printable ASCII with no space around it; does it end with a line break?")
    return written


def token(value: Any) -> Any:
    """Such a text, or a function that gives one when it is needed, or None."""
    return value if value is None or callable(value) else header(value)


def half(options: Any, one: str, other: str) -> str:
    """What is wrong where only one of two options is given."""
    given = [name for name in (one, other) if getattr(options, name) is not None]
    if len(given) != 1:
        return ""
    missing = other if given == [one] else one
    return f"{given[0]} is given without {missing}; give both or neither"


def mixed_auth(auth: Any) -> str:
    """A name needs a password; a token stands in place of both."""
    given = [name for name in ("username", "password") if getattr(auth, name) is not None]
    if auth.token is None or not given:
        return half(auth, "username", "password")
    return f"token is given beside {' and '.join(given)}; give one or the other, null takes away what was given below"


def half_pair(tls: Any) -> str:
    """A certificate needs its key."""
    return half(tls, "cert", "key")


def crossed(retry: Any) -> str:
    """The first pause is not the longest one."""
    return "initial is above maximum" if retry.initial > retry.maximum else ""


def plaintext(options: Any) -> str:
    """TLS needs hosts that have it: asked for it, a client never falls back to plaintext."""
    if options.tls is None or is_secure(options.hosts[0]) or is_srv(options.hosts[0]):
        return ""
    return f"tls is given, but the host {options.hosts[0]} is without TLS; write https://"


@frozen(field_transformer=named)
class Auth:
    """Who the client is: a name and a password, or a token that is had already.

    Each may be a function, in asyncio also ``async``: name and password are asked for each time a token is fetched, a
    token when there is none yet or the last one was refused. One that is just text is shown as it is; refused, it is an
    error.
    """

    username: Secret | None = field(default=None, converter=fields.secret)
    password: Secret | None = field(default=None, converter=fields.secret, repr=hidden)
    token: Secret | None = field(default=None, converter=token, repr=hidden)

    CHECKS: ClassVar[Checks] = ((frozenset({"username", "password", "token"}), mixed_auth),)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen(field_transformer=named)
class TLS:
    """How a server is known and how the client shows itself: paths of PEM files, or PEM text."""

    ca: str | None = field(default=None, converter=fields.pem, repr=file_only)
    cert: str | None = field(default=None, converter=fields.pem, repr=file_only)
    key: str | None = field(default=None, converter=fields.pem, repr=file_only)
    server_name: str | None = field(default=None, converter=fields.name)

    CHECKS: ClassVar[Checks] = ((frozenset({"cert", "key"}), half_pair),)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen(field_transformer=named)
class Retry:
    """How often a call is sent at most, and the pauses between in seconds: doubling from the first to the longest."""

    attempts: int = field(default=10, converter=fields.count)
    initial: float = field(default=0.025, converter=fields.seconds)
    maximum: float = field(default=1.0, converter=fields.seconds)

    CHECKS: ClassVar[Checks] = ((frozenset({"initial", "maximum"}), crossed),)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen(field_transformer=named)
class Keepalive:
    """gRPC's keepalive in seconds: a ping after ``time`` without a sign of life, given up after ``timeout``."""

    time: float = field(default=10.0, converter=fields.seconds)
    timeout: float = field(default=5.0, converter=fields.seconds)


NESTED = (Auth, TLS, Retry, Keepalive)


def auth_of(value: Any) -> Auth | None:
    """``{username, password}`` or ``{token}``, or nothing."""
    return None if value is None else nested(Auth, value)


def tls_of(value: Any) -> TLS | None:
    """``{ca, cert, key, server_name}``, or nothing."""
    return None if value is None else nested(TLS, value)


def retry_of(value: Any) -> Retry:
    """``{attempts, initial, maximum}``."""
    return nested(Retry, value)


def keepalive_of(value: Any) -> Keepalive:
    """``{time, timeout}``."""
    return nested(Keepalive, value)


@frozen(field_transformer=named)
class ClientOptions:
    """One client's options, read and checked. Durations are seconds; null or absent means the default.

    ``hosts``: one host or a list, kept as URLs. ``timeout``: for one operation with its retries. ``dial_timeout``: to
    reach one host. ``namespace``: put before every key. ``sync``: how often to look which members the cluster has, and
    to go on with those; null means never. Raises ``ConfigError`` with all that is wrong.
    """

    hosts: tuple[str, ...] = field(default=("http://127.0.0.1:2379",), converter=hosts)
    auth: Auth | None = field(default=None, converter=auth_of)
    tls: TLS | None = field(default=None, converter=tls_of)
    namespace: str | bytes = field(default="", converter=fields.prefix)
    timeout: float = field(default=5.0, converter=fields.seconds)
    dial_timeout: float = field(default=2.0, converter=fields.seconds)
    sync: float | None = field(default=None, converter=fields.interval)
    retry: Retry = field(default=Retry(), converter=retry_of)
    keepalive: Keepalive = field(default=Keepalive(), converter=keepalive_of)
    grpc_options: Mapping[str, Any] = field(default=fields.EMPTY, converter=fields.settings)
    batching: bool = field(default=False, converter=fields.disabled)
    client_class: type[Any] | None = field(default=None, converter=fields.imported)

    CHECKS: ClassVar[Checks] = ((frozenset({"hosts", "tls"}), plaintext),)
    INSIDE: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("username", "user", "password"), "auth: {username: ..., password: ...}"),
        "token": "auth: {token: ...}",
        **dict.fromkeys(("ca", "cert", "key", "server_name"), "tls: {ca: ..., cert: ..., key: ..., server_name: ...}"),
    }

    def __attrs_post_init__(self) -> None:
        agree(self)

    @property
    def secure(self) -> bool:
        """Whether the hosts are reached over TLS; those looked up in DNS are if ``tls`` is given."""
        return is_secure(self.hosts[0]) or (is_srv(self.hosts[0]) and self.tls is not None)

    @classmethod
    def of(cls, given: ClientOptions | Mapping[str, Any] | None = None) -> ClientOptions:
        """Options from whatever an option-taking call accepts."""
        if isinstance(given, cls):
            return given
        values, faults = plain({} if given is None else given)
        if faults:
            raise ConfigError(*faults)
        return structure(cls, fields.mapping(values))


def chosen(options: object) -> dict[str, Any]:
    """What differs from the defaults: that much of an instance stands over ``default`` when they are merged."""
    cls: Any = type(options)
    usual = cls()
    values = {a.name: getattr(options, a.name) for a in attrs.fields(cls)}
    return {
        name: chosen(value) if isinstance(value, NESTED) else value
        for name, value in values.items()
        if value != getattr(usual, name)
    }
