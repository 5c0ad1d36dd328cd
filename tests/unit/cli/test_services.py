from __future__ import annotations

import pytest

from etcd_factory.cli.services import described, pairs
from etcd_factory.errors import ConfigError
from etcd_factory.registry import ServiceInstance


def test_metadata_is_written_as_pairs():
    assert pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    assert pairs([]) is None


@pytest.mark.parametrize("text", ["a", "=1", ""])
def test_another_text_is_an_error(text):
    with pytest.raises(ConfigError, match="write NAME=VALUE"):
        pairs([text])


def test_an_instance_without_a_port_has_no_address():
    assert described(ServiceInstance("s", "1"))["address"] is None
    assert described(ServiceInstance("s", "1", "::1", 80, tags=("a",)))["address"] == "[::1]:80"
