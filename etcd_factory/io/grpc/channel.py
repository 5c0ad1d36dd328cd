"""What both faces tell gRPC, and how they read its errors."""

from __future__ import annotations

from typing import Any

import grpc

from etcd_factory.errors import Code, EtcdError, error_of
from etcd_factory.options import ClientOptions

UNLIMITED = -1
LEAST_BACKOFF = 100  # ms; gRPC takes no less

# With these words gRPC says that it had no connection to send the request on (core's pick_first and DNS resolver).
UNSENT = ("failed to connect to all addresses", "DNS resolution failed", "Failed to connect to remote host")


def ms(seconds: float) -> int:
    """Milliseconds, gRPC's unit."""
    return max(1, int(seconds * 1000))


def arguments(options: ClientOptions) -> list[tuple[str, Any]]:
    """A channel's options; ``grpc_options`` come last and so win."""
    chosen: dict[str, Any] = {
        # Go's client sets no limit either; etcd's own is 1.5 MB a request, and pages bound what is read
        "grpc.max_receive_message_length": UNLIMITED,
        "grpc.max_send_message_length": UNLIMITED,
        "grpc.keepalive_time_ms": ms(options.keepalive.time),
        "grpc.keepalive_timeout_ms": ms(options.keepalive.timeout),
        # etcd cuts off clients that ping without a call under way
        "grpc.keepalive_permit_without_calls": 0,
        # gRPC takes the least back-off for the time that one connection attempt may last as well
        "grpc.min_reconnect_backoff_ms": ms(options.dial_timeout),
        "grpc.initial_reconnect_backoff_ms": max(LEAST_BACKOFF, ms(options.retry.initial)),
        "grpc.max_reconnect_backoff_ms": max(LEAST_BACKOFF, ms(options.retry.maximum)),
        # connections are this client's own: closing it closes them, and another's back-off does not delay it
        "grpc.use_local_subchannel_pool": 1,
        "grpc.enable_retries": 0,
    }
    if options.tls and options.tls.server_name:
        chosen["grpc.ssl_target_name_override"] = options.tls.server_name
        chosen["grpc.default_authority"] = options.tls.server_name
    return list({**chosen, **options.grpc_options}.items())


def target(url: str) -> str:
    """gRPC's name for a host."""
    scheme, _, rest = url.partition("://")
    return f"unix:{rest}" if scheme == "unix" else rest


def translate(error: grpc.RpcError, url: str) -> EtcdError:
    """Our error for gRPC's."""
    code, details = Code(error.code().name), str(error.details() or "")
    ours = error_of(code, details, url.partition("://")[2])
    ours.sent = not (code is Code.UNAVAILABLE and any(text in details for text in UNSENT))
    return ours
