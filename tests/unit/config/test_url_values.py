from __future__ import annotations

import pytest

from etcd_factory.config.url_values import url_values
from etcd_factory.options import Secret


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("timeout=5", {"timeout": 5}),
        ("timeout=5s", {"timeout": "5s"}),
        ("share=false", {"share": False}),
        ("sync=", {"sync": None}),
        ("auth.token=123", {"auth": {"token": "123"}}),
        ("tls.server_name=123", {"tls": {"server_name": "123"}}),
        ("auth.timeout=3", {"auth": {"timeout": 3}}),
        ("transport=${x}", {"transport": "\\${x}"}),
    ],
)
def test_the_options_of_a_query_are_values_of_their_kind(query, options):
    assert url_values(f"etcd://h?{query}") == {"hosts": ["http://h:2379"], **options}


def test_a_secret_may_hold_a_url():
    assert url_values(Secret("etcds://h/ns")) == {"hosts": ["https://h:2379"], "namespace": "ns"}


@pytest.mark.parametrize(
    "value", ["a:1", None, 5, {}, "etcd://", "etcd://h?x", "etcd://h?timeout=[", "etcd://h?sync=-: -"]
)
def test_anything_else_has_none(value):
    assert url_values(value) is None
