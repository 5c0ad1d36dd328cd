from __future__ import annotations

import re

import pytest

from etcd_factory.config.schema_values import DURATION, HOST, URL, VALUES, any_case
from etcd_factory.options import factory
from etcd_factory.options.schema import GROUPS, converters
from etcd_factory.options.urls import is_url


@pytest.mark.parametrize(
    "cls", sorted({factory.FactoryOptions, *GROUPS.values()}, key=str), ids=lambda cls: cls.__name__
)
def test_every_converter_has_its_values(cls):
    others = {*GROUPS, factory.priorities_of}
    assert [name for name, read in converters(cls).items() if read not in VALUES and read not in others] == []


def test_words_may_have_any_capitals():
    pattern = any_case(["high", "low"])
    assert all(re.search(pattern, word) for word in ("high", "High", "LOW"))
    assert not any(re.search(pattern, word) for word in ("hi", "highlow", "a"))


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        (DURATION, "1h2m3.5s", True),
        (DURATION, "10us", True),
        (DURATION, "0s", False),
        (DURATION, "5", False),
        (HOST, "a:1,b:2", True),
        (HOST, "https://a", True),
        (HOST, "ftp://a", False),
        (HOST, "u:p@a", False),
    ],
)
def test_patterns(schema, text, expected):
    assert bool(re.search(schema["pattern"], text)) is expected


@pytest.mark.parametrize("text", ["etcd://h", " ETCDS://h", "http://h", "etcd:/h", "xetcd://h", ""])
def test_a_url_is_recognized_as_the_loader_does(text):
    assert bool(re.search(URL["pattern"], text)) is is_url(text)
