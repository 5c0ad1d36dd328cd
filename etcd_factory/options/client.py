"""The options of one client."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal

import attrs
from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault

from . import fields, numbers
from .fields import BatchingMode, Values
from .groups import TLS, UNVERIFIED, VERIFIED, Auth, Keepalive, Retry
from .hosts import hosts, is_local, is_secure, is_srv
from .kinds import is_list, is_mapping, kind
from .mappings import AnyMapping, AuthLike, ClientOptionsDict, KeepaliveLike, Model, RetryLike, TLSLike, URLLike
from .proxy import proxy
from .resolve import plain
from .secret import masked_options, reveal
from .settings import Settings
from .structure import Checks, Present, agree, assemble, named, nested, structure
from .urls import unfolded

log = logging.getLogger("etcd_factory.options")

HOST = re.compile(r"[\w.-]{1,100}:\d{1,5}")  # which errors show
SHELL = re.compile(r"\$\{?[A-Za-z_]\w*\}?")
NOT_REPLACED = "which is not replaced; write ${oc.env:NAME} in a file, os.environ['NAME'] in Python"
MILLISECONDS = 1000  # from here on a whole number is rather in the unit of Node's clients
# What others call the hosts.
ADDRESSES = (
    *("address", "addresses", "addr", "endpoint", "endpoints", "node", "nodes"),
    *("port", "server", "servers", "uri", "url", "urls"),
)
CERTIFICATES = "tls: {ca: ..., cert: ..., key: ..., server_name: ...}"
GROUPS = (Auth, TLS, Retry, Keepalive)


def misplaced(given: object) -> ConfigError:
    """Return the error for what stands where the options of a client belong: often its hosts."""
    shown = given if isinstance(given, str) and HOST.fullmatch(given) else "host:port"  # else it may be a secret
    advice = f'; write {{"hosts": "{shown}"}}' if isinstance(given, str) or is_list(given) else ""
    return ConfigError(f"expected a mapping, got {kind(given)}{advice}")


def has_names(value: object) -> bool:
    """Whether the keys of a mapping are text; True for anything else."""
    return not is_mapping(value) or all(isinstance(key, str) for key in value)


def auth_of(value: AuthLike | None) -> Auth | None:
    """Return ``{username, password}`` or ``{token}`` as ``Auth``."""
    if not has_names(value):
        raise ConfigError("expected names as keys, got another kind of key")  # it may be a secret
    return None if value is None else nested(Auth, value)


def tls_of(value: TLSLike | None) -> TLS | None:
    """Return ``{ca, cert, key, server_name}`` as ``TLS``."""
    return None if value is None else nested(TLS, value)


def retry_of(value: RetryLike) -> Retry:
    """Return ``{attempts, initial, maximum}`` as ``Retry``."""
    return nested(Retry, value)


def keepalive_of(value: KeepaliveLike) -> Keepalive:
    """Return ``{time, timeout}`` as ``Keepalive``."""
    return nested(Keepalive, value)


def plaintext(options: ClientOptions, present: Present) -> str:
    """Return the problem if TLS is set for hosts without it: a client never falls back to plaintext."""
    if "tls" not in present or is_secure(options.hosts[0]) or is_srv(options.hosts[0]):
        return ""
    return f"tls is set, but the host {options.hosts[0]} does not use TLS; write https://"


def grpc_only(options: ClientOptions, present: Present) -> str:
    """Return the problem if there are options of gRPC for another transport."""
    if "grpc_options" not in present or not options.grpc_options or options.transport == "grpc":
        return ""
    return f"grpc_options belong to gRPC, but the transport is {options.transport}; set transport: grpc, or remove them"


@frozen(field_transformer=named)
class ClientOptions:
    """One client's options, converted and checked. Durations are in seconds; None or absent means the default.

    ``hosts``: one host or a list, ``host:port``, kept as URLs; ``https://`` uses TLS, ``srv://`` looks them up.
    ``auth``: how the client authenticates; by default not. ``tls``: the certificates, for ``https://`` hosts.
    ``namespace``: a prefix for every key. ``timeout``: for one operation including its retries. ``dial_timeout``: to
    connect to one host. ``sync``: how often to update the hosts from the cluster's member list; None means never.
    ``retry``: attempts of a call, and the pauses between them. ``keepalive``: pings that find a dead connection.
    ``transport``: what carries the calls, our own HTTP/2 or ``grpc``. ``share``: whether clients of the process with
    equal hosts, credentials, TLS and transport options share connections, in asyncio those of one event loop.
    ``proxy``: an HTTP proxy to connect through, ``http://host:port``; those of the environment are never used.
    ``grpc_options``: channel options of gRPC, for ``transport: grpc`` alone. ``batching``: which concurrent calls of
    single keys leave together, as one transaction: none (False), ``reads``, or ``all``; writes may then share a
    revision. ``client_class``: what a factory creates in the place of its own client, as ``package.module:Class``.
    Raises ``ConfigError`` listing every problem.
    """

    hosts: tuple[str, ...] = field(default=("http://127.0.0.1:2379",), converter=hosts)
    auth: Auth | None = field(default=None, converter=auth_of)
    tls: TLS | None = field(default=None, converter=tls_of)
    namespace: str | bytes = field(default="", converter=fields.prefix)
    timeout: float = field(default=5.0, converter=numbers.seconds)
    dial_timeout: float = field(default=2.0, converter=numbers.seconds)
    sync: float | None = field(default=None, converter=numbers.interval)
    retry: Retry = field(default=Retry(), converter=retry_of)
    keepalive: Keepalive = field(default=Keepalive(), converter=keepalive_of)
    transport: Literal["h2", "grpc"] = field(default="h2", converter=fields.transport)
    share: bool = field(default=True, converter=fields.switch)
    proxy: str | None = field(default=None, converter=proxy)
    grpc_options: Mapping[str, object] = field(default=Settings({}), converter=fields.grpc_options)
    batching: BatchingMode = field(default=False, converter=fields.batching)
    client_class: type[object] | None = field(default=None, converter=fields.imported)

    CHECKS: ClassVar[Checks] = (
        (frozenset({"hosts"}), plaintext),
        (frozenset({"transport", "grpc_options"}), grpc_only),
    )
    INSIDE: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("username", "user", "password"), "auth: {username: ..., password: ...}"),
        "token": "auth: {token: ...}",
        **dict.fromkeys(("ca", "cert", "key", "server_name"), CERTIFICATES),
        **dict.fromkeys(("ca_cert", "cert_cert", "cert_key"), CERTIFICATES),  # as python-etcd3 has them
        **dict.fromkeys(("key_prefix", "prefix"), "namespace: ..."),
        **dict.fromkeys(ADDRESSES, "hosts: [host:port, ...]"),
        **dict.fromkeys(("attempts", "max_retries", "retries"), "retry: {attempts: ...}"),
        **dict.fromkeys(("connect_timeout", "connection_timeout"), "dial_timeout: ..."),
        "default_call_options": "timeout: ...",  # this and the next as Node's client has them
        "fault_handling": "retry: {attempts: ..., initial: ..., maximum: ...}",
        **dict.fromkeys(("https", "secure", "ssl", "use_ssl", "use_tls"), "https:// before each of the hosts"),
    }
    ADVICE: ClassVar[dict[str, str]] = dict.fromkeys(UNVERIFIED, f"{VERIFIED}: tls: {{ca: ..., server_name: ...}}")

    def __attrs_post_init__(self) -> None:
        agree(self)
        warn(self)

    @property
    def secure(self) -> bool:
        """Whether the hosts are reached over TLS; ``srv://`` hosts are if ``tls`` is set."""
        return is_secure(self.hosts[0]) or (is_srv(self.hosts[0]) and self.tls is not None)

    @classmethod
    def of(cls, given: ClientOptionsLike | None = None) -> ClientOptions:
        """Return options from an instance, a mapping, an OmegaConf tree, a pydantic model or a URL.

        Raises ``ConfigError`` listing every problem.
        """
        if isinstance(given, cls):
            return given
        given = masked_options(given)
        values, faults = plain({} if given is None else unfolded(given))
        if faults:
            raise ConfigError(*faults)
        if not is_mapping(values):
            raise misplaced(values)
        made = structure(cls, fields.mapping(values))
        warn(made)
        return made


