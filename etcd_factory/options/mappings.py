"""Option mappings as type checkers see them, so that ``ETCDService({"hots": ...})`` is an error in the editor.

Every key may be written in snake_case or camelCase, null means the default, and a duration is a number of seconds or
text like ``500ms``. ``AnyMapping`` next to a ``TypedDict`` accepts any mapping of unknown type: a ``dict[str, Any]``,
the ``DictConfig`` of a configuration file. A literal never matches it, since none of its values can be an
``UnknownOptionOrWrongType``: the class has the name of the mistake, as type checkers show it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol, TypedDict, final

from .credentials import Credential
from .fields import BatchingMode, PEMText
from .groups import TLS, Auth, Keepalive, Retry
from .secret import SecretValue

Priority = Literal["high", "medium", "low"]
PriorityWord = Literal["high", "medium", "low", "High", "Medium", "Low"]
FormatName = Literal["etcd_factory", "naming", "kratos", "go_zero", "kitex", "midway"]
BalancerName = Literal["round_robin", "random", "weighted", "least_connections", "consistent_hash", "p2c"]


@final
class UnknownOptionOrWrongType:
    """The type of an option that is unknown or has a value of the wrong type. It has no instances."""


AnyMapping = Mapping[str, UnknownOptionOrWrongType]


class Model(Protocol):
    """A pydantic model: an instance of it is a mapping of its fields."""

    def model_dump_json(self) -> str:
        """Return its values as JSON; it is never called."""
        ...


class URLObject(Protocol):
    """One of pydantic's URLs: it stands for its text."""

    def unicode_string(self) -> str:
        """Return its text."""
        ...


Host = str | URLObject
URLLike = str | SecretValue | URLObject  # the URL of a client


class AuthDict(TypedDict, total=False):
    """``Auth`` as a mapping."""

    username: Credential | None
    password: Credential | None
    token: Credential | None
    timeout: float | str | None


class TLSDict(TypedDict, total=False):
    """``TLS`` as a mapping."""

    ca: PEMText | None
    cert: PEMText | None
    key: PEMText | None
    server_name: str | None
    serverName: str | None


class RetryDict(TypedDict, total=False):
    """``Retry`` as a mapping."""

    attempts: int | None
    initial: float | str | None
    maximum: float | str | None


class KeepaliveDict(TypedDict, total=False):
    """``Keepalive`` as a mapping."""

    time: float | str | None
    timeout: float | str | None


AuthLike = Auth | AuthDict | AnyMapping | Model
TLSLike = TLS | TLSDict | AnyMapping | Model
RetryLike = Retry | RetryDict | AnyMapping | Model
KeepaliveLike = Keepalive | KeepaliveDict | AnyMapping | Model


class ClientOptionsDict(TypedDict, total=False):
    """``ClientOptions`` as a mapping."""

    hosts: Host | Sequence[Host] | None
    host: Host | Sequence[Host] | None
    auth: AuthLike | None
    tls: TLSLike | None
    credentials: TLSLike | None
    namespace: str | bytes | None
    timeout: float | str | None
    dial_timeout: float | str | None
    dialTimeout: float | str | None
    sync: float | str | None
    retry: RetryLike | None
    keepalive: KeepaliveLike | None
    grpc_options: Mapping[str, object] | None
    grpcOptions: Mapping[str, object] | None
    transport: Literal["h2", "grpc"] | None
    share: bool | str | None
    proxy: Host | None
    batching: BatchingMode | None
    client_class: type[object] | str | None
    clientClass: type[object] | str | None
    custom_client_class: type[object] | str | None
    customClientClass: type[object] | str | None


class ServiceOptionsDict(TypedDict, total=False):
    """``service_options``: what ``register`` uses unless its arguments say otherwise."""

    host: str
    port: int
    metadata: Mapping[str, object]
    weight: float
    tags: Iterable[str]


class ServiceDiscoveryDict(TypedDict, total=False):
    """``ServiceDiscovery`` as a mapping."""

    client: str | None
    namespace: str | None
    format: object  # a FormatName, or a Format of the registry's
    read: object  # one, or several
    ttl: int | str | None
    load_balancer: BalancerName | Callable[..., object] | None
    loadBalancer: BalancerName | Callable[..., object] | None
    service_options: ServiceOptionsDict | AnyMapping | None
    serviceOptions: ServiceOptionsDict | AnyMapping | None


class ConfigCenterDict(TypedDict, total=False):
    """``ConfigCenterOptions`` as a mapping."""

    client: str | None
    prefix: str | None
    fallback: str | os.PathLike[str] | None
    resolve: bool | None
