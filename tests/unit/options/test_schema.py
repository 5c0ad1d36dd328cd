from __future__ import annotations

import pytest

from etcd_factory.options import ClientOptions
from etcd_factory.options.schema import Kind, kind, kind_in, options


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), Kind.VALUE),
        (("client", "hosts"), Kind.LIST),
        (("client", "timeout"), Kind.VALUE),
        (("client", "auth", "password"), Kind.TEXT),
        (("client", "auth", "password", "file"), Kind.TEXT),
        (("clients", "any name", "tls", "ca"), Kind.TEXT),
        (("clients", "any name", "keepalive", "time"), Kind.VALUE),
        (("default", "namespace"), Kind.TEXT),
        (("client_priority", "a"), Kind.TEXT),
        (("clientPriority", "a"), Kind.TEXT),
        (("service_discovery", "service_options", "tags"), Kind.LIST),
        (("service_discovery", "format"), Kind.TEXT),
        (("service_discovery", "read"), Kind.LIST),
        (("client", "hots"), Kind.UNKNOWN),
        (("no such option",), Kind.UNKNOWN),
    ],
    ids=str,
)
def test_the_kind_of_an_option_is_found_by_its_place(path, expected):
    assert kind(path) is expected


def test_the_kind_of_a_single_clients_option_is_found_by_its_name():
    assert kind_in(ClientOptions, ("dialTimeout",)) is Kind.VALUE


def test_every_option_has_a_place_and_a_kind():
    found = list(options())
    assert ("client", "auth", "password") in found
    assert ("clients", "*", "hosts") in found
    assert len(found) == len(set(found))
    assert [path for path in found if kind(path) is Kind.UNKNOWN] == []
