"""What both gRPC transports share: channel arguments, targets, and gRPC's errors as ours."""

from __future__ import annotations

from typing import cast

import grpc

from etcd_factory.errors import Code, EtcdError, error_of
from etcd_factory.options import ClientOptions
from etcd_factory.options.secret import reveal
from etcd_factory.options.settings import Setting, Settings
from etcd_factory.wire.methods import Method

UNLIMITED = -1
MOST = 2**31 - 1  # of a channel's arguments, which are C ints
LEAST_BACKOFF = 100  # ms; gRPC accepts no less

# A harmless call to a service that every etcd serves. Any response to it, also an error, shows that there is a
# connection.
PROBE = "/grpc.health.v1.Health/Check"

# gRPC's names for the kinds of calls, by whether requests and responses are streamed
KINDS = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}

Argument = tuple[str, Setting]


def kind(method: Method[object, object]) -> str:
    """Return the name of the channel's method that starts such calls."""
    return KINDS[method.streams_requests, method.streams_responses]


def ms(seconds: float) -> int:
    """Return milliseconds, gRPC's unit, as many as it can hold: 24 days."""
    return int(min(max(1.0, seconds * 1000), MOST))


def arguments(options: ClientOptions) -> list[Argument]:
    """Return a channel's arguments; ``grpc_options`` override them."""
    chosen: dict[str, Setting] = {
        # Go's client sets no limit either; etcd's own is 1.5 MB a request, and pages bound what is read
        "grpc.max_receive_message_length": UNLIMITED,
        "grpc.max_send_message_length": UNLIMITED,
        "grpc.keepalive_time_ms": ms(options.keepalive.time),
        "grpc.keepalive_timeout_ms": ms(options.keepalive.timeout),
        # etcd disconnects clients that ping without a call under way
        "grpc.keepalive_permit_without_calls": 0,
        # gRPC takes the least back-off also as the timeout of one connection attempt
        "grpc.min_reconnect_backoff_ms": ms(options.dial_timeout),
        # a name server that does not answer would hold up a call for 12 s, and the next host would not be tried
        "grpc.dns_ares_query_timeout": ms(options.dial_timeout),
        "grpc.initial_reconnect_backoff_ms": max(LEAST_BACKOFF, ms(options.retry.initial)),
        "grpc.max_reconnect_backoff_ms": max(LEAST_BACKOFF, ms(options.retry.maximum)),
        # connections belong to one client: closing it closes them, and the back-off of another does not delay it
        "grpc.use_local_subchannel_pool": 1,
        "grpc.enable_retries": 0,
        # a proxy only if the options name one: the environment's swallows calls to the loopback address too
        "grpc.enable_http_proxy": 0,
    }
    if options.proxy:
        chosen |= {"grpc.enable_http_proxy": 1, "grpc.http_proxy": str(reveal(options.proxy))}
    if options.tls and options.tls.server_name:
        chosen["grpc.ssl_target_name_override"] = options.tls.server_name
        chosen["grpc.default_authority"] = options.tls.server_name
    return list({**chosen, **cast("Settings", options.grpc_options)}.items())


def target(url: str) -> str:
    """Return gRPC's name for a host."""
    scheme, _, rest = url.partition("://")
    return f"unix:{rest}" if scheme == "unix" else rest


def translate(error: grpc.RpcError, url: str) -> EtcdError:
    """Return our error for gRPC's."""
    return error_of(Code(error.code().name), str(error.details() or ""), url.partition("://")[2])
