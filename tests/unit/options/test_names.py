from __future__ import annotations

import pytest

from etcd_factory.options.names import canonical


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("host", "hosts"),
        ("hosts", "hosts"),
        ("credentials", "tls"),
        ("customClientClass", "client_class"),
        ("custom_client_class", "client_class"),
        ("clientClass", "client_class"),
        ("priority", "client_priority"),
        ("clientPriority", "client_priority"),
        ("defaultClientName", "default_client_name"),
        ("dialTimeout", "dial_timeout"),
        ("DIAL_TIMEOUT", "dial_timeout"),
        ("serverName", "server_name"),
        ("grpcOptions", "grpc_options"),
        ("APIKey", "api_key"),
        ("nonsense", "nonsense"),
    ],
)
def test_each_spelling_of_an_option_has_one_name(written, name):
    assert canonical(written) == name
