"""What both gRPC transports share: channel arguments, targets, and gRPC's errors as ours."""

from __future__ import annotations

import grpc
import pytest

from etcd_factory.errors import Code, KeyNotFoundError
from etcd_factory.io.grpc.channel import (
    LEAST_BACKOFF,
    MOST,
    UNLIMITED,
    arguments,
    kind,
    ms,
    target,
    translate,
)
from etcd_factory.options import ClientOptions
from etcd_factory.wire import methods
from tests.support.grpc_errors import Failed


def chosen(**options):
    return dict(arguments(ClientOptions.of(options)))


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({}, "grpc.max_receive_message_length", UNLIMITED),
        ({}, "grpc.max_send_message_length", UNLIMITED),
        ({}, "grpc.keepalive_permit_without_calls", 0),
        ({}, "grpc.use_local_subchannel_pool", 1),
        ({}, "grpc.enable_retries", 0),
        ({}, "grpc.enable_http_proxy", 0),
        ({"proxy": "proxy:3128"}, "grpc.enable_http_proxy", 1),
        ({"proxy": "proxy:3128"}, "grpc.http_proxy", "http://proxy:3128"),
        ({"keepalive": {"time": 1e7}}, "grpc.keepalive_time_ms", MOST),
        ({"dial_timeout": 1}, "grpc.dns_ares_query_timeout", 1000),
        ({"keepalive": {"time": 3}}, "grpc.keepalive_time_ms", 3000),
        ({"keepalive": {"timeout": 0.5}}, "grpc.keepalive_timeout_ms", 500),
        ({"dial_timeout": 3}, "grpc.min_reconnect_backoff_ms", 3000),
        ({"retry": {"initial": 0.5}}, "grpc.initial_reconnect_backoff_ms", 500),
        ({"retry": {"initial": 0.001}}, "grpc.initial_reconnect_backoff_ms", LEAST_BACKOFF),
        ({"retry": {"maximum": 3}}, "grpc.max_reconnect_backoff_ms", 3000),
        ({"hosts": ["https://a:1"], "tls": {"server_name": "etcd"}}, "grpc.ssl_target_name_override", "etcd"),
        ({"hosts": ["https://a:1"], "tls": {"server_name": "etcd"}}, "grpc.default_authority", "etcd"),
    ],
)
def test_a_channel_has_the_arguments_of_the_options(options, name, value):
    assert chosen(**options)[name] == value


@pytest.mark.parametrize("value", [5, "text", b"bytes"])
def test_grpc_options_override_and_add_arguments(value):
    given = {"grpc.keepalive_time_ms": 7, "grpc.primary_user_agent": value}
    found = chosen(transport="grpc", grpc_options=given, keepalive={"time": 3})
    assert (found["grpc.keepalive_time_ms"], found["grpc.primary_user_agent"]) == (7, value)


@pytest.mark.parametrize(
    ("url", "name"),
    [("http://a:1", "a:1"), ("https://[::1]:1", "[::1]:1"), ("unix:///run/etcd.sock", "unix:/run/etcd.sock")],
)
def test_grpcs_name_for_a_host(url, name):
    assert target(url) == name


@pytest.mark.parametrize(("seconds", "expected"), [(1.5, 1500), (0.0001, 1), (0, 1), (1e9, MOST), (float("inf"), MOST)])
def test_seconds_are_milliseconds_and_never_zero_nor_too_many(seconds, expected):
    assert ms(seconds) == expected


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (methods.RANGE, "unary_unary"),
        (methods.SNAPSHOT, "unary_stream"),
        (methods.WATCH, "stream_stream"),
        (methods.LEASE_KEEP_ALIVE, "stream_stream"),
        (methods.LEASE_KEEP_ALIVE_ONCE, "unary_unary"),
    ],
)
def test_the_kind_of_a_call_is_by_which_sides_stream(method, name):
    assert kind(method) == name
    assert hasattr(grpc.Channel, name)


def test_an_error_of_grpc_is_ours_with_the_endpoint():
    error = translate(Failed(grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: key not found"), "http://a:1")
    assert (type(error), error.code, error.endpoint) == (KeyNotFoundError, Code.INVALID_ARGUMENT, "a:1")


@pytest.mark.parametrize("status", grpc.StatusCode)
def test_every_status_of_grpc_has_a_code(status):
    if status is grpc.StatusCode.OK:
        return
    assert translate(Failed(status, None), "http://a:1").code.value == status.name