def doubtful(options: ClientOptions) -> Iterator[Fault]:
    """Yield what is probably wrong, with its place."""
    yield from unreplaced(options)
    for name in ("timeout", "dial_timeout"):
        value = getattr(options, name)
        if isinstance(value, int) and value >= MILLISECONDS:  # '5000s' has become a float
            yield Fault("", name, f"{value} are seconds; for milliseconds write '{value}ms', if it is meant '{value}s'")


def unreplaced(options: ClientOptions) -> Iterator[Fault]:
    """Yield each place where a shell variable was left: the client would call that host, or send it as a password.

    No text of a credential is shown.
    """
    for host in options.hosts:
        if SHELL.search(host):
            yield Fault("", "hosts", f"{host} has a shell variable, {NOT_REPLACED}")
    for name in ("username", "password", "token"):
        value = reveal(getattr(options.auth, name, None))
        if isinstance(value, str) and SHELL.fullmatch(value):  # a password may well have a "$" in it
            yield Fault("", f"auth.{name}", f"is a shell variable, {NOT_REPLACED}")


def warn(options: object) -> None:
    """Log a warning for each thing in a client's options that is probably wrong."""
    for fault in doubtful(options) if isinstance(options, ClientOptions) else ():
        log.warning("%s", fault)


def warn_of_plaintext(options: ClientOptions) -> None:
    """Log a warning if credentials are sent over a network without TLS; once for the same hosts."""
    if options.auth is not None and not options.secure:
        warn_of_hosts(tuple(host for host in options.hosts if not is_local(host)))


@lru_cache(maxsize=1024)  # once, however many clients there are
def warn_of_hosts(hosts: tuple[str, ...]) -> None:
    """Log a warning that these hosts, if any, get credentials in plaintext."""
    if hosts:
        log.warning("the credentials are sent to %s without encryption; use https:// hosts", ", ".join(hosts))


ClientOptionsLike = ClientOptions | ClientOptionsDict | AnyMapping | Model | URLLike


def without_class(options: ClientOptions) -> ClientOptions:
    """Return the options without ``client_class``; the others are not converted again."""
    if options.client_class is None:
        return options
    values = {a.name: getattr(options, a.name) for a in attrs.fields(ClientOptions)}
    return assemble(ClientOptions, {**values, "client_class": None})


def non_defaults(options: object) -> Values:
    """Return what differs from the defaults: when an instance is merged over ``default``, only this wins."""
    cls: Any = type(options)
    values = [(a, getattr(options, a.name)) for a in attrs.fields(cls)]
    return {
        a.name: non_defaults(value) if isinstance(value, GROUPS) else value for a, value in values if value != a.default
    }
